"""What an integration says about its identity provider. PURE."""

from enum import Enum
from urllib.parse import urlsplit

import msgspec

from pexschedd.model.integration import Connector


class Dialect(Enum):
    """How a provider is told what access is wanted."""

    RESOURCE = "resource"
    """Entra ID v1 and ADFS: `resource` names Exchange."""
    SCOPE = "scope"
    """Entra ID v2: the scope does, and `resource` is refused."""
    STANDARD = "standard"
    """Any other OpenID provider: `resource` as in RFC 8707."""


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a `Connector` that tokens depend on; secrets are sealed."""

    app_only: bool
    username: str
    client_id: str
    redirect_uri: str
    auth_endpoint: str
    token_endpoint: str
    resource: str
    client_secret: str
    private_key: str
    certificate: str
    direct: bool
    """Leave the web proxy out."""

    @property
    def dialect(self) -> Dialect:
        path = urlsplit(self.token_endpoint).path
        if "/v2.0/" in path:
            return Dialect.SCOPE
        if path.rstrip("/").endswith("/oauth2/token"):
            return Dialect.RESOURCE
        return Dialect.STANDARD

    @property
    def signed_in_for(self) -> tuple[str, str, str]:
        """After a change of one of these a person has to sign in again."""
        return self.username.casefold(), self.client_id, self.token_endpoint


def settings_of(connector: Connector) -> ProviderSettings:
    return ProviderSettings(
        app_only=connector.authentication_method == "APP_PERM",
        username=connector.username,
        client_id=connector.oauth_client_id,
        redirect_uri=connector.oauth_redirect_uri,
        auth_endpoint=connector.oauth_auth_endpoint,
        token_endpoint=connector.oauth_token_endpoint,
        resource=connector.oauth_resource or origin(connector.url),
        client_secret=connector.oauth_client_secret,
        private_key=connector.private_key,
        certificate=connector.public_key,
        direct=connector.disable_proxy,
    )


def origin(url: str) -> str:
    """Scheme, host and port of an URL that was checked when it was entered."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
