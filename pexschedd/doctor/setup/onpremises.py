"""The blocks for an Exchange server on-premises only (deployment guide, "Configuring
Exchange on-premises for scheduling"). Pure."""

SHELL = """
if (-not (Get-Command Get-Mailbox -ErrorAction SilentlyContinue)) {
    throw 'Run this in the Exchange Management Shell.'
}
"""

NEW_ACCOUNT = """
# An account in Active Directory is enough; Exchange 2013 requires it to have a mailbox.

if (-not (Get-User -Identity $Account -ErrorAction SilentlyContinue)) {
    if ($Account -notlike '*@*') { throw "There is no account $Account." }
    $AccountAlias = $Account.Split('@')[0]
    $Password = Read-Host "New password of $Account" -AsSecureString
    New-Mailbox -Name $AccountAlias -Alias $AccountAlias -DisplayName $AccountAlias `
        -UserPrincipalName $Account -Password $Password
    # An expired password stops everything. Needs the Active Directory module.
    if (Get-Command Set-ADUser -ErrorAction SilentlyContinue) {
        $Person = (Get-User -Identity $Account).DistinguishedName
        Set-ADUser -Identity $Person -PasswordNeverExpires $true
    }
    else { Write-Warning "Set the password of $Account to never expire." }
}
"""

ACCOUNT = f"""
# --- The service account ----------------------------------------------------------
# It may serve several integrations, but should not be shared with One-Touch Join.
{NEW_ACCOUNT.lstrip()}"""

IMPERSONATION = """
# --- Impersonation ----------------------------------------------------------------
# CHOOSE for whom the service account may act:
#   'Users'          the equipment mailbox and the users of the add-in
#   'Organization'   everyone
#   'EquipmentOnly'  the equipment mailbox. Then two things are lost: joining
#                    instructions for meetings that were made while this server was
#                    down, and new ones by schedulingrecovery.

$Impersonation = 'Users'

$Assignment = @{ Name = $RoleName; Role = 'ApplicationImpersonation'; User = $Account }
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
if ($Impersonation -eq 'Organization') {
    if ($Old) {
        Set-ManagementRoleAssignment -Identity $RoleName `
            -RecipientRelativeWriteScope Organization
    }
    else { New-ManagementRoleAssignment @Assignment }
}
else {
    $Restriction = "PrimarySmtpAddress -eq $(Filtered $Mailbox)"
    if ($Impersonation -eq 'Users') {
        if ($AddinGroup) {
            # Direct members only: nested groups need a condition each.
            $Place = (Get-Group -Identity $AddinGroup).DistinguishedName
            $Restriction += " -or MemberOfGroup -eq $(Filtered $Place)"
        }
        else {
            $Restriction += " -or RecipientTypeDetails -eq 'UserMailbox'"
            $Restriction += " -or RecipientTypeDetails -eq 'LinkedMailbox'"
        }
    }
    if (Get-ManagementScope -Identity $RoleName -ErrorAction SilentlyContinue) {
        Set-ManagementScope -Identity $RoleName -RecipientRestrictionFilter $Restriction
    }
    else {
        New-ManagementScope -Name $RoleName -RecipientRestrictionFilter $Restriction
    }
    if ($Old) {
        Set-ManagementRoleAssignment -Identity $RoleName `
            -CustomRecipientWriteScope $RoleName
    }
    else {
        New-ManagementRoleAssignment @Assignment -CustomRecipientWriteScope $RoleName
    }
}
# A change takes up to an hour to take effect.
"""

_BASIC = """
# --- Authentication: Basic --------------------------------------------------------
# The password crosses the network in every request, inside TLS. NTLM avoids that.

Get-WebServicesVirtualDirectory |
    Where-Object { -not $_.BasicAuthentication } |
    Set-WebServicesVirtualDirectory -BasicAuthentication $true
"""

_WINDOWS = """
Get-WebServicesVirtualDirectory |
    Where-Object { -not $_.WindowsAuthentication } |
    Set-WebServicesVirtualDirectory -WindowsAuthentication $true
"""

