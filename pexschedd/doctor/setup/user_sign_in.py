"""The blocks that set up users' sign-in for personal rooms, at AD FS or Azure
(deployment guide, "Configuring AD FS SSO", "Configuring Azure SSO"). Pure."""

from pexschedd.identity.personal.provider_kinds import redirect_uri_of
from pexschedd.model.integration.connector import Connector
from pexschedd.util.powershell import comment, quoted


def blocks(connector: Connector) -> list[str]:
    """Return the blocks for the integration's `auth_provider`."""
    return [_head(connector), _values(connector), *_BLOCKS[connector.auth_provider]]


def _head(connector: Connector) -> str:
    where = {
        "ADFS": "on an AD FS server (with WID: the primary one), as an administrator",
        "AZURE": "in PowerShell with the module Microsoft.Graph.Applications",
    }
    name = f"{connector.id}: {connector.name}"
    lines = [
        f"Sets up users' sign-in for personal rooms, for the integration {name}",
        "",
        f"Run it {where[connector.auth_provider]}.",
        "It may be run again: what exists is kept or brought up to date. It contains",
        "no password. The steps by hand are in docs/personal-rooms-sign-in.md.",
    ]
    return "\n".join(comment(line).rstrip() for line in lines)


def _values(connector: Connector) -> str:
    rows = [
        ("Name", f"pexschedd {connector.id}", "of everything that is created here"),
        (
            "ClientId",
            connector.personal_vmr_oauth_client_id or "",
            "User OAuth client ID",
        ),
        ("RedirectUri", redirect_uri_of(connector), "without a slash at its end"),
    ]
    if connector.auth_provider == "ADFS":
        resource = connector.personal_vmr_adfs_relying_party_trust_identifier
        rows.append(("Resource", resource, "AD FS Resource Identifier, a URL"))
    lines = ["$ErrorActionPreference = 'Stop'", ""]
    lines += [f"${name} = {quoted(value)}  # {why}" for name, value, why in rows]
    return "\n".join(lines)


_ADFS = """
if (-not (Get-Command Get-AdfsProperties -ErrorAction SilentlyContinue)) {
    throw 'Run this on an AD FS server.'
}
if (-not $ClientId) { throw 'Set the field User OAuth client ID of the integration.' }
if (-not $Resource) { throw 'Set the field AD FS Resource Identifier.' }
"""

_ENDPOINT = """
# --- The endpoint -----------------------------------------------------------------
# 'Proxy' makes it answer through a Web Application Proxy, too.

$Path = '/adfs/oauth2/'
$Endpoint = Get-AdfsEndpoint -AddressPath $Path
if (-not ($Endpoint.Enabled -and $Endpoint.Proxy)) {
    Enable-AdfsEndpoint -TargetAddressPath $Path
    Set-AdfsEndpoint -TargetAddressPath $Path -Proxy $true
    Restart-Service -Name adfssrv  # CHOOSE the moment: sign-ins stop for seconds
}
"""

_CLAIMS = """
# --- The claims -------------------------------------------------------------------
# 'email' is required: without it nobody can sign in.

$Rules = '@RuleName = "User of personal rooms" ' +
    'c:[Type == "http://schemas.microsoft.com/ws/2008/06/identity/claims/' +
    'windowsaccountname", Issuer == "AD AUTHORITY"] => issue(' +
    'store = "Active Directory", ' +
    'types = ("email", "first_name", "last_name", "display_name"), ' +
    'query = ";mail,givenName,sn,displayName;{0}", param = c.Value);'
"""

_GROUP = """
# --- Windows Server 2016 and later: an application group --------------------------

if (Get-Command Add-AdfsNativeClientApplication -ErrorAction SilentlyContinue) {
    if (-not (Get-AdfsApplicationGroup | Where-Object { $_.Name -eq $Name })) {
        New-AdfsApplicationGroup -Name $Name -ApplicationGroupIdentifier $Name
    }
    if (Get-AdfsNativeClientApplication -Identifier $ClientId) {
        Set-AdfsNativeClientApplication -TargetIdentifier $ClientId `
            -RedirectUri $RedirectUri
    }
    else {
        Add-AdfsNativeClientApplication -ApplicationGroupIdentifier $Name `
            -Name "$Name, Outlook" -Identifier $ClientId -RedirectUri $RedirectUri
    }
    if (Get-AdfsWebApiApplication -Identifier $Resource) {
        Set-AdfsWebApiApplication -TargetIdentifier $Resource `
            -IssuanceTransformRules $Rules
    }
    else {
        Add-AdfsWebApiApplication -ApplicationGroupIdentifier $Name `
            -Name "$Name, rooms" -Identifier $Resource `
            -IssuanceTransformRules $Rules -AccessControlPolicyName 'Permit everyone'
    }
    if (-not (Get-AdfsApplicationPermission -ClientRoleIdentifiers $ClientId)) {
        Grant-AdfsApplicationPermission -ClientRoleIdentifier $ClientId `
            -ServerRoleIdentifier $Resource
    }
}
"""

