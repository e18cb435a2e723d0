"""The blocks for the equipment mailbox, the same everywhere (deployment guide,
"Creating an equipment resource", "Configuring the equipment resource"). Pure."""

from pexschedd.doctor.remedies import PROCESSING

MAILBOX = """
# --- The equipment mailbox ---------------------------------------------------------
# One for each integration, and for each installation: test systems need their own.
# A room works, too, but appears in the Room Finder.

if (-not (Get-Mailbox -Filter "EmailAddresses -eq $(Filtered "smtp:$Mailbox")")) {
    $New = @{
        Name = $MailboxName
        DisplayName = $MailboxName
        Alias = $MailboxAlias
        PrimarySmtpAddress = $Mailbox
    }
    if ($MailboxType -eq 'Room') { New-Mailbox -Room @New }
    else { New-Mailbox -Equipment @New }
}
$Found = Get-Mailbox -Filter "EmailAddresses -eq $(Filtered "smtp:$Mailbox")"
if (-not $Found) { throw "$Mailbox is not visible yet: run this again in a minute." }
if ($Found.RecipientTypeDetails -notin 'EquipmentMailbox', 'RoomMailbox') {
    throw "$Mailbox is a $($Found.RecipientTypeDetails): use an equipment mailbox."
}
if ("$($Found.PrimarySmtpAddress)" -ne $Mailbox) {
    throw "Use its primary address, $($Found.PrimarySmtpAddress), in the integration."
}
"""

SENDERS = """
# --- Requests of people only who have signed in ------------------------------------
# Anybody else can write any sender, and move or cancel other people's meetings.

Set-Mailbox -Identity $Mailbox -RequireSenderAuthenticationEnabled $true
"""

CALENDAR = f"""
# --- Automatic processing off, conflicts allowed -----------------------------------
# Otherwise Exchange itself accepts meetings, and no virtual room is created for them.

Set-CalendarProcessing -Identity $Mailbox {PROCESSING}
{SENDERS}"""