_NTLM = f"""
# --- Authentication: NTLMv2 -------------------------------------------------------
# With Extended Protection (on by default since Exchange 2019 CU14) a sign-in is bound
# to the server's certificate. So TLS must not end in between with a certificate other
# than Exchange's own, and SSL offloading cannot work. See the setting with:
#   Get-WebServicesVirtualDirectory | Format-List Identity,ExtendedProtection*
{_WINDOWS}"""

_KERBEROS = f"""
# --- Authentication: Kerberos -----------------------------------------------------
# Behind a load balancer Exchange needs an alternate service account that all servers
# share, and its name registered once in the domain.
{_WINDOWS}
$Spn = $ExchangeSpn
if (-not $Spn) {{ $Spn = "HTTP/$EwsHost" }}
setspn -Q $Spn
# If that finds nothing, and a load balancer is in use (CHOOSE the account's name):
#   setspn -S $Spn 'EXCH-ASA$'
# A duplicate makes Kerberos fail for everyone:
setspn -X -F | Select-String -SimpleMatch $Spn
"""

_OAUTH = """
# --- Authentication: OAuth (Hybrid Modern Authentication) -------------------------
Get-WebServicesVirtualDirectory |
    Where-Object { -not $_.OAuthAuthentication } |
    Set-WebServicesVirtualDirectory -OAuthAuthentication $true
"""


def method(name: str) -> str:
    """Return the block for an `authentication_method`."""
    return {"BASIC": _BASIC, "NTLM": _NTLM, "KERBEROS": _KERBEROS}.get(name, _OAUTH)


THROTTLING = """
# --- Throttling -------------------------------------------------------------------
# Only if pexschedd-check or an alarm says that Exchange asks for pauses: set it to
# $true. (CHOOSE)

$OwnThrottlingPolicy = $false

if ($OwnThrottlingPolicy) {
    if (-not (Get-ThrottlingPolicy -Identity $RoleName -ErrorAction SilentlyContinue)) {
        New-ThrottlingPolicy -Name $RoleName -EwsMaxConcurrency 100 `
            -EwsMaxBurst Unlimited -EwsRechargeRate Unlimited `
            -EwsCutoffBalance Unlimited -EwsMaxSubscriptions Unlimited
    }
    Set-ThrottlingPolicyAssociation -Identity $Account -ThrottlingPolicy $RoleName
    # Exchange charges the impersonated mailbox, too:
    Set-ThrottlingPolicyAssociation -Identity $Mailbox -ThrottlingPolicy $RoleName
}
"""

VIEWING = """
# --- Viewing the equipment mailbox ------------------------------------------------
# To look at its mail and its calendar in Outlook or OWA when something is wrong, as an
# account that may open it: your own, for example. (CHOOSE; empty: nobody)

$Viewer = ''

if ($Viewer) {
    Add-MailboxPermission -Identity $Mailbox -User $Viewer -AccessRights FullAccess `
        -InheritanceType All -AutoMapping $false
    # Afterwards: Remove-MailboxPermission with the same identity, user and rights.
    # Only look: what is read stays, but what is answered or deleted is lost to us.
}
"""

VERIFY = """
# --- To verify (changes nothing) --------------------------------------------------
# Then run pexschedd-check on the scheduling server.

Get-Mailbox -Identity $Mailbox |
    Format-List RecipientTypeDetails, PrimarySmtpAddress, DisplayName
Get-CalendarProcessing -Identity $Mailbox |
    Format-List AutomateProcessing, AllowConflicts, BookingWindowInDays
Get-ManagementRoleAssignment -RoleAssignee $Account -Role ApplicationImpersonation |
    Format-List Name, RecipientWriteScope, CustomRecipientWriteScope
Get-ManagementScope -Identity $RoleName -ErrorAction SilentlyContinue |
    Format-List Name, RecipientFilter
Get-CASMailbox -Identity $Mailbox | Format-List Ews*
Get-WebServicesVirtualDirectory |
    Format-List Identity, InternalUrl, ExternalUrl, *Authentication, ExtendedProtection*
Get-App -OrganizationApp | Where-Object { "$($_.AppId)" -eq $AddinId } |
    Format-List DisplayName, AppId, Enabled, DefaultStateForUser, ProvidedTo, UserList
# The FQDNs to enter under Exchange Metadata Domains and URLs:
Get-ExchangeServer | Format-Table Name, Fqdn, ServerRole
"""
