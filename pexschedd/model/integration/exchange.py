"""An integration's name, and how it reaches its Exchange mailbox."""

from collections.abc import Iterator
from typing import Annotated

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields.declaration import Destination, Field, Record
from pexschedd.model.fields.secret_destinations import differs, other_server
from pexschedd.model.integration import kerberos

Needs = Iterator[tuple[str, tuple[str, ...]]]
"""Reasons, and the fields that may not be empty for them."""


_SHOWN = ("KERBEROS", "NTLM", "BASIC")
"""The methods that use the password, the one that shows most of it to servers last."""


def shows_more(old: str, new: str) -> bool:
    """Return True if one method shows servers more of a password than another."""
    return _rank(new) > _rank(old)


def _rank(method: str) -> int:
    return _SHOWN.index(method) if method in _SHOWN else -1


_EXCHANGE = Destination("url", other_server)
"""Exchange gets the password, or the tokens that the other secrets open."""
_PASSWORD_SENT_BY = (
    _EXCHANGE,
    Destination("authentication_method", shows_more),
    Destination("kerberos_realm", differs),  # empty KDC: DNS finds the realm's
    Destination("kerberos_kdc", differs),
    Destination("kerberos_kdc_https_proxy", differs),
)
TOKENS_SENT_BY = (_EXCHANGE, Destination("oauth_token_endpoint", other_server))
"""The fields that decide where the secrets go that open Exchange's tokens."""
APPLICATION_SENT_BY = (*TOKENS_SENT_BY, Destination("graph_api_domain", differs))
"""The same for the secrets of the application, which may open Graph's tokens, too."""


