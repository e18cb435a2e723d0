"""The blocks for Exchange Online only. Roles and parameters are named as in Microsoft's
"Role Based Access Control for Applications in Exchange Online". Pure."""

from pexschedd.util.powershell import quoted

SESSION = """
if (-not (Get-Command Connect-ExchangeOnline -ErrorAction SilentlyContinue)) {
    throw 'First: Install-Module ExchangeOnlineManagement'
}
if (-not (Get-ConnectionInformation)) { Connect-ExchangeOnline }
"""
"""The connection with Exchange Online."""

CONNECT = f"""
# EWS ends in Exchange Online on 2027-04-01, for everyone. Until then it works only in
# organizations that have allowed it, see below. After that Microsoft Graph remains:
# see the field mailbox_protocol.
{SESSION}"""

ACCOUNT = """
# --- The service account (authentication_method OAUTH) ----------------------------
# It needs a licence with Exchange Online. A service account is the old way: Exchange
# Online has no impersonation for accounts any more (the role was removed in 2025), so
# joining instructions cannot be sent later in an organizer's name. APP_PERM can.

if (-not (Get-Mailbox -Identity $Account -ErrorAction SilentlyContinue)) {
    $AccountAlias = $Account.Split('@')[0]
    $Password = Read-Host "New password of $Account" -AsSecureString
    New-Mailbox -Name $AccountAlias -Alias $AccountAlias -DisplayName $AccountAlias `
        -MicrosoftOnlineServicesID $Account -Password $Password
    Write-Warning "Give $Account a licence, and let its password never expire."
}
"""

DELEGATED = """
# --- Access to the equipment mailbox ----------------------------------------------
# The app registration: a public client ("Mobile and desktop"), with the redirect URI
# of the integration and the delegated permission EWS.AccessAsUser.All. Then sign in
# to the service account on the integration's page.

if (-not (Get-MailboxPermission -Identity $Mailbox -User $Account)) {
    Add-MailboxPermission -Identity $Mailbox -User $Account -AccessRights FullAccess `
        -AutoMapping $false
}
"""

PRINCIPAL = """
if ((Get-OrganizationConfig).IsDehydrated) {
    # Exchange Online assigns no roles in an organization that has kept the settings
    # which all new ones share. This gives it settings of its own, and is for good.
    throw 'First, once: Enable-OrganizationCustomization. Run this again in an hour.'
}
if (-not (Get-ServicePrincipal | Where-Object { "$($_.AppId)" -eq $AppId })) {
    # Entra: Enterprise applications (not App registrations), Object ID.
    $ObjectId = Read-Host 'Object ID of the enterprise application'
    New-ServicePrincipal -AppId $AppId -ObjectId $ObjectId -DisplayName $RoleName
}
"""
"""The application as Exchange knows it."""

SCOPE = """
if (Get-ManagementScope -Identity $RoleName -ErrorAction SilentlyContinue) {
    Set-ManagementScope -Identity $RoleName -RecipientRestrictionFilter $Restriction
}
else { New-ManagementScope -Name $RoleName -RecipientRestrictionFilter $Restriction }
"""
"""The management scope with the filter `$Restriction`."""


def assignment(role: str) -> str:
    """Return the block that gives the application a role, within the scope."""
    return f"""
$Old = Get-ManagementRoleAssignment -Identity $RoleName -ErrorAction SilentlyContinue
$Principal = Get-ServicePrincipal | Where-Object {{ "$($_.AppId)" -eq $AppId }}
if ($Old -and "$($Old.RoleAssigneeName)" -ne "$($Principal.ObjectId)") {{
    # It belongs to the application that was configured before.
    Remove-ManagementRoleAssignment -Identity $RoleName -Confirm:$false
    $Old = $null
}}
if (-not $Old) {{
    New-ManagementRoleAssignment -Name $RoleName -App $AppId `
        -Role {quoted(role)} -CustomResourceScope $RoleName
}}
# A change takes up to two hours to take effect.
"""


ASSIGNMENT = assignment("Application EWS.AccessAsApp")

APPLICATION = f"""
# --- The application's role (authentication_method APP_PERM) ----------------------
# The app registration needs a client secret or the integration's certificate, and NO
# permission full_access_as_app in Entra: that would be for all mailboxes. Exchange
# gives it a role with a scope.

if (-not $AppId) {{ throw 'Set the field OAuth client ID of the integration first.' }}
{PRINCIPAL.lstrip()}
# CHOOSE for whom the application may act: 'Users' (the equipment mailbox and the users
# of the add-in), or 'EquipmentOnly'. With the latter, joining instructions cannot be
# sent later for meetings that were made while this server was down, nor new ones by
# schedulingrecovery.

$Impersonation = 'Users'

$Restriction = "PrimarySmtpAddress -eq $(Filtered $Mailbox)"
if ($Impersonation -eq 'Users') {{
    if ($AddinGroup) {{
        # Direct members only: nested groups need a condition each.
        $Place = (Get-Group -Identity $AddinGroup).DistinguishedName
        $Restriction += " -or MemberOfGroup -eq $(Filtered $Place)"
    }}
    else {{ $Restriction += " -or RecipientTypeDetails -eq 'UserMailbox'" }}
}}
{SCOPE.lstrip()}{ASSIGNMENT}"""

EWS_ALLOWED = r"""
# --- EWS is allowed ---------------------------------------------------------------
# With EwsEnabled true, only listed applications may use EWS; with false, none; while
# it is empty, Microsoft blocks it step by step. Changes take up to a day. Others in
# your organization may depend on the list: look first.

$Organization = Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy
$Organization | Format-List EwsEnabled, EwsAllowedAppIDs, EwsApplicationAccessPolicy

$AllowHere = $false  # CHOOSE, after you have looked

if ($AllowHere) {
    # The list is one text and is replaced as a whole: what is in it has to stay.
    $Known = "$($Organization.EwsAllowedAppIDs)" -split '[, ]+' | Where-Object { $_ }
    $List = @($Known) + $AppId | Sort-Object -Unique
    Set-OrganizationConfig -EwsAllowedAppIDs ($List -join ',')
    Set-OrganizationConfig -EwsEnabled $true
}
"""

EWS = f"""{EWS_ALLOWED}Set-CASMailbox -Identity $Mailbox -EwsEnabled $true
"""


def verify(app_only: bool) -> str:
    """Return the block that shows the result.

    `app_only` says that the application has a role, and no service account is used.
    """
    rights = (
        "Test-ServicePrincipalAuthorization -Identity $AppId -Resource $Mailbox |\n"
        "    Format-Table RoleName, AllowedResourceScope, ScopeType, InScope\n"
        "Get-ManagementScope -Identity $RoleName | Format-List Name, RecipientFilter"
        if app_only
        else "Get-MailboxPermission -Identity $Mailbox -User $Account"
    )
    return f"""
# --- To verify (changes nothing) --------------------------------------------------
# Then run pexschedd-check on the scheduling server.

Get-Mailbox -Identity $Mailbox |
    Format-List RecipientTypeDetails, PrimarySmtpAddress, DisplayName
Get-CalendarProcessing -Identity $Mailbox |
    Format-List AutomateProcessing, AllowConflicts, BookingWindowInDays
{rights}
Get-CASMailbox -Identity $Mailbox | Format-List Ews*
Get-App -OrganizationApp | Where-Object {{ "$($_.AppId)" -eq $AddinId }} |
    Format-List DisplayName, AppId, Enabled, DefaultStateForUser, ProvidedTo, UserList
"""
