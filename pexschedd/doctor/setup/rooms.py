"""The script that sets Exchange up for One-Touch Join: on-premises ("Configuring
Exchange on-premises for One-Touch Join"), or in Microsoft 365. Pure."""

from collections.abc import Iterable, Iterator

from pexschedd.doctor.case import ONLINE_HOSTS, host_of
from pexschedd.doctor.setup import microsoft365, onpremises, rooms_microsoft365
from pexschedd.doctor.setup.script import joined
from pexschedd.doctor.setup.values import FILTERED
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.util.powershell import comment, quoted


def rooms_script(deployment: ExchangeDeployment, rooms: Iterable[str]) -> str:
    """Return the complete script, which is safe to run more than once."""
    if is_online(deployment):
        return joined(_online_blocks(deployment, rooms))
    return joined(
        [
            _head(deployment),
            _values(deployment, rooms),
            onpremises.SHELL,
            _ACCOUNT,
            ROOMS,
            _IMPERSONATION,
            onpremises.method(deployment.authentication_method),
            PROCESSING,
            _THROTTLING,
            _VERIFY,
            VERIFY_PROCESSING,
            _VERIFY_ADDRESSES,
        ]
    )


def is_online(deployment: ExchangeDeployment) -> bool:
    """Return True if the deployment's Exchange is that of Microsoft 365: an application
    reads the rooms, or the EWS URL says so."""
    if deployment.authentication_method == "APP_PERM":
        return True
    return host_of(deployment.ews_url).casefold() in ONLINE_HOSTS


def _online_blocks(
    deployment: ExchangeDeployment, rooms: Iterable[str]
) -> Iterator[str]:
    yield _head(deployment)
    if deployment.authentication_method != "APP_PERM":
        yield rooms_microsoft365.NO_ACCOUNT
    yield _values(deployment, rooms)
    yield microsoft365.CONNECT
    yield rooms_microsoft365.APPLICATION
    yield ROOMS
    yield rooms_microsoft365.ROLE
    yield PROCESSING
    yield rooms_microsoft365.EWS
    yield rooms_microsoft365.VERIFY
    yield VERIFY_PROCESSING


def _head(deployment: ExchangeDeployment) -> str:
    whose = f"deployment {deployment.id}: {deployment.name}"
    return head(whose, online=is_online(deployment))


def head(whose: str, *, online: bool) -> str:
    """Return the comment at the script's beginning."""
    where = "Exchange Online" if online else "Exchange on-premises"
    shell = (
        (
            "Run it in PowerShell with the module ExchangeOnlineManagement, as a",
            "member of Organization Management.",
        )
        if online
        else (
            "Run it in the Exchange Management Shell, as a member of Organization",
            "Management.",
        )
    )
    lines = [
        f"Sets up {where} for One-Touch Join, for the {whose}",
        "",
        *shell,
        "It may be run again, and should be when rooms come or go: what exists is kept",
        "or brought up to date. Read it first, and choose where it says CHOOSE. It",
        "contains no password; you are asked for what it needs.",
    ]
    return "\n".join(comment(line).rstrip() for line in lines)


def _values(deployment: ExchangeDeployment, rooms: Iterable[str]) -> str:
    name = f"pexschedd One-Touch Join {deployment.id}"
    who = ("Account", deployment.service_account_username, "the service account")
    if is_online(deployment):
        who = ("AppId", deployment.oauth_client_id or "", "of the app registration")
    rows = [
        who,
        ("RoleName", name, "of the scope and the role that are created here"),
        ("GroupName", f"{name} rooms", "the group of the rooms"),
        ("GroupAlias", f"pexschedd-onetouch-{deployment.id}", ""),
    ]
    if deployment.authentication_method == "KERBEROS" and not is_online(deployment):
        spn = deployment.kerberos_exchange_spn
        rows.append(("ExchangeSpn", spn, "empty: as below"))
        rows.append(("EwsHost", host_of(deployment.ews_url), "of the EWS URL"))
    return values_block(rows, rooms)


def values_block(rows: Iterable[tuple[str, str, str]], rooms: Iterable[str]) -> str:
    """Return the block that assigns values and the rooms to variables. rows: names of
    variables, each with its value and what it is."""
    lines = ["$ErrorActionPreference = 'Stop'", ""]
    for variable, value, why in rows:
        lines.append(f"${variable} = {quoted(value)}" + (f"  # {why}" if why else ""))
    lines += [
        "",
        "# The rooms of the deployment's endpoints, as they are configured now.",
        "$Rooms = @(",
        *(f"    {quoted(room)}" for room in sorted(set(rooms))),
        ")",
        "",
        "# In an Exchange filter, a quote in a value is doubled.",
        FILTERED,
    ]
    return "\n".join(lines)


_ACCOUNT = f"""
# --- The service account ----------------------------------------------------------
# Another one than that of scheduling: it may read the rooms, and nobody else.
{onpremises.NEW_ACCOUNT.lstrip()}"""

