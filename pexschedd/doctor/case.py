"""The integration under examination, with all that the records say about it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from pexschedd.identity.exchange_token import addin_url
from pexschedd.model.fields.addresses import is_loopback
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.manifest_history import ManifestsInUse

ONLINE_HOSTS = (
    "outlook.office365.com",
    "outlook.office.com",
    "outlook.office365.us",
    "partner.outlook.cn",
)


class AddinState(msgspec.Struct, frozen=True, kw_only=True):
    """The knowledge of the running daemon about an integration's add-in."""

    manifests: ManifestsInUse | None = None
    frames: tuple[str, ...] = ()
    """Origins of the integration at which the pane may be shown in a frame."""
    refused_frames: tuple[str, ...] = ()
    """Origins at which it was to be shown lately, but may not."""
    notes: tuple[str, ...] = ()
    """Texts that are not shown as they were entered, each with its field."""
    has_msal: bool = True
    """False if nested app authentication's library is not installed."""


class ExaminedIntegration(msgspec.Struct, frozen=True, kw_only=True):
    """An integration and everything known about it before the first probe."""

    connector: Connector
    """Its secrets are sealed and stay so."""
    now: datetime | None = None
    """The time at which the examination began; aware."""
    domains: tuple[str, ...] = ()
    """The configured metadata domains and URLs."""
    user: str = ""
    """Address of a user for whom the service account should be able to act; may be
    empty."""
    others: tuple[str, ...] = ()
    """Names of other integrations with the same mailbox."""
    other_providers: tuple[str, ...] = ()
    """Names of integrations whose users sign in at another identity provider."""
    alarms: tuple[tuple[str, str], ...] = ()
    """Names and details of the alarms that are raised for it."""
    missing_references: Mapping[str, str] = {}
    """Fields of the integration that name a record which there is not, each with what
    follows from that."""
    unsupported_rooms: tuple[str, ...] = ()
    """Names of a few rooms, of any integration, with settings that have no effect."""
    refused_hosts: tuple[str, ...] = ()
    """Hosts of the Exchange servers named in refused identity tokens."""
    serving: bool = True
    """True if the daemon, which serves the add-in, is running."""
    addin: AddinState = AddinState()
    processing: str = ""
    """AutomateProcessing as Exchange Web Services tell it, where they were asked for a
    mailbox that Graph is to reach; empty: not known."""
    policy_is_open: bool = False
    """True if the policy interface answers whoever reaches the add-in's address."""
    key_file: str = ""
    """The file outside the state folder with the key of stored secrets; empty: the key
    is in that folder."""
    key_copy: str = ""
    """A copy of that key in the state folder; empty if there is none."""
    proxy: str = ""
    """The web proxy on the way to Exchange, without its password; empty: none."""

    @property
    def server(self) -> str:
        """The name of the interface that has the mailbox."""
        return "Microsoft Graph" if self.connector.uses_graph else "Exchange"

    @property
    def server_field(self) -> str:
        """The label of the field that says where the mailbox's server is."""
        return "Graph API domain" if self.connector.uses_graph else "EWS URL"

    @property
    def host(self) -> str:
        """The host of the EWS URL, or of Graph; empty if the URL names none."""
        return _split(self.connector.mailbox_server)[0]

    @property
    def port(self) -> int:
        """The port of the EWS URL or of Graph, the scheme's own by default; 0 if
        unusable."""
        return _split(self.connector.mailbox_server)[1]

    @property
    def has_tls(self) -> bool:
        """True if the EWS URL is an https URL, or Graph is spoken to with TLS."""
        return self.connector.mailbox_server.lower().startswith("https:")

    @property
    def application(self) -> str:
        """The application's client id; empty if there is none."""
        return self.connector.oauth_client_id or ""

    @property
    def online(self) -> bool:
        """True for Exchange Online, False for a server on-premises."""
        return (
            self.connector.uses_graph
            or self.host in ONLINE_HOSTS
            or self.connector.authentication_method == "APP_PERM"
        )

    @property
    def addin_host(self) -> str:
        """The host from which Outlook loads the add-in."""
        return _split(f"https://{self.connector.addin_server_domain}")[0]

    @property
    def addin_port(self) -> int:
        """The port from which Outlook loads the add-in."""
        return _split(self.pane_url)[1]

    @property
    def addin_has_tls(self) -> bool:
        """True unless the add-in is served on loopback, for a demonstration."""
        return not is_loopback(self.addin_host)

    @property
    def pane_url(self) -> str:
        """The URL of the pane, as Outlook loads it."""
        domain = self.connector.addin_server_domain
        url = addin_url(domain, self.connector.id)
        scheme = "https" if self.addin_has_tls else "http"
        return scheme + url.removeprefix("https")

    @property
    def addin_origin(self) -> str:
        """The origin of the pane: scheme, host and port, in lower case."""
        scheme, _, rest = self.pane_url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}".lower()

    def details(self, alarm: str) -> str:
        """Return the details of the raised alarm of this name, or an empty string."""
        return next((text for name, text in self.alarms if name == alarm), "")


def host_of(url: str) -> str:
    """Return the host of `url`, or an empty string if it has none."""
    return _split(url)[0]


def _split(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", 0
    return parts.hostname or "", port or (80 if parts.scheme == "http" else 443)
