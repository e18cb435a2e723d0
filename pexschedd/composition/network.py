"""Builds the network access from the configuration and the store.

That is the trusted certificates (the system's, those in `ca_file` and the uploaded
ones) and the proxy.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.web.client import URI

from pexschedd.clock import Now
from pexschedd.config import Config
from pexschedd.errors import ConfigError
from pexschedd.model import tables
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.store.store import Store
from pexschedd.supervision.network_settings import authorities, proxy_of
from pexschedd.util.access import permission_text


def make_network(config: Config, reactor: Any, now: Now) -> Network:
    """Build the network; raises `ConfigError` naming every file that cannot be used."""
    problems: list[str] = []
    trust, proxy = Trust(), None
    try:
        trust = Trust(authorities(config))
    except (ConfigError, OSError) as error:
        problems.append(f"ca_file: {_in_words(error, config.ca_file)}")
    try:
        proxy = proxy_of(config)
    except (ValueError, OSError) as error:
        text = _in_words(error, config.proxy_password_file)
        problems.append(f"proxy.password_file: {text}")
    if problems:
        raise ConfigError("the configuration file", problems)
    return Network(reactor, trust, proxy, now=now)


def _in_words(error: Exception, path: Path | None) -> str:
    if isinstance(error, PermissionError) and path is not None:
        return f"{path}: {permission_text(path)}"
    return str(error)


class UploadedCertificates:
    """Keeps `trust` in step with the uploaded certificates; calls `changed` afterwards.

    Raises `ConfigError` if one of the stored certificates cannot be read.
    """

    def __init__(
        self,
        store: Store,
        trust: Trust,
        clock: IReactorTime,
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._trust = trust
        self._clock = clock
        self._report_change = changed
        self._soon: IDelayedCall | None = None
        self._follow()
        store.subscribe(tables.CA_CERTIFICATE, self._changed)

    def _changed(self, _old: object, _new: object) -> None:
        # A change of many certificates is read once.
        if self._soon is None or not self._soon.active():
            self._soon = self._clock.callLater(0, self._follow_change)

    def _follow_change(self) -> None:
        self._follow()
        self._report_change()

    def _follow(self) -> None:
        self._trust.replace(
            (f"ca_certificate {record.id}", record.certificate.encode())
            for record in self._store.all(tables.CA_CERTIFICATE)
        )


def is_reached_directly(store: Store) -> Callable[[URI], bool]:
    """Return a test for URIs of metadata of integrations that bypass the proxy."""

    def origins() -> Iterator[str]:
        for connector in store.all(tables.CONNECTOR):
            if connector.disable_proxy:
                for each in store.find_all(tables.DOMAIN_BY_CONNECTOR, connector.id):
                    yield _host(each.domain)

    return lambda uri: uri.host.decode("ascii").lower() in set(origins())


def _host(domain: str) -> str:
    split = urlsplit(domain if "://" in domain else f"//{domain}")
    return (split.hostname or "").encode("idna").decode("ascii")
