"""The real daemon is told to read its settings again: SIGHUP."""

import json
import os
import pty
import signal
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives import serialization

from tests.net.net_support import Authority, Server, dns
from tests.ports import free_ports
from tests.system.system_support import (
    PATIENCE,
    ROOT,
    TWISTD,
    World,
    eventually,
    run_daemon,
)

ROOT_AUTHORITY = Authority("Root")
NOT_RENEWED = "The certificate of endpoints.policy[0] was not renewed"


def write(folder: Path, server: Server) -> None:
    key = server.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificate = server.certificate.public_bytes(serialization.Encoding.PEM)
    for name, data in (("key.pem", key), ("cert.pem", certificate)):
        path = folder / name
        path.touch(0o600)
        path.write_bytes(data)


class SecureWorld(World):
    """A daemon that has a TLS endpoint, too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_ports(1)
        endpoint = (
            f"ssl:{self.port}:interface=127.0.0.1:privateKey={folder}/key.pem"
            f":certKey={folder}/cert.pem"
        )
        values = json.loads(self.config.read_text())
        values["endpoints"]["policy"] = [endpoint]
        self.config.write_text(json.dumps(values))
        write(folder, ROOT_AUTHORITY.server(dns("localhost")))

    def change(self, **settings: Any) -> None:
        values = json.loads(self.config.read_text())
        self.config.write_text(json.dumps(values | settings))

    def shown(self) -> str:
        return ssl.get_server_certificate(("127.0.0.1", self.port), timeout=10)

    def hang_up(self) -> dict[str, Any]:
        """Has it read everything again; returns the last event of that."""
        before = len(self.events("configuration "))
        process = self.daemon._process
        assert process is not None
        process.send_signal(signal.SIGHUP)

        def last() -> list[dict[str, Any]]:
            said = self.events("configuration ")[before:]
            return said if len(said) > 1 else []

        return eventually(last, "the reload")[-1]

    def events(self, beginning: str) -> list[dict[str, Any]]:
        found = []
        for line in self.daemon.log.read_text().splitlines():
            with suppress(ValueError):
                event = json.loads(line)
                if event.get("message", "").startswith(beginning):
                    found.append(event)
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SecureWorld]:
    """A running daemon, which ends as it should."""
    world = SecureWorld(tmp_path)
    world.start_daemon()
    yield world
    world.daemon.stop()
    assert "Traceback" not in world.daemon.log.read_text()


def test_hanging_up_ends_nothing(world: SecureWorld) -> None:
    """However often; the log says what was read and what waits for the next start."""
    for _ in range(3):
        assert "changed=- kept=- next_start=-" in world.hang_up()["message"]
    (world.folder / "ca.pem").write_bytes(ROOT_AUTHORITY.pem)
    few = {"at_once": 1, "per_minute": 1}
    world.change(
        ca_file="ca.pem", log={"level": "debug"}, limits={"bookings_per_user": few}
    )
    assert (
        "changed=log.level,ca_file kept=- next_start=limits.bookings_per_user"
        in world.hang_up()["message"]
    )
    world.change(log={"level": "info"})
    assert "changed=log.level kept=-" in world.hang_up()["message"]
    assert world.ask("GET", "configuration/v1/").ok


STOPS = """
def stop(event):
    if "configuration reloaded" in event["log_format"]:
        reactor.callFromThread(reactor.stop)

globalLogPublisher.addObserver(stop)
"""
WHILE_THE_STORE_IS_OPENED = f"""
import os, signal
from twisted.internet import reactor
from twisted.logger import globalLogPublisher
from twisted.scripts import twistd
from pexschedd.store.store import Store

opened = Store.open

def hang_up(*arguments, **more):
    os.kill(os.getpid(), signal.SIGHUP)
    return opened(*arguments, **more)

{STOPS}
Store.open = hang_up
twistd.run()
"""
WHILE_MODULES_ARE_IMPORTED = f"""
import os, signal, sys
from pexschedd.tools.start import pexschedd

class HangUp:
    def find_spec(self, name, *_):
        if name == "pexschedd.tools.main":
            os.kill(os.getpid(), signal.SIGHUP)
        elif name == "pexschedd.tap":
            from twisted.internet import reactor
            from twisted.logger import globalLogPublisher
            scope = {{"reactor": reactor, "globalLogPublisher": globalLogPublisher}}
            exec({STOPS!r}, scope)