ROOMS = """
# --- The group of the rooms ---------------------------------------------------------
# The management scope is for its direct members. It is hidden from address lists.

if (-not (Get-DistributionGroup -Identity $GroupName -ErrorAction SilentlyContinue)) {
    $null = New-DistributionGroup -Name $GroupName -Alias $GroupAlias -Type Security
    Set-DistributionGroup -Identity $GroupName -HiddenFromAddressListsEnabled $true
}
$Members = @(Get-DistributionGroupMember -Identity $GroupName -ResultSize Unlimited |
    ForEach-Object { "$($_.PrimarySmtpAddress)" })
$Wanted = @()
foreach ($Room in $Rooms) {
    $Found = Get-Mailbox -Filter "EmailAddresses -eq $(Filtered "smtp:$Room")"
    if (-not $Found) { Write-Warning "There is no mailbox $Room."; continue }
    if ($Found.RecipientTypeDetails -ne 'RoomMailbox') {
        Write-Warning "$Room is a $($Found.RecipientTypeDetails), not a RoomMailbox."
    }
    $Address = "$($Found.PrimarySmtpAddress)"
    $Wanted += $Address
    if ($Address -notin $Members) {
        Add-DistributionGroupMember -Identity $GroupName -Member $Address
    }
}
# Who is in the group without being a configured room is named, and stays (CHOOSE).
$RemoveOthers = $false
foreach ($Member in $Members) {
    if ($Member -in $Wanted) { continue }
    if ($RemoveOthers) {
        Remove-DistributionGroupMember -Identity $GroupName -Member $Member `
            -Confirm:$false
    }
    else { Write-Warning "$Member is in the group, but is no configured room." }
}
"""

_IMPERSONATION = """
# --- Impersonation of the rooms, and of nobody else ---------------------------------

$Place = (Get-Group -Identity $GroupName).DistinguishedName
$Restriction = "MemberOfGroup -eq $(Filtered $Place)"
if (Get-ManagementScope -Identity $RoleName -ErrorAction SilentlyContinue) {
    Set-ManagementScope -Identity $RoleName -RecipientRestrictionFilter $Restriction
}
else { New-ManagementScope -Name $RoleName -RecipientRestrictionFilter $Restriction }

$Old = Get-ManagementRoleAssignment -Identity $RoleName -ErrorAction SilentlyContinue
if ($Old) {
    # It is removed if it belongs to the account that was configured before.
    $Mine = Get-ManagementRoleAssignment -RoleAssignee $Account `
        -Role ApplicationImpersonation | Where-Object { $_.Name -eq $RoleName }
    if (-not $Mine) {
        Remove-ManagementRoleAssignment -Identity $RoleName -Confirm:$false
        $Old = $null
    }
}
if ($Old) {
    Set-ManagementRoleAssignment -Identity $RoleName `
        -CustomRecipientWriteScope $RoleName
}
else {
    New-ManagementRoleAssignment -Name $RoleName -Role ApplicationImpersonation `
        -User $Account -CustomRecipientWriteScope $RoleName
}
# A change takes up to an hour to take effect.
"""

PROCESSING = """
# --- Calendar processing ------------------------------------------------------------
# The rooms accept by themselves, and keep what a Join button is found in: the text, the
# subject and the private flag. Meetings that were accepted before stay as they are.
# External invitations are processed as well (CHOOSE).

$External = $true
foreach ($Address in $Wanted) {
    Set-CalendarProcessing -Identity $Address -AutomateProcessing AutoAccept `
        -DeleteComments $false -DeleteSubject $false -AddOrganizerToSubject $false `
        -RemovePrivateProperty $false -ProcessExternalMeetingMessages $External
}
# If Safe Links rewrites the links in mail to the rooms: exempt $GroupName from it.
"""

_THROTTLING = """
# --- Throttling -------------------------------------------------------------------
# Only if an alarm says that Exchange asks for pauses: set it to $true. (CHOOSE)

$OwnThrottlingPolicy = $false

if ($OwnThrottlingPolicy) {
    if (-not (Get-ThrottlingPolicy -Identity $RoleName -ErrorAction SilentlyContinue)) {
        New-ThrottlingPolicy -Name $RoleName -EwsMaxConcurrency 100 `
            -EwsMaxBurst Unlimited -EwsRechargeRate Unlimited `
            -EwsCutoffBalance Unlimited
    }
    Set-ThrottlingPolicyAssociation -Identity $Account -ThrottlingPolicy $RoleName
}
"""

_VERIFY = """
# --- To verify (changes nothing) --------------------------------------------------
# Then have the deployment checked: /api/admin/command/v1/mjx_exchange_deployment/

Get-DistributionGroupMember -Identity $GroupName -ResultSize Unlimited |
    Format-Table PrimarySmtpAddress, RecipientType
Get-ManagementRoleAssignment -RoleAssignee $Account -Role ApplicationImpersonation |
    Format-List Name, RecipientWriteScope, CustomRecipientWriteScope
Get-ManagementScope -Identity $RoleName | Format-List Name, RecipientFilter
"""

VERIFY_PROCESSING = """
$Wanted | ForEach-Object { Get-CalendarProcessing -Identity $_ } |
    Format-Table Identity, AutomateProcessing, DeleteComments, DeleteSubject,
        AddOrganizerToSubject, RemovePrivateProperty, ProcessExternalMeetingMessages
"""

_VERIFY_ADDRESSES = """
Get-WebServicesVirtualDirectory |
    Format-List Identity, InternalUrl, ExternalUrl, *Authentication, ExtendedProtection*
"""
