"""Real web servers and a real Kerberos realm, started once for all tests here."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor

from pexschedd.ews.auth import kerberos_tickets
from tests.ews.ews_exchange import Exchange
from tests.net.net_support import Authority
from tests.peers import apache, kdc
from tests.peers.apache import Apache
from tests.peers.kdc import Kdc
from tests.peers.office import Office
from tests.peers.processes import FAKETIME, UNPRIVILEGED, missing, new_folder
from tests.system.system_support import World

reactor: Any = _reactor

ACCOUNTS = ("EXAMPLE:svc:right", ":svc@example.test:right")


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority("The authority of the peers")


@pytest.fixture(scope="session")
def realm() -> Iterator[Kdc]:
    """A realm with a service account, and a web server's account."""
    lacking = missing(kdc.COMMANDS)
    if not kerberos_tickets.installed():
        lacking.append("pexschedd[kerberos]")
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")
    folder = new_folder("kdc")
    server = Kdc(folder)
    server.add("svc", "right")
    server.add("HTTP/localhost", "of the web server")
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def web_server(authority: Authority) -> Iterator[Apache]:
    """Without a realm it does without Kerberos."""
    lacking = missing(apache.COMMANDS, apache.FILES)
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")
    folder = new_folder("apache")
    server = Apache(
        folder,
        accounts=list(ACCOUNTS),
        keytab=None,
        krb5_config=None,
        authority=authority,
    )
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def kerberized(realm: Kdc, authority: Authority) -> Iterator[Apache]:
    """A web server with a key in the realm."""
    yield from _kerberized(realm, authority)


@pytest.fixture
def ten_minutes_ahead(realm: Kdc, authority: Authority) -> Iterator[Apache]:
    """One whose clock is wrong."""
    yield from _kerberized(realm, authority, [FAKETIME], ahead="+10m")


@pytest.fixture
def world(tmp_path: Path, authority: Authority) -> Iterator[World]:
    """A daemon that believes the peers' authority, and a sandbox."""
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(authority.pem)
    with World(tmp_path, ca_file=str(trusted)) as world:
        yield world


@pytest.fixture
def in_front(realm: Kdc, authority: Authority, world: World) -> Iterator[Apache]:
    """A web server in front of the sandbox of `world`."""
    port = urlsplit(world.exchange).port
    yield from _kerberized(realm, authority, backend=port)


def _kerberized(
    realm: Kdc,
    authority: Authority,
    files: Sequence[str] = (),
    ahead: str = "",
    backend: int | None = None,
) -> Iterator[Apache]:
    lacking = missing(apache.COMMANDS, [*apache.FILES, *files])
    if lacking:
        pytest.skip(f"not installed: {', '.join(lacking)}")
    folder = new_folder("apache")
    keytab = folder / "http.keytab"
    realm.export("HTTP/localhost", keytab)
    _give_away(keytab)
    server = Apache(
        folder,
        accounts=list(ACCOUNTS),
        keytab=keytab,
        krb5_config=realm.config,
        authority=authority,
        ahead=ahead,
        backend=backend,
    )
    yield server
    server.stop()
    shutil.rmtree(folder)


def _give_away(path: Path) -> None:
    if path.owner() == "root":
        shutil.chown(path, UNPRIVILEGED)


@pytest_twisted.async_yield_fixture()
async def behind() -> Any:
    """Starts a sandbox behind a web server, and stops it."""
    opened: list[tuple[Exchange, Any]] = []

    def start(server: Apache) -> Exchange:
        exchange = Exchange()
        port = reactor.listenTCP(
            server.backend, exchange.sandbox.site(), interface="127.0.0.1"
        )
        opened.append((exchange, port))
        return exchange

    yield start
    for exchange, port in opened:
        await exchange.close()
        await port.stopListening()


@pytest.fixture
def office(
    tmp_path: Path,
    kerberized: Apache,
    realm: Kdc,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> Office:
    # Set by what is tested, and not to be seen by other tests.
    monkeypatch.setenv("KRB5_CONFIG", "/nowhere")
    return Office(tmp_path, kerberized, realm, authority)
