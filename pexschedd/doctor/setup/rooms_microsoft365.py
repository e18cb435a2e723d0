"""The blocks of the rooms' script for Exchange Online only. Pure.

An application reads the rooms: Exchange gives it a role within a scope ("Role Based
Access Control for Applications in Exchange Online"). A service account cannot: Exchange
Online has no impersonation for accounts any more.
"""

from pexschedd.doctor.setup import microsoft365

NO_ACCOUNT = """
# The deployment has a service account. In Exchange Online no account can read rooms any
# more: the role ApplicationImpersonation was removed there in 2025. Set
# authentication_method of the deployment to APP_PERM and enter the application's
# secret; this script sets that up.
"""

APPLICATION = f"""
# --- The application (authentication_method APP_PERM) -----------------------------
# In Entra, under App registrations, make one for One-Touch Join alone ("Accounts in
# this organizational directory only"), and a client secret. Enter in the deployment:
#   OAuth client ID       its Application (client) ID
#   OAuth client secret   the secret's value
#   OAuth token endpoint  https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token
#   EWS URL               https://outlook.office365.com/EWS/Exchange.asmx
# It needs NO permission full_access_as_app in Entra: that would be for all mailboxes.
# Exchange gives it a role with a scope.

if (-not $AppId) {{ throw 'Set the field OAuth client ID of the deployment first.' }}
{microsoft365.PRINCIPAL.lstrip()}"""

ROLE = f"""
# --- The application's role, for the rooms and nobody else ------------------------

$Place = (Get-Group -Identity $GroupName).DistinguishedName
$Restriction = "MemberOfGroup -eq $(Filtered $Place)"
{microsoft365.SCOPE.lstrip()}{microsoft365.ASSIGNMENT}"""

EWS = f"""{microsoft365.EWS_ALLOWED}foreach ($Address in $Wanted) {{
    if (-not (Get-CASMailbox -Identity $Address).EwsEnabled) {{
        Set-CASMailbox -Identity $Address -EwsEnabled $true
    }}
}}
"""

VERIFY = """
# --- To verify (changes nothing) --------------------------------------------------
# Then have the deployment checked: /api/admin/command/v1/mjx_exchange_deployment/

Get-DistributionGroupMember -Identity $GroupName -ResultSize Unlimited |
    Format-Table PrimarySmtpAddress, RecipientType
Get-ManagementScope -Identity $RoleName | Format-List Name, RecipientFilter
$Wanted | ForEach-Object {
    Test-ServicePrincipalAuthorization -Identity $AppId -Resource $_
} | Format-Table RoleName, AllowedResourceScope, ScopeType, InScope
# InScope has to be True for each room, and False for anybody else's mailbox:
#   Test-ServicePrincipalAuthorization -Identity $AppId -Resource 'name@example.com'
$Wanted | ForEach-Object { Get-CASMailbox -Identity $_ } |
    Format-Table Identity, EwsEnabled
"""
