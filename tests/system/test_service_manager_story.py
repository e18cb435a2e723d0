"""The real daemon, started as systemd starts it: told of, with a socket, a watchdog and
secrets that it is handed."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.net.net_support import Authority, dns
from tests.signals import heed_signals
from tests.system.system_support import PATIENCE, TWISTD, World, eventually
from tests.system.test_hangup import write


class Started:
    """A daemon with the environment and the descriptors of a service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        self._told: list[str] = []
        threading.Thread(target=self._hear, daemon=True).start()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        root = Authority("Root")
        write(folder, root.server(dns("localhost")))
        (folder / "root.pem").write_bytes(root.pem)
        world = World(folder)
        values = json.loads(world.config.read_text())
        handed = "$CREDENTIALS_DIRECTORY"
        tls = f"privateKey={handed}/key.pem:certKey={handed}/cert.pem"
        values["endpoints"]["policy"] = [f"systemd:domain=INET:name=policy:{tls}"]
        secret = folder / "node-password"
        secret.write_text("geheim\n")
        secret.chmod(0o400)
        values["policy"] = {
            "username": "node",
            "password_file": "$CREDENTIALS_DIRECTORY/node-password",
        }
        world.config.write_text(json.dumps(values))
        self.world = world

    def _hear(self) -> None:
        while True:
            data = self._notify.recv(4096)
            self._told += data.decode().splitlines()

    def told(self, line: str) -> bool:
        return any(each.startswith(line) for each in self._told)

    def start(self) -> None:
        # LISTEN_PID is the daemon's own: the shell becomes the daemon.
        script = 'LISTEN_PID=$$ exec "$@"'
        daemon = [sys.executable, TWISTD, "-n", "--pidfile=", "pexschedd", "--config"]
        environment = os.environ | {
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": "400000",
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "policy",
            "CREDENTIALS_DIRECTORY": str(self.folder),
        }
        descriptor = self.listening.fileno()

        def prepare() -> None:
            heed_signals()
            os.dup2(descriptor, 3)

        with self.world.daemon.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", script, "sh", *daemon, str(self.world.config)],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                pass_fds=[3],
                preexec_fn=prepare,
            )

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.listening.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """A daemon that has said that it is ready."""
    daemon = Started(tmp_path)
    daemon.start()
    try:
        eventually(lambda: daemon.told("READY=1"), "being ready")
        yield daemon
    finally:
        daemon.stop()


def test_a_service(started: Started) -> None:
    """When it says that it is ready it answers, over TLS, on the socket that it was
    handed; the watchdog is fed; a reload is told of; its end as well."""

    def ask(password: str) -> Any:
        return requests.get(
            f"https://localhost:{started.port}/policy/v1/service/configuration",
            params={"local_alias": "1"},
            auth=("node", password),
            verify=str(started.folder / "root.pem"),
            timeout=10,
        )

    assert ask("geheim").status_code == 200
    assert ask("falsch").status_code == 401
    pem = ssl.get_server_certificate(("127.0.0.1", started.port), timeout=10)
    assert "BEGIN CERTIFICATE" in pem
    fed = started._told.count("WATCHDOG=1")
    eventually(lambda: started._told.count("WATCHDOG=1") > fed + 2, "being alive")
    assert started.told("STATUS=0 integrations")
    started.process.send_signal(signal.SIGHUP)
    eventually(lambda: started.told("RELOADING=1"), "the reload")
    eventually(lambda: started._told.count("READY=1") == 2, "its end")
    started.process.terminate()
    started.process.wait(timeout=PATIENCE)
    eventually(lambda: started.told("STOPPING=1"), "the end")
    assert "Traceback" not in started.world.daemon.log.read_text()


def test_a_socket_that_systemd_does_not_have(tmp_path: Path) -> None:
    """An error of the configuration, in words."""
    daemon = Started(tmp_path)
    values = json.loads(daemon.world.config.read_text())
    values["endpoints"]["policy"] = ["systemd:domain=INET:name=other"]
    daemon.world.config.write_text(json.dumps(values))
    daemon.start()
    try:
        assert daemon.process.wait(timeout=PATIENCE) != 0
        assert not daemon.told("READY=1")
    finally:
        daemon.stop()
    text = daemon.world.daemon.log.read_text()
    assert "systemd has not passed such a socket to this process" in text
