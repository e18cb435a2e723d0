"""Identity providers at which users sign in: how their kinds differ, as data. Pure.

Sources: MS-OAPX and MS-OIDCE for AD FS; the Microsoft identity platform's "OAuth 2.0
authorization code flow", "ID token claims reference" and "National clouds" for Azure.
"""

import re
from urllib.parse import urlsplit

import msgspec

from pexschedd.errors import PexscheddError
from pexschedd.identity.openid.documents import ENTRA_ID
from pexschedd.model.fields import addresses
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.user_sign_in import (
    AUTHORIZE_PATHS,
    ENDPOINTS,
    endpoint_problem,
    provider_base,
)

REDIRECT_PATH = "/api/client/v2/msexchange_schedulers/oauth_redirect"
"""The path of the redirect address; it is served with a slash at its end as well."""


class SettingsWrong(PexscheddError):
    """The integration's settings for users' sign-in cannot work; the message, which is
    for administrators, names the field."""

    code = "sign_in_settings"


class ProviderKind(msgspec.Struct, frozen=True, kw_only=True):
    """The peculiarities of one `auth_provider`."""

    label: str
    authorize_path: str
    """The end of the authorization endpoint's path; what comes before it is the base of
    the provider's documents."""
    metadata_path: str
    """The OpenID configuration, after that base."""
    federation_path: str = ""
    """The federation metadata of a server too old for an OpenID configuration: a path
    of the same host."""
    prompt: str = ""
    scope: str = ""
    sends_resource: bool = False
    """True if `resource` names the relying party in both requests (MS-OAPX)."""
    has_secret: bool = False
    proof: str
    """The token that says who the user is, as the token endpoint's answer names it."""
    has_nonce: bool = False
    client_claim: str
    """The claim of that token that names the application, where there is one."""
    tenant: bool = False
    """True if the issuer contains a tenant, which `tid` has to repeat."""
    subject: tuple[str, ...] = ()
    """The claims that are a key of the user for ever, where there are such."""
    email: tuple[str, ...]
    """The claims that may have the user's address, the best one first."""
    first_name: str
    last_name: str
    display_name: str
    graph_by_host: tuple[tuple[str, str], ...] = ()
    """The directory that knows more of the user, by the authorization endpoint's host;
    the first one is for any host that is not listed."""


KINDS = {
    "ADFS": ProviderKind(
        label="AD FS",
        authorize_path=AUTHORIZE_PATHS["ADFS"],
        metadata_path="/.well-known/openid-configuration",
        federation_path="/FederationMetadata/2007-06/FederationMetadata.xml",
        sends_resource=True,
        proof="access_token",
        client_claim="appid",
        # The names are those of the deployment guide's claim rule.
        email=("email",),
        first_name="first_name",
        last_name="last_name",
        display_name="display_name",
    ),
    "AZURE": ProviderKind(
        label=ENTRA_ID,
        authorize_path=AUTHORIZE_PATHS["AZURE"],
        metadata_path="/v2.0/.well-known/openid-configuration",
        prompt="select_account",
        scope="openid profile email User.Read",
        has_secret=True,
        proof="id_token",
        has_nonce=True,
        client_claim="azp",
        tenant=True,
        subject=("tid", "oid"),
        email=("email", "preferred_username"),
        first_name="given_name",
        last_name="family_name",
        display_name="name",
        graph_by_host=(
            ("login.microsoftonline.com", "https://graph.microsoft.com"),
            ("login.microsoftonline.us", "https://graph.microsoft.us"),
            (
                "login.partner.microsoftonline.cn",
                "https://microsoftgraph.chinacloudapi.cn",
            ),
            ("login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
        ),
    ),
}

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class UserProvider(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an integration for its users' sign-in; the secret is sealed."""

    kind: ProviderKind
    auth_endpoint: str
    token_endpoint: str
    client_id: str
    redirect_uri: str
    resource: str
    client_secret: str
    direct: bool
    """True to bypass the web proxy."""

    @property
    def label(self) -> str:
        """The name of its kind."""
        return self.kind.label

    @property
    def metadata_url(self) -> str:
        """The address of the provider's OpenID configuration."""
        return self._base + self.kind.metadata_path

    @property
    def federation_url(self) -> str:
        """The address of the federation metadata; empty for a kind without any."""
        if not self.kind.federation_path:
            return ""
        return _origin(self.auth_endpoint) + self.kind.federation_path

    @property
    def tenant_id(self) -> str:
        """The tenant's GUID, in lower case, if the address has it; else empty."""
        if not self.kind.tenant:
            return ""
        tenant = self._base.rpartition("/")[2].lower()
        return tenant if _GUID.fullmatch(tenant) else ""

    @property
    def graph(self) -> str:
        """The origin of the directory that knows users' names; empty without one."""
        if not self.kind.graph_by_host:
            return ""
        known = dict(self.kind.graph_by_host)
        host = urlsplit(self.auth_endpoint).hostname or ""
        if addresses.is_loopback(host):
            return _origin(self.auth_endpoint)
        return known.get(host, self.kind.graph_by_host[0][1])

    @property
    def _base(self) -> str:
        """The authorization endpoint without its kind's path."""
        return provider_base(self.auth_endpoint, self.kind.authorize_path)


def provider_of(connector: Connector) -> UserProvider:
    """Return an integration's settings for users' sign-in; raises `SettingsWrong`."""
    kind = KINDS[connector.auth_provider]
    for field in ENDPOINTS:
        value = getattr(connector, field)
        if not value or addresses.http_url(value):
            raise SettingsWrong(f"Enter the identity provider's {field}.")
        problem = endpoint_problem(connector.auth_provider, field, value)
        if problem is not None:
            raise SettingsWrong(f"{field}: {problem}")
    provider = UserProvider(
        kind=kind,
        auth_endpoint=connector.personal_vmr_oauth_auth_endpoint,
        token_endpoint=connector.personal_vmr_oauth_token_endpoint,
        client_id=connector.personal_vmr_oauth_client_id or "",
        redirect_uri=redirect_uri_of(connector),
        resource=connector.personal_vmr_adfs_relying_party_trust_identifier
        if kind.sends_resource
        else "",
        client_secret=connector.personal_vmr_oauth_client_secret
        if kind.has_secret
        else "",
        direct=connector.disable_proxy,
    )
    _check(provider)
    return provider


def redirect_uri_of(connector: Connector) -> str:
    """Return the address to which the identity provider sends browsers back."""
    return f"https://{connector.addin_server_domain}{REDIRECT_PATH}"


def _check(provider: UserProvider) -> None:
    kind = provider.kind
    if not provider.client_id:
        raise SettingsWrong("Enter the personal_vmr_oauth_client_id.")
    if kind.sends_resource and not provider.resource:
        raise SettingsWrong(
            "Enter the personal_vmr_adfs_relying_party_trust_identifier."
        )
    if kind.has_secret and not provider.client_secret:
        raise SettingsWrong("Enter the personal_vmr_oauth_client_secret.")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
