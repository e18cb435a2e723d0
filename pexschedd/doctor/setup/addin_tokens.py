"""The blocks that register the add-in in Entra ID, for Microsoft 365's tokens. Pure.

Sources: Microsoft's "Enable single sign-on in an Office Add-in with nested app
authentication" and "Register an Office Add-in that uses single sign-on".
"""

from pexschedd.model.integration.connector import Connector
from pexschedd.util.powershell import comment, quoted


def blocks(connector: Connector) -> list[str]:
    """Return the blocks for the integration's `addin_authentication_method`; those of
    nested app authentication also for one that does not use such tokens yet."""
    through_office = connector.addin_authentication_method == "SSO_TOKEN"
    return [
        _head(connector),
        _values(connector),
        _CONNECT,
        *((_OFFICE,) if through_office else (_APP, _API)),
        _VERIFY_OFFICE if through_office else _VERIFY,
    ]


def _head(connector: Connector) -> str:
    name = f"{connector.id}: {connector.name}"
    lines = [
        f"Registers the add-in in Entra ID, for the integration {name}",
        "",
        "Run it in PowerShell with the module Microsoft.Graph.Applications. It may be",
        "run again: what exists is kept or brought up to date. It contains and makes",
        "no password. The steps by hand are in docs/add-in-microsoft365.md.",
    ]
    return "\n".join(comment(line).rstrip() for line in lines)


def _values(connector: Connector) -> str:
    host = connector.addin_server_domain
    rows = [
        ("Name", f"pexschedd {connector.id} add-in", "of what is created here"),
        (
            "AppId",
            connector.addin_application_id or "",
            "addin_application_id, if it exists",
        ),
    ]
    if connector.addin_authentication_method == "SSO_TOKEN":
        rows.append(("AddinHost", host, "Add-in server FQDN, as in the manifest"))
    else:
        api = connector.addin_naa_web_api_application_id or ""
        rows += [
            ("ApiId", api, "addin_naa_web_api_application_id, if it exists"),
            ("RedirectUri", f"brk-multihub://{host}", "the origin alone"),
        ]
    lines = ["$ErrorActionPreference = 'Stop'", ""]
    lines += [f"${name} = {quoted(value)}  # {why}" for name, value, why in rows]
    return "\n".join(lines)


_CONNECT = """
if (-not (Get-Command Connect-MgGraph -ErrorAction SilentlyContinue)) {
    throw 'First: Install-Module Microsoft.Graph.Applications'
}
Connect-MgGraph -Scopes 'Application.ReadWrite.All' -NoWelcome

function Find-Application([string] $Id, [string] $DisplayName) {
    $Found = @(Get-MgApplication -All | Where-Object {
        ($Id -and $_.AppId -eq $Id) -or (-not $Id -and $_.DisplayName -eq $DisplayName)
    })
    if ($Found.Count -gt 1) { throw "There are several applications $DisplayName." }
    $Found | Select-Object -First 1
}

# The scope access_as_user, or the one that exists already.
function Get-Scopes([object] $Application) {
    $Known = @($Application.Api.Oauth2PermissionScopes)
    $Values = 'access_as_user', 'PexipScheduling.Access'
    if ($Known | Where-Object { $_.Value -in $Values }) { return $Known }
    $Known + @{
        Id = [guid]::NewGuid(); Value = 'access_as_user'; Type = 'User'
        IsEnabled = $true
        AdminConsentDisplayName = 'Get meeting rooms'
        AdminConsentDescription = 'Lets the add-in get meeting rooms for its user.'
        UserConsentDisplayName = 'Get meeting rooms'
        UserConsentDescription = 'Lets the add-in get meeting rooms for you.'
    }
}
"""

_APP = """
# --- The first registration: the add-in in Outlook --------------------------------
# The platform is single-page application; the redirect address is the broker's.

$App = Find-Application $AppId $Name
if (-not $App) {
    $App = New-MgApplication -DisplayName $Name -SignInAudience 'AzureADMyOrg' `
        -Spa @{ RedirectUris = @($RedirectUri) }
}
else {
    $Uris = @($App.Spa.RedirectUris) + $RedirectUri | Sort-Object -Unique
    Update-MgApplication -ApplicationId $App.Id -Spa @{ RedirectUris = @($Uris) }
}
"""

