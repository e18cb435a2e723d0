"""Through somebody else's proxy: tinyproxy opens the tunnels."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.task import Clock

from pexschedd.ews.auth.basic import BasicAuthenticator
from pexschedd.ews.transport.transport import Transport
from pexschedd.net.errors import ConnectionFailure, FailureKind
from pexschedd.net.network import Network
from pexschedd.net.proxy import Proxy
from pexschedd.net.tls import Trust
from tests.ews.ews_support import RawServer
from tests.net.conftest import serve
from tests.net.net_support import Authority, ips
from tests.ports import free_ports
from tests.system.system_support import World, eventually
from tests.system.trust_support import alarm_names, secure_sandbox

__all__ = ["serve"]

reactor: Any = _reactor
TINYPROXY = shutil.which("tinyproxy") or shutil.which("tinyproxy", path="/usr/sbin")
pytestmark = pytest.mark.skipif(TINYPROXY is None, reason="tinyproxy is not installed")
HERE = "0.0.0.0"
"""This machine, by an address that no rule of ours takes for it."""


class Tinyproxy:
    """Starts the proxy with the given lines of configuration."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.log = folder / "tinyproxy.log"
        self.port = 0

    def start(self, *lines: str) -> int:
        self.port = free_ports(1)
        configuration = self._folder / "tinyproxy.conf"
        usual = (f"Port {self.port}", "Listen 127.0.0.1", "Allow 127.0.0.1")
        configuration.write_text("\n".join([*usual, "Timeout 30", *lines, ""]))
        command = [str(TINYPROXY), "-d", "-c", str(configuration)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(self._listens, "tinyproxy")
        return self.port

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def tinyproxy(tmp_path: Path) -> Iterator[Tinyproxy]:
    proxy = Tinyproxy(tmp_path)
    yield proxy
    proxy.stop()


@pytest.fixture
def ask(serve: Any, tinyproxy: Tinyproxy) -> Callable[..., Any]:
    """Two exchanges with a server behind the proxy; how many connections it took."""

    async def asked(port: int = 0, **signed_in: Any) -> int:
        root = Authority("Root")
        site = serve(lambda connection, _: _answer(connection), root.server(ips(HERE)))
        proxy = Proxy(secure=False, host="127.0.0.1", port=tinyproxy.port, **signed_in)
        transport = Transport(
            f"https://{HERE}:{port or site.port}/EWS/Exchange.asmx",
            BasicAuthenticator("svc", "pw"),
            clock=Clock(),
            network=Network(reactor, Trust([("root", root.pem)]), proxy),
        )
        try:
            for _ in range(2):
                response = await transport.post(
                    b"x" * 100_000, mailbox="a@b.test", repeatable=True
                )
                assert len(response.body) == 1_000_000
        finally:
            await transport.close()
        assert len(site.requests) == 2
        return len(site.connections)

    return asked


def _answer(connection: RawServer) -> None:
    connection.answer(b"y" * 1_000_000)


@pytest_twisted.ensureDeferred
async def test_tunnel(tinyproxy: Tinyproxy, ask: Any) -> None:
    """Large requests and answers, one connection for all: as NTLM needs it."""
    tinyproxy.start()
    assert await ask() == 1
    assert f"CONNECT {HERE}:" in tinyproxy.log.read_text()


@pytest_twisted.ensureDeferred
async def test_signed_in(tinyproxy: Tinyproxy, ask: Any) -> None:
    """Its Basic authentication is satisfied."""
    tinyproxy.start("BasicAuth me geheim")
    assert await ask(username="me", password="geheim") == 1


@pytest.mark.parametrize(
    ("signed_in", "words"),
    [
        ({}, "requires a user name and password"),
        ({"username": "me", "password": "wrong"}, "does not accept the user name me"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_not_signed_in(
    tinyproxy: Tinyproxy, ask: Any, signed_in: dict[str, str], words: str
) -> None:
    """A missing sign-in and a wrong one are said to be just that."""
    tinyproxy.start("BasicAuth me geheim")
    with pytest.raises(ConnectionFailure) as caught:
        await ask(**signed_in)
    assert caught.value.kind is FailureKind.PROXY_SIGN_IN
    assert words in caught.value.detail


@pytest_twisted.ensureDeferred
async def test_forbidden(tinyproxy: Tinyproxy, ask: Any) -> None:
    """A port that the proxy does not connect to."""
    tinyproxy.start("ConnectPort 443")
    with pytest.raises(ConnectionFailure) as caught:
        await ask()
    assert caught.value.kind is FailureKind.PROXY_FORBIDS
    assert "HTTP 403" in caught.value.detail


@pytest_twisted.ensureDeferred
async def test_nobody_behind_it(tinyproxy: Tinyproxy, ask: Any) -> None:
    """A server that the proxy cannot reach is not taken for the proxy."""
    tinyproxy.start()
    with pytest.raises(ConnectionFailure) as caught:
        await ask(port=free_ports(1))
    assert caught.value.kind is FailureKind.PROXY_FAILED


def test_the_daemon(tmp_path: Path, tinyproxy: Tinyproxy) -> None:
    """Exchange and its metadata are reached through the proxy; an integration can do
    without it."""
    tinyproxy.start("BasicAuth me geheim")
    root = Authority("Root")
    (tmp_path / "root.pem").write_bytes(root.pem)
    (tmp_path / "password").write_text("geheim")
    (tmp_path / "password").chmod(0o600)
    proxy = {
        "url": f"http://127.0.0.1:{tinyproxy.port}",
        "username": "me",
        "password_file": "password",
    }
    with (
        secure_sandbox(tmp_path / "secure", root.server(ips(HERE))) as port,
        World(tmp_path, ca_file="root.pem", proxy=proxy) as world,
    ):
        uri = world.create_integration(
            url=f"https://{HERE}:{port}/EWS/Exchange.asmx",
            domains=[{"domain": f"https://{HERE}:{port}/autodiscover/metadata/json/1"}],
        )
        eventually(lambda: "_exchange_certificate_expires" in said(world), "TLS")
        assert "unreachable" not in said(world)
        asked = tinyproxy.log.read_text().count(f"CONNECT {HERE}:{port}")
        assert asked >= 2  # the mailbox and the metadata

        tinyproxy.stop()
        eventually(lambda: "exchange_unreachable" in said(world), "trouble")
        (details,) = (text for text in world.alarms() if "proxy" in text)
        assert f"the proxy http://127.0.0.1:{tinyproxy.port}" in details
        assert f"{HERE}:{port}" in details

        path = uri.removeprefix("/api/admin/")
        world.ask("PATCH", path, {"disable_proxy": True}).raise_for_status()
        eventually(lambda: "unreachable" not in said(world), "the direct way")
    assert "geheim" not in world.daemon.log.read_text()


def said(world: World) -> str:
    return " ".join(sorted(alarm_names(world)))
