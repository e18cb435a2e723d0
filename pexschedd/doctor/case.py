"""PURE: the integration that is examined, and what is known about it beforehand."""

from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from pexschedd.identity.exchange_token import addin_url
from pexschedd.model.fields.addresses import is_loopback
from pexschedd.model.integration import Connector

ONLINE_HOSTS = (
    "outlook.office365.com",
    "outlook.office.com",
    "outlook.office365.us",
    "partner.outlook.cn",
)


class ExaminedIntegration(msgspec.Struct, frozen=True, kw_only=True):
    connector: Connector
    """Its secrets are sealed, and nobody here opens them."""
    now: datetime | None = None
    """When the examination began; aware."""
    domains: tuple[str, ...] = ()
    """The configured metadata domains and URLs."""
    user: str = ""
    """Somebody whose calendar the service account should be able to act for."""
    others: tuple[str, ...] = ()
    """Names of other integrations with the same mailbox."""
    alarms: tuple[tuple[str, str], ...] = ()
    """Names and details of the alarms that are raised for it."""
    refused_hosts: tuple[str, ...] = ()
    """Exchange servers that refused tokens came from."""
    serving: bool = True
    """Whether the daemon is running: it serves the add-in."""
    proxy: str = ""
    """The web proxy on the way to Exchange, without its password; empty: none."""

    @property
    def host(self) -> str:
        return _split(self.connector.url)[0]

    @property
    def port(self) -> int:
        return _split(self.connector.url)[1]

    @property
    def has_tls(self) -> bool:
        return self.connector.url.lower().startswith("https:")

    @property
    def online(self) -> bool:
        """Exchange Online rather than a server on-premises."""
        return (
            self.host in ONLINE_HOSTS
            or self.connector.authentication_method == "APP_PERM"
        )

    @property
    def addin_host(self) -> str:
        return _split(f"https://{self.connector.addin_server_domain}")[0]

    @property
    def addin_port(self) -> int:
        return _split(self.pane_url)[1]

    @property
    def addin_has_tls(self) -> bool:
        """Outlook asks for https; only the demonstration on this machine does not."""
        return not is_loopback(self.addin_host)

    @property
    def pane_url(self) -> str:
        domain = self.connector.addin_server_domain
        url = addin_url(domain, self.connector.id)
        scheme = "https" if self.addin_has_tls else "http"
        return scheme + url.removeprefix("https")

    def details(self, alarm: str) -> str:
        """Of a raised alarm of this name; empty when there is none."""
        return next((text for name, text in self.alarms if name == alarm), "")


def host_of(url: str) -> str:
    return _split(url)[0]


def _split(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", 0
    return parts.hostname or "", port or (80 if parts.scheme == "http" else 443)
