"""The access to the rooms of an Exchange deployment, `mjx_exchange_deployment`."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pexschedd.model.fields import kinds
from pexschedd.model.fields.declaration import Destination, Field, Record
from pexschedd.model.fields.secret_destinations import differs, other_server
from pexschedd.model.integration import kerberos
from pexschedd.model.integration.exchange import shows_more

DEPLOYMENT_REDIRECT_PATH = "/admin/platform/mjxexchangedeployment/oauth_redirect/"


def _elsewhere(old: str, new: str) -> bool:
    """Return True if secrets go to another server, or to any that Autodiscover
    finds."""
    return other_server(old, new) or (bool(old) and not new)


_EXCHANGE = Destination("ews_url", _elsewhere)
_TOKENS = (_EXCHANGE, Destination("oauth_token_endpoint", other_server))


class ExchangeDeployment(Record, frozen=True, kw_only=True):
    """An Exchange deployment, with the service account that reads the rooms."""

    name: Annotated[str, kinds.record_name("What this deployment is called.")]
    description: Annotated[str, kinds.notes()] = ""
    ews_url: Annotated[
        str,
        kinds.url(
            "EWS URL",
            "Where Exchange Web Services answer, usually "
            "https://<exchange_server>/EWS/Exchange.asmx. Empty: Autodiscover tells, "
            "but not with OAUTH, where the sign-in is for the server named here.",
        ),
    ] = ""
    service_account_username: Annotated[
        str,
        Field(
            label="Service account username",
            help="name@example.com or EXAMPLE\\name; an account that may impersonate "
            "the rooms, and not the one of scheduling. Required unless APP_PERM is "
            "used.",
            max_length=100,
        ),
    ] = ""
    service_account_password: Annotated[
        str,
        Field(
            label="Service account password",
            help="Required with BASIC and NTLM, and with KERBEROS where the account "
            "has no keytab.",
            max_length=100,
            secret=True,
            sent_by=(
                _EXCHANGE,
                Destination("authentication_method", shows_more),
                Destination("kerberos_realm", differs),
                Destination("kerberos_kdc", differs),
                Destination("kerberos_kdc_https_proxy", differs),
            ),
        ),
    ] = ""
    authentication_method: Annotated[
        str,
        Field(
            label="Authentication method",
            help="How the service account signs in to Exchange: BASIC, NTLM (NTLMv2), "
            "KERBEROS or OAUTH; APP_PERM uses an application's own secret and needs "
            "no service account.",
            choices=("BASIC", "NTLM", "KERBEROS", "OAUTH", "APP_PERM"),
        ),
    ] = "BASIC"
    find_items_request_quota: Annotated[
        int,
        Field(
            label="Request quota",
            help="How many requests for calendars are sent in 24 hours at most: how "
            "often each room is read follows from it.",
            minimum=10_000,
            maximum=10_000_000,
        ),
    ] = 1_000_000
    notification_method: Annotated[
        str,
        Field(
            label="Notification method",
            help="How changes of calendars are noticed. STREAMING: Exchange reports "
            "them at once, over connections that stay open, and the rooms are read "
            "less often besides. POLL: the rooms are read at the interval that the "
            "quota allows; so they are while notifications do not work. The platform "
            "has no such field.",
            choices=("STREAMING", "POLL"),
        ),
    ] = "STREAMING"
    disable_proxy: Annotated[
        bool,
        Field(label="Disable proxy", help="Reach Exchange without the web proxy."),
    ] = False

    oauth_client_id: Annotated[
        str | None,
        Field(
            begins="Sign-in with OAuth 2.0",
            label="OAuth client ID",
            help="The application (client) id. Required with OAUTH and APP_PERM.",
            max_length=250,
        ),
    ] = None
    oauth_client_secret: Annotated[
        str,
        Field(
            label="OAuth client secret",
            help="The application's secret. Required with APP_PERM. The platform has "
            "no such field.",
            max_length=250,
            secret=True,
            sent_by=_TOKENS,
        ),
    ] = ""
    oauth_auth_endpoint: Annotated[
        str,
        kinds.url(
            "OAuth authorization endpoint",
            "The identity provider's authorization endpoint. Required with OAUTH.",
        ),
    ] = ""
    oauth_token_endpoint: Annotated[
        str,
        kinds.url(
            "OAuth token endpoint",
            "The identity provider's token endpoint. Required with OAUTH and APP_PERM.",
        ),
    ] = ""
    oauth_redirect_uri: Annotated[
        str,
        kinds.url(
            "OAuth redirect URI",
            "Where the browser comes back to after signing in: https://<this server>"
            f"{DEPLOYMENT_REDIRECT_PATH}. Required with OAUTH.",
        ),
    ] = ""
    oauth_refresh_token: Annotated[
        str,
        Field(
            help="The result of signing in to the service account.",
            max_length=16384,
            secret=True,
            sent_by=_TOKENS,
            readonly=True,
        ),
    ] = ""
    oauth_state: Annotated[str | None, Field(help="Always null.", readonly=True)] = None
    oauth_begun: Annotated[
        str,
        Field(
            help="The sign-in that was begun, sealed.", max_length=4096, internal=True
        ),
    ] = ""
    oauth_signed_in_for: Annotated[
        str,
        Field(
            help="Who signed in when, and for which settings (JSON).",
            max_length=4096,
            internal=True,
        ),
    ] = ""

    kerberos_realm: Annotated[str, kerberos.realm("Sign-in with Kerberos")] = ""
    kerberos_kdc: Annotated[str, kerberos.KDC] = ""
    kerberos_kdc_https_proxy: Annotated[str, kerberos.KDC_HTTPS_PROXY] = ""
    kerberos_exchange_spn: Annotated[str, kerberos.EXCHANGE_SPN] = ""
    kerberos_auth_every_request: Annotated[bool, kerberos.AUTH_EVERY_REQUEST] = False
    kerberos_enable_tls: Annotated[bool, kerberos.ENABLE_TLS] = True
    kerberos_verify_tls_using_custom_ca: Annotated[
        bool, kerberos.VERIFY_TLS_USING_CUSTOM_CA
    ] = False

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the fields that the method of authentication requires, each with the
        problem."""
        method = self.authentication_method
        for field in _FOR_SIGN_IN[method]:
            if not getattr(self, field):
                yield field, f"This is required with authentication_method {method}."
        redirect = self.oauth_redirect_uri
        if method == "OAUTH" and redirect and not _ends_here(redirect):
            yield (
                "oauth_redirect_uri",
                f"This must end with {DEPLOYMENT_REDIRECT_PATH}.",
            )


def _ends_here(redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    whole = parts.path.endswith(DEPLOYMENT_REDIRECT_PATH)
    return whole and not parts.query and not parts.fragment


_FOR_SIGN_IN = {
    "BASIC": ("service_account_username", "service_account_password"),
    "NTLM": ("service_account_username", "service_account_password"),
    # Without a password it takes a keytab, which is no field.
    "KERBEROS": ("service_account_username", "kerberos_realm"),
    "OAUTH": (
        "service_account_username",
        "oauth_client_id",
        "oauth_redirect_uri",
        "oauth_auth_endpoint",
        "oauth_token_endpoint",
    ),
    "APP_PERM": ("oauth_client_id", "oauth_client_secret", "oauth_token_endpoint"),
}
