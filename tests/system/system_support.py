"""The real daemon and the real sandbox, each a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import requests

from tests import forked
from tests.forked import Forked
from tests.ports import free_ports
from tests.signals import heed_signals

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds until something that should happen counts as not happening."""

ROOT = Path(__file__).resolve().parents[2]
TWISTD = str(Path(sys.executable).with_name("twistd"))
ALICE = "alice@example.test"
EQUIPMENT = "pexipmeeting@example.test"


def eventually(check: Callable[[], T], what: str) -> T:
    """Asks until the answer is true: another process cannot be told the time."""
    pause = Event()
    for _ in range(int(PATIENCE / 0.05)):
        answer = check()
        if answer:
            return answer
        pause.wait(0.05)
    raise AssertionError(f"{what} did not happen within {PATIENCE} seconds")


class Twistd:
    """A twistd process; its output is kept for when a test fails."""

    def __init__(self, folder: Path, plugin: str, *arguments: str) -> None:
        self.log = folder / f"{plugin}.log"
        self._arguments = ["-n", "--pidfile=", plugin, *arguments]
        self._process: Forked | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = Forked(
                forked.TWISTD,
                self._arguments,
                cwd=self.log.parent,
                stdout=log,
                stderr=log,
            )

    def stop(self, *how: signal.Signals) -> int | None:
        """Ends it, if it runs, by SIGTERM or all of these; returns the exit status."""
        if self._process is None:
            return None
        process, self._process = self._process, None
        for number in how or (signal.SIGTERM,):
            process.send_signal(number)
        try:
            return process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def hang_up(self) -> None:
        """Has it read its settings again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def ended(self) -> int:
        """Waits until it has ended by itself; returns the exit status."""
        assert self._process is not None
        return self._process.wait(timeout=PATIENCE)


def run_daemon(folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """Runs a script that prepares something and then `twistd.run()`, until it ends."""
    config = folder / "config.json"
    config.write_text(
        '{"state_dir": "state", "endpoints": {"addin": ["tcp:0:interface=127.0.0.1"],'
        ' "admin": ["tcp:0:interface=127.0.0.1"]}}'
    )
    return subprocess.run(
        [sys.executable, "-c", script, "-n", "--pidfile=", "pexschedd", "-c", config],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        preexec_fn=heed_signals,
    )


class World:
    """A sandbox Exchange and a daemon beside it, on ports of their own."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.folder = folder
        self.state = folder / config.get("state_dir", "state")
        addin = free_ports(3)
        admin, exchange = addin + 1, addin + 2
        self.addin = f"http://127.0.0.1:{addin}"
        self.admin = f"http://127.0.0.1:{admin}"
        self.exchange = f"http://127.0.0.1:{exchange}"
        self.config = folder / "scheduling_config.json"
        self.config.write_text(
            json.dumps(
                {
                    "state_dir": "state",
                    "endpoints": {
                        "addin": [f"tcp:{addin}:interface=127.0.0.1"],
                        "admin": [f"tcp:{admin}:interface=127.0.0.1"],
                    },
                }
                | config
            )
        )
        self.daemon = Twistd(folder, "pexschedd", "--config", str(self.config))
        self.sandbox = Twistd(
            folder,
            "exchangesandbox",
            "--listen",
            f"tcp:{exchange}:interface=127.0.0.1",
        )

    def start(self) -> None:
        self.sandbox.start()
        self.start_daemon()
        eventually(
            lambda: self._answers(f"{self.exchange}/sandbox/calls"), "the sandbox"
        )

    def start_daemon(self) -> None:
        self.daemon.start()
        eventually(lambda: self._answers(f"{self.addin}/health"), "the daemon's start")
        password = self.state / "initial-admin-password"
        eventually(password.is_file, "the first administrator")
        self.password = password.read_text().strip()
        self.wait_for_sign_in()

    def wait_for_sign_in(self) -> None:
        def signed_in() -> bool:
            try:
                return self.ask("GET", "configuration/v1/").ok
            except requests.ConnectionError:
                return False

        eventually(signed_in, "the first sign-in")

    def __enter__(self) -> "World":
        """Both programs run until it is left."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.daemon.stop()
        self.sandbox.stop()

    def _answers(self, url: str) -> bool:
        try:
            return requests.get(url, timeout=5).ok
        except requests.ConnectionError:
            return False

    def ask(
        self, method: str, path: str, body: Any = None, **params: str
    ) -> requests.Response:
        """The management API, as the first administrator."""
        return requests.request(
            method,
            f"{self.admin}/api/admin/{path}",
            json=body,
            params=params,
            auth=("admin", self.password),
            timeout=10,
        )

    def objects(self, resource: str, kind: str = "configuration") -> list[Any]:
        answer = self.ask("GET", f"{kind}/v1/{resource}/", limit="10000")
        answer.raise_for_status()
        return list(answer.json()["objects"])

    def integration(self, **fields: Any) -> dict[str, Any]:
        """The smallest integration that works with this sandbox."""
        return {
            "name": "Head office",
            "url": f"{self.exchange}/EWS/Exchange.asmx",
            "username": "svc@example.test",
            "password": "svc",
            "room_mailbox_name": "Pexip Meeting",
            "room_mailbox_email_address": EQUIPMENT,
            "addin_server_domain": self.addin.removeprefix("http://"),
            "scheduled_alias_prefix": "555",
            "scheduled_alias_suffix_length": 6,
            "scheduled_alias_domain": "example.test",
            "poll_interval": 1,
            "domains": [
                {"domain": f"{self.exchange}/autodiscover/metadata/json/1"},
            ],
        } | fields

    def create_integration(self, **fields: Any) -> str:
        """Returns its resource URI."""
        answer = self.ask(
            "POST",
            "configuration/v1/ms_exchange_connector/",
            self.integration(**fields),
        )
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def token(self, mailbox: str = ALICE, **claims: Any) -> str:
        """What Outlook would get for this user."""
        base = self.addin.replace("http:", "https:")
        audience = f"{base}/api/client/v2/msexchange_schedulers/1/addin"
        answer = requests.post(
            f"{self.exchange}/sandbox/identity-tokens",
            json={"mailbox": mailbox, "audience": audience} | claims,
            timeout=10,
        )
        answer.raise_for_status()
        return str(answer.json()["token"])

    def meeting_details(self, token: str) -> requests.Response:
        return requests.get(
            f"{self.addin}/api/client/v2/msexchange_schedulers/1/meeting_details",
            headers={"token": token},
            timeout=10,
        )

    def policy(self, alias: str) -> dict[str, Any]:
        answer = requests.get(
            f"{self.addin}/policy/v1/service/configuration",
            params={"local_alias": alias, "call_direction": "dial_in"},
            timeout=10,
        )
        answer.raise_for_status()
        return dict(answer.json())

    def behave(self, **behaviour: Any) -> None:
        """Makes the sandbox misbehave."""
        answer = requests.put(
            f"{self.exchange}/sandbox/behaviour", json=behaviour, timeout=10
        )
        answer.raise_for_status()

    def alarms(self) -> list[str]:
        """The details of the alarms that are raised now."""
        return [alarm["details"] for alarm in self.objects("alarm", "status")]


def parsed(naive_utc: str) -> datetime:
    return datetime.fromisoformat(naive_utc + "+00:00")