class ExchangeAccess(Record, frozen=True, kw_only=True):
    """The part of an integration that faces Exchange."""

    uuid: Annotated[
        str,
        Field(help="Identifies the integration and its add-in.", readonly=True),
    ]
    name: Annotated[
        str,
        Field(
            label="Name",
            help="What this integration is called.",
            min_length=1,
            max_length=250,
            unique=True,
        ),
    ]
    description: Annotated[
        str, Field(label="Description", help="Notes on it.", max_length=250)
    ] = ""
    enable_dynamic_vmrs: Annotated[
        bool,
        Field(
            label="Enable single-use VMRs",
            help="Users may schedule meetings in rooms made for one meeting or series.",
        ),
    ] = True
    enable_personal_vmrs: Annotated[
        bool,
        Field(
            label="Enable personal VMRs",
            help="Users may schedule meetings in their own permanent rooms.",
        ),
    ] = False

    url: Annotated[
        str,
        Field(
            begins="Exchange server",
            label="EWS URL",
            help="Where Exchange Web Services answer, usually "
            "https://<exchange_server>/EWS/Exchange.asmx; any one server or the load "
            "balancer. Required for single-use VMRs, unless the mailbox_protocol is "
            "GRAPH.",
            max_length=255,
            checks=(addresses.http_url,),
        ),
    ] = ""
    authentication_method: Annotated[
        str,
        Field(
            label="Authentication method",
            help="How the service account signs in to Exchange. On-premises: BASIC, "
            "NTLM (NTLMv2) or KERBEROS. OAUTH signs in a service account once in a "
            "browser; APP_PERM uses an application's own secret or certificate and "
            "needs no service account.",
            choices=("BASIC", "NTLM", "KERBEROS", "OAUTH", "APP_PERM"),
        ),
    ] = "BASIC"
    username: Annotated[
        str,
        Field(
            label="Service account username",
            help="name@example.com or EXAMPLE\\name. One account may serve several "
            "integrations. Required for single-use VMRs unless APP_PERM or the "
            "mailbox_protocol GRAPH is used.",
            max_length=100,
        ),
    ] = ""
    password: Annotated[
        str,
        Field(
            label="Service account password",
            help="Required for single-use VMRs with BASIC and NTLM, and with KERBEROS "
            "where the account has no keytab.",
            max_length=100,
            secret=True,
            sent_by=_PASSWORD_SENT_BY,
        ),
    ] = ""
    room_mailbox_name: Annotated[
        str,
        Field(
            label="Mailbox name",
            help="The name of the equipment (or room) mailbox; users see it among the "
            "attendees of their meetings. Empty: they see its address.",
            max_length=250,
        ),
    ] = ""
    room_mailbox_email_address: Annotated[
        str | None,
        Field(
            label="Mailbox email address",
            help="The address of the equipment (or room) mailbox. No other "
            "integration may use it. Required for single-use VMRs.",
            max_length=100,
            unique=True,
            checks=(addresses.mail_address,),
        ),
    ] = None
    poll_interval: Annotated[
        int,
        Field(
            label="Poll interval",
            help="How often the mailbox is looked at while nobody tells what arrives; "
            "with PULL, how often Exchange is asked for notifications.",
            minimum=1,
            maximum=3600,
            unit="seconds",
        ),
    ] = 5
    notification_method: Annotated[
        str,
        Field(
            label="Notification method",
            help="How new messages are noticed. STREAMING: Exchange tells at once, "
            "over a connection that stays open. PULL: Exchange is asked at the poll "
            "interval whether something arrived. POLL: the mailbox itself is looked "
            "at, at the poll interval; so it is while notifications do not work.",
            choices=("STREAMING", "PULL", "POLL"),
        ),
    ] = "STREAMING"
    safety_poll_interval: Annotated[
        int,
        Field(
            label="Safety poll interval",
            help="How often the mailbox is looked at all the same while notifications "
            "work; never more often than at the poll interval.",
            minimum=10,
            maximum=3600,
            unit="seconds",
        ),
    ] = 90
    disable_proxy: Annotated[
        bool,
        Field(
            label="Disable proxy",
            help="Reach Exchange, or Microsoft Graph, without the web proxy.",
        ),
    ] = False

    oauth_client_id: Annotated[
        str | None,
        Field(
            begins="Exchange sign-in with OAuth 2.0",
            label="OAuth client ID",
            help="The application (client) id. Required with OAUTH, APP_PERM and the "
            "mailbox_protocol GRAPH.",
            max_length=250,
        ),
    ] = None
    oauth_client_secret: Annotated[
        str,
        Field(
            label="OAuth client secret",
            help="The application's secret: its value, not its id. Required with "
            "APP_PERM and the mailbox_protocol GRAPH, unless the integration has a "
            "certificate, or is to get one by the command make_certificate: then it "
            'is sent as "".',
            max_length=250,
            secret=True,
            sent_by=APPLICATION_SENT_BY,
        ),
    ] = ""
    oauth_redirect_uri: Annotated[
        str,
        kinds.url(
            "OAuth redirect URI",
            "Where the browser comes back to after signing in: https://<this server>"
            "/admin/platform/msexchangeconnector/oauth_redirect/. Register the same "
            "address with the identity provider. Required with OAUTH.",
        ),
    ] = ""
    oauth_auth_endpoint: Annotated[
        str,
        kinds.url(
            "OAuth authorization endpoint",
            "The identity provider's authorization endpoint (v1). Required with OAUTH.",
        ),
    ] = ""
    oauth_token_endpoint: Annotated[
        str,
        kinds.url(
            "OAuth token endpoint",
            "The identity provider's token endpoint: v1 with OAUTH and APP_PERM, and "
            "with the mailbox_protocol GRAPH v2 of your tenant: https://"
            "login.microsoftonline.com/<tenant>/oauth2/v2.0/token. Required with all "
            "three.",
        ),
    ] = ""
    oauth_resource: Annotated[
        str,
        Field(
            label="OAuth resource",
            help="What access is asked for, as the identity provider knows Exchange, "
            "e.g. https://outlook.office365.com; empty: scheme and host of the EWS "
            "URL.",
            max_length=255,
            checks=(addresses.identifier,),
        ),
    ] = ""
    oauth_refresh_token: Annotated[
        str,
        Field(
            help="The result of signing in to the service account.",
            max_length=16384,
            secret=True,
            sent_by=TOKENS_SENT_BY,
            readonly=True,
        ),
    ] = ""
    oauth_state: Annotated[
        str,
        Field(
            help="The sign-in that was begun, sealed.",
            max_length=4096,
            internal=True,
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

    kerberos_realm: Annotated[str, kerberos.realm("Exchange sign-in with Kerberos")] = (
        ""
    )
    kerberos_kdc: Annotated[str, kerberos.KDC] = ""
    kerberos_kdc_https_proxy: Annotated[str, kerberos.KDC_HTTPS_PROXY] = ""
    kerberos_exchange_spn: Annotated[str, kerberos.EXCHANGE_SPN] = ""
    kerberos_auth_every_request: Annotated[bool, kerberos.AUTH_EVERY_REQUEST] = False
    kerberos_enable_tls: Annotated[bool, kerberos.ENABLE_TLS] = True
    kerberos_verify_tls_using_custom_ca: Annotated[
        bool, kerberos.VERIFY_TLS_USING_CUSTOM_CA
    ] = False

    @property
    def mailbox_address(self) -> str:
        """The address of the equipment mailbox; empty if there is none."""
        return self.room_mailbox_email_address or ""

    def needs(self) -> Needs:
        """Yield the fields that the chosen settings require, each group with its
        reason."""
        if self.enable_dynamic_vmrs:
            yield "for single-use VMRs", ("url", "room_mailbox_email_address")
            yield (
                f"with authentication_method {self.authentication_method}",
                _FOR_SIGN_IN[self.authentication_method],
            )


OAUTH_REDIRECT_PATH = "/admin/platform/msexchangeconnector/oauth_redirect/"
"""The path to which the browser returns after sign-in."""

_FOR_SIGN_IN = {
    "BASIC": ("username", "password"),
    "NTLM": ("username", "password"),
    # Without a password it takes a keytab, which is no field.
    "KERBEROS": ("username", "kerberos_realm"),
    "OAUTH": (
        "username",
        "oauth_client_id",
        "oauth_redirect_uri",
        "oauth_auth_endpoint",
        "oauth_token_endpoint",
    ),
    "APP_PERM": ("oauth_client_id", "oauth_token_endpoint"),
}
