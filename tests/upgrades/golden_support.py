"""A daemon on a copy of a golden folder, and an Exchange that has what waits there."""

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import treq
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from pexschedd import config as configuration
from pexschedd.model import tables
from pexschedd.sandbox import Exchange, Sandbox, default_accounts
from pexschedd.sandbox.items import ids
from pexschedd.sandbox.mailboxes.snapshot import SandboxState
from pexschedd.tap import Daemon
from tests.store.store_reader import read_folder

reactor: Any = _reactor
STATES = Path(__file__).parent / "states"
NAMES = sorted(path.name for path in STATES.iterdir() if path.is_dir())
ALICE, EQUIPMENT = "alice@example.test", "pexipmeeting@example.test"
HOUR = timedelta(hours=1)
_SEEN = re.compile(rb'"last_item_time":"([^"]+)"')


def copied(name: str, to: Path) -> Path:
    """A golden folder with the permissions that a repository does not keep."""
    shutil.copytree(STATES / name, to)
    for path in [to, *to.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return to


def left_at(state: Path) -> datetime:
    """Shortly after the daemon has worked there, so that nothing gets old."""
    text = (state / "journal" / "00000001.jsonl").read_bytes()
    return datetime.fromisoformat(max(_SEEN.findall(text)).decode()) + timedelta(
        minutes=1
    )


def waiting(state: Path) -> Any:
    """The answer that waits in a folder."""
    (answer,) = read_folder(state)["outbox"].values()
    return answer


def exchange_of(state: Path) -> Exchange:
    """An Exchange with the message that the waiting answer is for, under its id."""
    now = left_at(state)
    exchange = Exchange(default_accounts(), now=lambda: now)
    exchange.schedule(
        ALICE,
        subject="Unanswered",
        start=now + HOUR,
        end=now + 2 * HOUR,
        resources=[EQUIPMENT],
    )
    content = SandboxState.decode(exchange.snapshot())
    (place,) = [n for n, a in enumerate(content.accounts) if a.address == EQUIPMENT]
    mailbox = content.mailboxes[place]
    answer = waiting(state)
    old, new = mailbox.guid, ids.mailbox_of(answer["item_id"])
    assert new is not None
    mailbox.guid = new
    before = exchange.mailbox(EQUIPMENT).inbox()[0].id
    text = content.encode().replace(before.encode(), answer["item_id"].encode())
    return Exchange.restore(text.replace(old.encode(), new.encode()), now=lambda: now)


class Upgraded:
    """Today's daemon on a state folder, with an Exchange on a socket beside it."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.state = state
        self._folder = folder
        self.exchange = exchange_of(state)
        self._now = left_at(state)
        self._password = (state / "initial-admin-password").read_text().strip()
        sandbox = Sandbox(now=lambda: self._now, clock=reactor, exchange=self.exchange)
        self._port = reactor.listenTCP(0, sandbox.site(), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self._port.getHost().port}"
        self._agent = Agent(reactor)

    async def start(self) -> None:
        endpoint = "tcp:0:interface=127.0.0.1"
        values = {
            "state_dir": str(self.state),
            "endpoints": {"addin": [endpoint], "admin": [endpoint]},
        }
        config = configuration.parse(values, self._folder / "config.json")
        self.daemon = Daemon(config, reactor=reactor, now=lambda: self._now)
        self.store = self.daemon.store
        self.daemon.privilegedStartService()
        self.daemon.startService()
        await self.daemon.first_start

    async def stop(self) -> None:
        await self.daemon.stopService()

    async def close(self) -> None:
        await self._port.stopListening()

    async def ask(
        self, method: str, path: str, body: Any = None, **params: str
    ) -> tuple[int, Any]:
        """The management API, as the first administrator, with the old password."""
        port = self.daemon.http_servers.port("admin")
        response = await treq.client.HTTPClient(self._agent).request(
            method,
            f"http://127.0.0.1:{port}/api/admin/{path}",
            params=params,
            auth=("admin", self._password),
            **({} if body is None else {"json": body}),
            headers=Headers({"connection": ["close"]}),
        )
        data = await response.content()
        return response.code, msgspec.json.decode(data) if data else None

    async def answered(self) -> None:
        """Gives the first integration its Exchange; waits until nothing waits."""
        done: Deferred[None] = Deferred()

        def changed(old: Any, new: Any) -> None:
            if new is None and not done.called:
                done.callback(None)

        self.store.subscribe(tables.OUTBOX, changed)
        status, said = await self.ask(
            "PATCH",
            "configuration/v1/ms_exchange_connector/1/",
            {"url": f"{self.url}/EWS/Exchange.asmx", "password": "svc"},
        )
        assert status == 202, said
        await done