_API = """
# --- The second registration: this server, which the tokens are for ---------------
# It exposes the scope, takes tokens of version 2.0, and the add-in is authorized
# beforehand, so users are not asked.

$Api = Find-Application $ApiId "$Name API"
if (-not $Api) {
    $Api = New-MgApplication -DisplayName "$Name API" -SignInAudience 'AzureADMyOrg'
}
$Scopes = @(Get-Scopes $Api)
Update-MgApplication -ApplicationId $Api.Id -IdentifierUris @("api://$($Api.AppId)") `
    -Api @{ RequestedAccessTokenVersion = 2; Oauth2PermissionScopes = $Scopes }

$Api = Get-MgApplication -ApplicationId $Api.Id
$Granted = @($Api.Api.Oauth2PermissionScopes | ForEach-Object { "$($_.Id)" })
$Others = @($Api.Api.PreAuthorizedApplications | Where-Object {
    $_.AppId -ne $App.AppId
})
$Allowed = @{ AppId = $App.AppId; DelegatedPermissionIds = $Granted }
Update-MgApplication -ApplicationId $Api.Id `
    -Api @{ PreAuthorizedApplications = @($Others + $Allowed) }
foreach ($Each in $App, $Api) {
    if (-not (Get-MgServicePrincipal -Filter "appId eq '$($Each.AppId)'")) {
        $null = New-MgServicePrincipal -AppId $Each.AppId
    }
}
"""

_OFFICE = """
# --- The registration: this server, and Office for it -----------------------------
# The address names the add-in's server, as in the manifest. Office's applications are
# authorized beforehand, by the id that stands for all of them.

$Office = 'ea5a67f6-b6f3-4338-b240-c655ddc3cc8e'

$App = Find-Application $AppId $Name
if (-not $App) {
    $App = New-MgApplication -DisplayName $Name -SignInAudience 'AzureADMyOrg'
}
$Scopes = @(Get-Scopes $App)
$Uris = @($App.IdentifierUris) + "api://$AddinHost/$($App.AppId)" | Sort-Object -Unique
Update-MgApplication -ApplicationId $App.Id -IdentifierUris @($Uris) `
    -Api @{ RequestedAccessTokenVersion = 2; Oauth2PermissionScopes = $Scopes }

$App = Get-MgApplication -ApplicationId $App.Id
$Granted = @($App.Api.Oauth2PermissionScopes | ForEach-Object { "$($_.Id)" })
$Others = @($App.Api.PreAuthorizedApplications | Where-Object { $_.AppId -ne $Office })
$Allowed = @{ AppId = $Office; DelegatedPermissionIds = $Granted }
Update-MgApplication -ApplicationId $App.Id `
    -Api @{ PreAuthorizedApplications = @($Others + $Allowed) }
if (-not (Get-MgServicePrincipal -Filter "appId eq '$($App.AppId)'")) {
    $null = New-MgServicePrincipal -AppId $App.AppId
}
"""

_HOST = """
# --- To enter at the integration (changes nothing) --------------------------------
# Another cloud than the public one has another host.

$Login = "https://login.microsoftonline.com/$((Get-MgContext).TenantId)"
Write-Host "addin_application_id: $($App.AppId)"
Write-Host "addin_oidc_metadata_url: $Login/v2.0/.well-known/openid-configuration"
"""

_VERIFY = (
    _HOST
    + """
Write-Host "addin_authentication_method: NAA_TOKEN"
Write-Host "addin_authority_url: $Login"
Write-Host "addin_naa_web_api_application_id: $($Api.AppId)"
""".lstrip("\n")
)

_VERIFY_OFFICE = (
    _HOST
    + """
Write-Host "addin_authentication_method: SSO_TOKEN"
Write-Host 'Then download the manifest again and deploy it.'
""".lstrip("\n")
)