sys.meta_path.insert(0, HangUp())
sys.argv[1:] = ["run", "--config", sys.argv[-1]]
pexschedd()
"""


@pytest.mark.parametrize(
    "script", [WHILE_MODULES_ARE_IMPORTED, WHILE_THE_STORE_IS_OPENED]
)
def test_hanging_up_before_the_daemon_runs(tmp_path: Path, script: str) -> None:
    """To import it takes a second, to open a store half a minute: the settings are read
    again afterwards."""
    done = run_daemon(tmp_path, script)
    assert done.returncode == 0
    assert "configuration reloaded" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_another_password_of_the_nodes(tmp_path: Path) -> None:
    """It counts at once, and the old one no more; one that cannot be used leaves the
    last one in effect."""
    file = tmp_path / "policy-password"
    file.touch(0o600)
    file.write_text("first password")
    account = {"username": "node", "password_file": "policy-password"}
    world = SecureWorld(tmp_path)
    world.change(policy=account)
    world.start_daemon()

    def status(password: str) -> int:
        context = ssl.create_default_context(cadata=ROOT_AUTHORITY.pem.decode())
        url = f"https://localhost:{world.port}/policy/v1/service/configuration"
        sent = b64encode(f"node:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {sent}"}
        request = Request(f"{url}?local_alias=x", headers=headers)  # noqa: S310
        try:
            with urlopen(request, context=context, timeout=10) as answer:  # noqa: S310
                return int(answer.status)
        except HTTPError as error:
            with error:
                return error.code

    try:
        assert (status("first password"), status("second password")) == (200, 401)
        file.write_text("second password")
        assert "changed=policy kept=-" in world.hang_up()["message"]
        assert (status("first password"), status("second password")) == (401, 200)
        file.write_text("\n")
        assert "changed=- kept=policy" in world.hang_up()["message"]
        assert status("second password") == 200
        file.write_text("second password")
        world.change(policy=None)
        assert "kept=- next_start=policy" in world.hang_up()["message"]
        assert status("second password") == 200
    finally:
        world.daemon.stop()


def test_a_renewed_certificate(world: SecureWorld) -> None:
    """It is shown at once; a broken one is not, an alarm says so, and the next one that
    is good lowers it."""
    first = world.shown()
    write(world.folder, ROOT_AUTHORITY.server(dns("localhost")))
    world.hang_up()
    second = world.shown()
    assert second != first
    (world.folder / "cert.pem").write_text("broken")
    assert "kept=endpoints.policy[0]" in world.hang_up()["message"]
    assert world.shown() == second
    assert any(NOT_RENEWED in alarm for alarm in world.alarms())
    write(world.folder, ROOT_AUTHORITY.server(dns("localhost")))
    world.hang_up()
    assert world.shown() not in (first, second)
    assert not any(NOT_RENEWED in alarm for alarm in world.alarms())


@pytest.mark.parametrize("text", ["{", "[]", '{"state_dir": 7}', ""])
def test_a_broken_configuration_file(world: SecureWorld, text: str) -> None:
    """Nothing changes, and each error is in the log."""
    good = world.config.read_text()
    world.config.write_text(text)
    said = world.hang_up()
    assert said["level"] == "error"
    assert "configuration not reloaded" in said["message"]
    world.config.write_text(good)
    assert "configuration reloaded" in world.hang_up()["message"]


def test_start_and_stop_are_in_the_log(tmp_path: Path) -> None:
    """With the release, the ports, the folder and the number of integrations."""
    world = SecureWorld(tmp_path)
    world.start_daemon()
    world.daemon.stop(signal.SIGTERM, signal.SIGTERM, signal.SIGHUP)
    (starting,) = world.events("daemon starting")
    (started,) = world.events("daemon started")
    (stopping,) = world.events("daemon stopping")
    (stopped,) = world.events("daemon stopped")
    assert {e["level"] for e in (starting, started, stopping, stopped)} == {"info"}
    assert f"policy:127.0.0.1:{world.port}" in started["message"]
    assert f"state_dir={world.state} integrations=0" in started["message"]


def test_a_terminal_that_goes(tmp_path: Path) -> None:
    """A developer's daemon ends with its window, in order."""
    world = SecureWorld(tmp_path)
    ours, its = pty.openpty()

    def take_terminal() -> None:
        os.setsid()
        os.close(os.open(os.ttyname(its), os.O_RDWR))  # becomes the controlling one
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)

    with world.daemon.log.open("ab") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                TWISTD,
                "-n",
                "--pidfile=",
                "pexschedd",
                "-c",
                world.config,
            ],
            stdin=its,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            preexec_fn=take_terminal,
        )
    try:
        os.close(its)
        eventually(lambda: world.events("daemon started"), "the start")
        os.close(ours)
        assert process.wait(timeout=PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
    assert world.events("daemon stopped")