_CLIENT = """
# --- Windows Server 2012 R2: a relying party trust and a client -------------------

else {
    if (Get-AdfsRelyingPartyTrust -Identifier $Resource) {
        Set-AdfsRelyingPartyTrust -TargetIdentifier $Resource `
            -IssuanceTransformRules $Rules
    }
    else {
        $Everyone = '=> issue(Type = ' +
            '"http://schemas.microsoft.com/authorization/claims/permit", ' +
            'Value = "true");'
        Add-AdfsRelyingPartyTrust -Name $Name -Identifier $Resource `
            -IssuanceTransformRules $Rules -IssuanceAuthorizationRules $Everyone
    }
    if (Get-AdfsClient -ClientId $ClientId) {
        Set-AdfsClient -TargetClientId $ClientId -RedirectUri $RedirectUri
    }
    else {
        Add-AdfsClient -Name $Name -ClientId $ClientId -RedirectUri $RedirectUri `
            -Description 'Sign-in for personal rooms'
    }
}
"""

_ADFS_VERIFY = """
# --- To verify, and to enter at the integration (changes nothing) -----------------

Get-AdfsClient -ClientId $ClientId | Format-List Name, Enabled, RedirectUri
$Service = (Get-AdfsProperties).HostName
Write-Host "User OAuth authorization URI: https://$Service/adfs/oauth2/authorize"
Write-Host "User OAuth token URI: https://$Service/adfs/oauth2/token"
"""

_AZURE = """
if (-not (Get-Command Connect-MgGraph -ErrorAction SilentlyContinue)) {
    throw 'First: Install-Module Microsoft.Graph.Applications'
}
Connect-MgGraph -Scopes 'Application.ReadWrite.All' -NoWelcome
"""

_REGISTRATION = """
# --- The app registration ---------------------------------------------------------
# The platform is Web, for accounts of this organization only, with the delegated
# permission User.Read of Microsoft Graph.

$Graph = '00000003-0000-0000-c000-000000000000'
$UserRead = 'e1fe6dd8-ba31-4d61-89e7-88639da4683d'
$Access = @{ Id = $UserRead; Type = 'Scope' }
$Needed = @{ ResourceAppId = $Graph; ResourceAccess = @($Access) }
$Web = @{ RedirectUris = @($RedirectUri) }

$App = Get-MgApplication -All | Where-Object { $ClientId -and $_.AppId -eq $ClientId }
if (-not $App) {
    $App = Get-MgApplication -All | Where-Object { $_.DisplayName -eq $Name }
}
$NewClientSecret = -not $App
if (-not $App) {
    $App = New-MgApplication -DisplayName $Name -SignInAudience 'AzureADMyOrg' `
        -Web $Web -RequiredResourceAccess @($Needed)
}
else {
    $Uris = @($App.Web.RedirectUris) + $RedirectUri | Sort-Object -Unique
    Update-MgApplication -ApplicationId $App.Id -Web @{ RedirectUris = @($Uris) }
    $Wanted = @($App.RequiredResourceAccess | Where-Object { $_ })
    $Others = @($Wanted | Where-Object { $_.ResourceAppId -ne $Graph })
    $Held = @($Wanted | Where-Object { $_.ResourceAppId -eq $Graph } |
        ForEach-Object { $_.ResourceAccess } |
        ForEach-Object { @{ Id = "$($_.Id)"; Type = $_.Type } })
    if (@($Held | ForEach-Object { $_.Id }) -notcontains $UserRead) {
        $Needed = @{ ResourceAppId = $Graph; ResourceAccess = @($Held + $Access) }
        Update-MgApplication -ApplicationId $App.Id `
            -RequiredResourceAccess @($Others + $Needed)
    }
}
"""

_AZURE_CREDENTIAL = """
# --- The client secret ------------------------------------------------------------
# It is shown once, and made with a new registration; set this to $true for another one
# before it expires (CHOOSE). An alarm says when it is refused.
# $NewClientSecret = $true

if ($NewClientSecret) {
    $Credential = @{ DisplayName = $Name; EndDateTime = (Get-Date).AddYears(2) }
    $Made = Add-MgApplicationPassword -ApplicationId $App.Id `
        -PasswordCredential $Credential
    Write-Host "Azure OAuth client secret: $($Made.SecretText)"
    Write-Host "It expires on $($Made.EndDateTime)"
}
"""

_AZURE_VERIFY = """
# --- To enter at the integration (changes nothing) --------------------------------
# Grant admin consent for User.Read if users may not consent by themselves.

$Base = "https://login.microsoftonline.com/$((Get-MgContext).TenantId)/oauth2/v2.0"
Write-Host "User OAuth client ID: $($App.AppId)"
Write-Host "User OAuth authorization URI: $Base/authorize"
Write-Host "User OAuth token URI: $Base/token"
"""

_BLOCKS = {
    "ADFS": (_ADFS, _ENDPOINT, _CLAIMS, _GROUP + _CLIENT, _ADFS_VERIFY),
    "AZURE": (_AZURE, _REGISTRATION, _AZURE_CREDENTIAL, _AZURE_VERIFY),
}
