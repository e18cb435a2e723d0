"""The blocks for an integration whose mailbox is reached by Microsoft Graph. Roles and
parameters are named as in Microsoft's "Role Based Access Control for Applications in
Exchange Online" and "Set-CalendarProcessing". Pure."""

from pexschedd.doctor.graph_remedies import (
    MAILBOX_ROLES,
    ORGANIZER_ROLE,
    PROCESSING,
    VISIBLE_UPDATES,
)
from pexschedd.doctor.setup.microsoft365 import PRINCIPAL
from pexschedd.util.powershell import quoted

_FUNCTIONS = """
function Set-Scope([string] $Scope, [string] $Restriction) {
    if (Get-ManagementScope -Identity $Scope -ErrorAction SilentlyContinue) {
        Set-ManagementScope -Identity $Scope -RecipientRestrictionFilter $Restriction
        Write-Host "scope $Scope`: up to date"
    }
    else {
        New-ManagementScope -Name $Scope -RecipientRestrictionFilter $Restriction
        Write-Host "scope $Scope`: made"
    }
}

function Set-Role([string] $Role, [string] $Scope) {
    $Name = "$Scope $Role"
    $Old = Get-ManagementRoleAssignment -Identity $Name -ErrorAction SilentlyContinue
    if ($Old -and "$($Old.RoleAssigneeName)" -ne "$($Principal.ObjectId)") {
        # It belongs to the application that was configured before.
        Remove-ManagementRoleAssignment -Identity $Name -Confirm:$false
        $Old = $null
    }
    if ($Old) { Write-Host "role $Role in $Scope`: is assigned already" }
    else {
        New-ManagementRoleAssignment -Name $Name -App $AppId `
            -Role "Application $Role" -CustomResourceScope $Scope
        Write-Host "role $Role in $Scope`: assigned"
    }
}

function Remove-Role([string] $Role, [string] $Scope) {
    $Name = "$Scope $Role"
    if (Get-ManagementRoleAssignment -Identity $Name -ErrorAction SilentlyContinue) {
        Remove-ManagementRoleAssignment -Identity $Name -Confirm:$false
        Write-Host "role $Role in $Scope`: removed"
    }
    if (Get-ManagementScope -Identity $Scope -ErrorAction SilentlyContinue) {
        Remove-ManagementScope -Identity $Scope -Confirm:$false
        Write-Host "scope $Scope`: removed"
    }
}
"""

_ROLES = ", ".join(map(quoted, MAILBOX_ROLES))

APPLICATION = f"""
# --- The application's roles ------------------------------------------------------
# The app registration needs a client secret or the integration's certificate, and NO
# application permission of Microsoft Graph in Entra: a consent there is for all
# mailboxes, and no scope makes it smaller. Exchange gives it roles with a scope.

if (-not $AppId) {{ throw 'Set the field OAuth client ID of the integration first.' }}
{PRINCIPAL.lstrip()}
$Principal = Get-ServicePrincipal | Where-Object {{ "$($_.AppId)" -eq $AppId }}
if (-not $Principal) {{ throw 'The application is not visible yet: run this again.' }}
{_FUNCTIONS}
Set-Scope $MailboxScope "PrimarySmtpAddress -eq $(Filtered $Mailbox)"
foreach ($Role in {_ROLES}) {{
    Set-Role $Role $MailboxScope
}}

# CHOOSE whose meetings the application may change: those of 'Users' (the users of the
# add-in), or of 'None'. With the latter, joining instructions cannot be sent later for
# meetings that were made while this server was down, nor new ones by
# schedulingrecovery.

$Organizers = 'Users'

if ($Organizers -notin 'Users', 'None') {{ throw "Organizers: Users, or None." }}
if ($Organizers -eq 'Users') {{
    $Restriction = "RecipientTypeDetails -eq 'UserMailbox'"
    if ($AddinGroup) {{
        # Direct members only: nested groups need a condition each.
        $Place = (Get-Group -Identity $AddinGroup).DistinguishedName
        $Restriction = "MemberOfGroup -eq $(Filtered $Place)"
    }}
    Set-Scope $OrganizersScope $Restriction
    Set-Role {quoted(ORGANIZER_ROLE)} $OrganizersScope
}}
else {{ Remove-Role {quoted(ORGANIZER_ROLE)} $OrganizersScope }}
# A change takes up to two hours to take effect.

# --- Consents in Entra ------------------------------------------------------------
# To see whether the application has more than these roles (Install-Module
# Microsoft.Graph.Applications). (CHOOSE)

$LookAtConsents = $false

if ($LookAtConsents) {{
    Connect-MgGraph -Scopes 'Application.Read.All' -NoWelcome
    $Consents = Get-MgServicePrincipalAppRoleAssignment -All `
        -ServicePrincipalId $Principal.ObjectId
    $Consents | Format-Table ResourceDisplayName, AppRoleId, Id
    if ($Consents) {{
        Write-Warning 'Consents in Entra are for all mailboxes. Remove those to mail,'
        Write-Warning 'calendars and mailbox settings: Enterprise applications,'
        Write-Warning 'Permissions, Revoke permission.'
    }}
}}
"""

