"""From the configuration and the store to the way out of this machine.

Whom the daemon believes (the system's roots, `ca_file`, uploaded certificates), which
proxy it asks, and what it shows itself. Part of the composition.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.web.client import URI

from pexschedd.config import Config
from pexschedd.crypto.certificates import Certificate
from pexschedd.errors import ConfigError
from pexschedd.model import tables
from pexschedd.net.network import Network
from pexschedd.net.own_certificate import certificate_file, own_certificate
from pexschedd.net.proxy import Proxy
from pexschedd.net.tls import Trust
from pexschedd.scheduling.alarms.certificate_expiry import OwnCertificate
from pexschedd.store.store import Store


def network_of(config: Config, reactor: Any) -> Network:
    """Raises `ConfigError` naming every file that cannot be used."""
    problems: list[str] = []
    trust, proxy = Trust(), None
    try:
        trust = _trust(config)
    except (ConfigError, OSError) as error:
        problems.append(f"ca_file: {error}")
    try:
        proxy = _proxy(config)
    except (ValueError, OSError) as error:
        problems.append(f"proxy.password_file: {error}")
    if problems:
        raise ConfigError("the configuration file", problems)
    return Network(reactor, trust, proxy)


def _trust(config: Config) -> Trust:
    if config.ca_file is None:
        return Trust()
    return Trust([(str(config.ca_file), config.ca_file.read_bytes())])


def _proxy(config: Config) -> Proxy | None:
    if config.proxy is None or config.proxy_password_file is None:
        return config.proxy
    lines = config.proxy_password_file.read_text("utf-8").splitlines()
    if not lines or not lines[0]:
        raise ValueError(
            f"{config.proxy_password_file} has no password in its first line"
        )
    return replace(config.proxy, password=lines[0])


class UploadedCertificates:
    """Keeps `trust` as the uploaded certificates are, and says when it has changed.

    Raises `ConfigError` when one of the stored ones cannot be read.
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
        self._say = changed
        self._soon: IDelayedCall | None = None
        self._follow()
        store.subscribe(tables.CA_CERTIFICATE, self._changed)

    def _changed(self, _old: object, _new: object) -> None:
        # A whole collection is uploaded in one change: it is read once.
        if self._soon is None or not self._soon.active():
            self._soon = self._clock.callLater(0, self._follow_change)

    def _follow_change(self) -> None:
        self._follow()
        self._say()

    def _follow(self) -> None:
        self._trust.replace(
            (f"ca_certificate {record.id}", record.certificate.encode())
            for record in self._store.all(tables.CA_CERTIFICATE)
        )


def is_reached_directly(store: Store) -> Callable[[URI], bool]:
    """Whether a metadata document is one of an integration without proxy."""

    def origins() -> Iterator[str]:
        for connector in store.all(tables.CONNECTOR):
            if connector.disable_proxy:
                for each in store.find_all(tables.DOMAIN_BY_CONNECTOR, connector.id):
                    yield _host(each.domain)

    return lambda uri: uri.host.decode("ascii").lower() in set(origins())


def _host(domain: str) -> str:
    split = urlsplit(domain if "://" in domain else f"//{domain}")
    return (split.hostname or "").encode("idna").decode("ascii")


def own_certificates(config: Config) -> list[OwnCertificate]:
    """What our `ssl:` endpoints show; one that cannot be read is their own error."""
    found = []
    for name, endpoints in (
        ("addin", config.addin_endpoints),
        ("admin", config.admin_endpoints),
    ):
        for number, endpoint in enumerate(endpoints):
            file = certificate_file(endpoint)
            serving = None if file is None else _read(file)
            if file is not None and serving is not None:
                place = f"endpoints.{name}[{number}]"
                found.append(OwnCertificate(place, serving, partial(_read, file)))
    return found


def _read(file: Path) -> Certificate | None:
    try:
        return own_certificate(file.read_bytes())
    except (OSError, ValueError):
        return None
