"""The settings of a service account for its identity provider. Pure."""

from enum import Enum
from urllib.parse import urlsplit

import msgspec

from pexschedd.identity.oauth.service_accounts import GraphRecord, ServiceAccount
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.microsoft_clouds import graph_origin


class Dialect(Enum):
    """The kind of identity provider, by the way in which it is asked for access."""

    RESOURCE = "resource"
    """Entra ID v1 and AD FS: `resource` names Exchange."""
    SCOPE = "scope"
    """Entra ID v2: `scope` names Exchange, and `resource` is refused."""
    STANDARD = "standard"
    """Any other OpenID provider: `resource` names Exchange, as in RFC 8707."""


class ApplicationFields(msgspec.Struct, frozen=True, kw_only=True):
    """The names of a record's fields for its application, for messages."""

    client_id: str = "oauth_client_id"
    credential: str = "oauth_client_secret"
    endpoint: str = "oauth_token_endpoint"
    resource: str = "oauth_resource"
    certificate: str = "public_key"
    """Empty where there is none."""


INTEGRATION_FIELDS = ApplicationFields()


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a record that its tokens depend on; secrets are sealed."""

    app_only: bool
    username: str
    client_id: str
    redirect_uri: str
    auth_endpoint: str
    token_endpoint: str
    resource: str
    exchange: str
    """Scheme, host and port of the server that gets the tokens."""
    client_secret: str
    private_key: str
    certificate: str
    direct: bool
    """True to bypass the web proxy."""
    fields: ApplicationFields = INTEGRATION_FIELDS

    @property
    def dialect(self) -> Dialect:
        """The provider's kind, which the token endpoint's path shows."""
        path = urlsplit(self.token_endpoint).path
        if "/v2.0/" in path:
            return Dialect.SCOPE
        if path.rstrip("/").endswith("/oauth2/token"):
            return Dialect.RESOURCE
        return Dialect.STANDARD

    @property
    def signed_in_for(self) -> tuple[str, str, str]:
        """The settings after whose change a person has to sign in again."""
        return self.username.casefold(), self.client_id, self.token_endpoint


def settings_of(record: ServiceAccount, url: str = "") -> ProviderSettings:
    """Return the settings of a record; `url` is the EWS URL if that was discovered."""
    if isinstance(record, Connector):
        exchange = origin(record.url)
        username, resource = record.username, record.oauth_resource or exchange
        private_key, certificate = record.private_key, record.public_key
    else:
        username = record.service_account_username
        exchange = resource = origin(url or record.ews_url)
        private_key = certificate = ""
    return ProviderSettings(
        app_only=record.authentication_method == "APP_PERM",
        username=username,
        client_id=record.oauth_client_id or "",
        redirect_uri=record.oauth_redirect_uri,
        auth_endpoint=record.oauth_auth_endpoint,
        token_endpoint=record.oauth_token_endpoint,
        resource=resource,
        exchange=exchange,
        client_secret=record.oauth_client_secret,
        private_key=private_key,
        certificate=certificate,
        direct=record.disable_proxy,
    )


def graph_settings_of(record: GraphRecord) -> ProviderSettings:
    """Return the settings by which a record's application gets Graph's tokens.

    The scope names `https://` and the host even where that is spoken to without TLS.
    """
    if isinstance(record, Connector):
        client_id, secret = record.oauth_client_id or "", record.oauth_client_secret
        token_endpoint = record.oauth_token_endpoint
        private_key, certificate = record.private_key, record.public_key
        fields = ApplicationFields(resource="graph_api_domain")
    else:
        client_id, secret = record.client_id, record.client_secret
        token_endpoint = record.oauth_token_url
        private_key = certificate = ""
        fields = ApplicationFields(
            client_id="client_id",
            credential="client_secret",
            endpoint="oauth_token_url",
            resource="graph_api_domain",
            certificate="",
        )
    return ProviderSettings(
        app_only=True,
        username="",
        client_id=client_id,
        redirect_uri="",
        auth_endpoint="",
        token_endpoint=token_endpoint,
        resource=f"https://{record.graph_api_domain}",
        exchange=graph_origin(record.graph_api_domain),
        client_secret=secret,
        private_key=private_key,
        certificate=certificate,
        direct=record.disable_proxy,
        fields=fields,
    )


def origin(url: str) -> str:
    """Return scheme, host and port of a URL that was validated when it was entered."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