_PROCESSING = """
# --- Automatic processing ---------------------------------------------------------
# Microsoft Graph answers meetings in the calendar, so Exchange has to enter requests
# there (AutoUpdate), as they came, and answer none.
#
# To go back to EWS (mailbox_protocol), where Exchange must enter nothing:
#   Set-CalendarProcessing -Identity $Mailbox -AutomateProcessing None
"""

_AUTO_UPDATE = f"""
Set-CalendarProcessing -Identity $Mailbox {PROCESSING}
Write-Host "automatic processing of $Mailbox`: AutoUpdate"
"""

_BY_MAIL = f"""
# CHOOSE: 'AutoUpdate', or 'None' where the mailbox must stay without any processing,
# which is possible as answers are mails (graph_answer_method MAIL). With None, meetings
# are not in its calendar, and the audit has nothing to compare.

$Processing = 'AutoUpdate'

if ($Processing -notin 'AutoUpdate', 'None') {{
    throw "Processing: AutoUpdate, or None."
}}
if ($Processing -eq 'None') {{
    Set-CalendarProcessing -Identity $Mailbox -AutomateProcessing None
}}
else {{
    Set-CalendarProcessing -Identity $Mailbox {PROCESSING}
}}
Write-Host "automatic processing of $Mailbox`: $Processing"
"""

_SEEN = f"""
# --- Updates that Exchange hides (nothing has to be done) -------------------------
# Once a meeting is answered, Exchange applies most of its updates without showing them:
# the messages go to Deleted Items, where this daemon looks, too. For the whole
# organization, and so for the inboxes of all users, this would show them:
#   {VISIBLE_UPDATES}
"""


def processing(answer_method: str) -> str:
    """Return the block for the mailbox's processing, by `graph_answer_method`."""
    how = _BY_MAIL if answer_method == "MAIL" else _AUTO_UPDATE
    return _PROCESSING + how + _SEEN


VERIFY = """
# --- To verify (changes nothing) --------------------------------------------------
# Then run pexschedd-check on the scheduling server. Roles work up to two hours after
# they are shown here.

Get-Mailbox -Identity $Mailbox |
    Format-List RecipientTypeDetails, PrimarySmtpAddress, DisplayName
Get-CalendarProcessing -Identity $Mailbox |
    Format-List AutomateProcessing, AddNewRequestsTentatively, RemoveOldMeetingMessages
Test-ServicePrincipalAuthorization -Identity $AppId -Resource $Mailbox |
    Format-Table RoleName, AllowedResourceScope, ScopeType, InScope
Get-ManagementScope | Where-Object { $_.Name -in $MailboxScope, $OrganizersScope } |
    Format-List Name, RecipientFilter
Get-App -OrganizationApp | Where-Object { "$($_.AppId)" -eq $AddinId } |
    Format-List DisplayName, AppId, Enabled, DefaultStateForUser, ProvidedTo, UserList
"""
