"""Many integrations in one daemon, and an Exchange for them; each a process of its own.

    python -m benchmarks.many exchange MAILBOXES LATENCY_MS [GRAPH]
    python -m benchmarks.many daemon FOLDER INTEGRATIONS [FIELDS [TRACES_URL]]

`INTEGRATIONS` is a JSON list of [url, mailbox]; `FIELDS` are those of integrations over
Graph and `GRAPH` settings of such an organisation, both JSON objects or null. Each
process prints one JSON line when it is ready, answers every line it is sent with
another one, and ends with its input.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import LoopingCall
from twisted.protocols.basic import LineOnlyReceiver

from benchmarks.graph_access import open_graph, sealed_graph_fields
from benchmarks.servers import alias, daemon, reactor, ready, tagged
from pexschedd.clock import system_now
from pexschedd.composition.graph import graph_connections
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.sandbox import Account, Processing, Sandbox, default_accounts
from pexschedd.sandbox.notifications.subscriptions import (
    SubscriptionLimits,
)
from pexschedd.web.webhooks.change_notifications import webhook_url

MOST = 1000
"""Meetings for one mailbox."""


def address(number: int) -> str:
    return f"equipment{number}@example.test"


class Exchange:
    """Sends meetings and measures how long their organizer waits for the answer."""

    def __init__(
        self, mailboxes: int, latency_ms: int, graph: dict[str, Any] | None = None
    ) -> None:
        kind = Processing.NONE if graph is None else Processing.AUTO_UPDATE
        accounts = default_accounts() + [
            Account(address(number), f"Equipment {number}", processing=kind)
            for number in range(1, mailboxes + 1)
        ]
        self._box = box = Sandbox(now=system_now, clock=reactor, accounts=accounts)
        if graph is not None:
            open_graph(box, **graph)
        box.behaviour.configure({"latency_ms": latency_ms})
        # One account for all is more than Exchange lets stream by default.
        box.subscriptions.limits = SubscriptionLimits(streams=2 * mailboxes)
        self._mailboxes = mailboxes
        self._sent: dict[str, float] = {}
        self._waits: dict[str, list[float]] = {}
        self._seen = 0
        self._looking = False
        self._done: Deferred[None] | None = None
        self._first = 0
        box.exchange.on_change(self._changed)
        port: Any = reactor.listenTCP(0, box.site(), interface="127.0.0.1")
        self.port = int(port.getHost().port)

    async def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """`{"send": n, "every": s, "within": s}`, `{"streams": n}` or
        `{"subscriptions": n}` to wait for so many, or `{"calls": true}`."""
        if "calls" in asked:
            return {"calls": dict(self._box.calls)}
        if wanted := asked.get("streams") or asked.get("subscriptions"):
            while self._listeners() < wanted:
                pause: Deferred[None] = Deferred()
                reactor.callLater(0.05, pause.callback, None)
                await pause
            return {}
        self._done = Deferred()
        self._waits = {}
        rounds = LoopingCall(self._send)
        limit = reactor.callLater(asked["within"], self._finish)
        self._expected = asked["send"] * self._mailboxes
        self._left = asked["send"]
        self._rounds = rounds
        rounds.start(asked["every"])
        await self._done
        if limit.active():
            limit.cancel()
        if rounds.running:
            rounds.stop()
        calls = dict(self._box.calls)
        return {"waits": self._waits, "unanswered": len(self._sent), "calls": calls}

    def _listeners(self) -> int:
        return len(self._box.streams()) + len(self._box.graph.subscriptions.all())

    def _finish(self) -> None:
        if self._done is not None and not self._done.called:
            self._done.callback(None)

    def _send(self) -> None:
        """One meeting for every mailbox."""
        if not self._left:
            self._rounds.stop()
            return
        self._left -= 1
        self._first += 1
        exchange = self._box.exchange
        alice = exchange.mailbox("alice@example.test")
        start = system_now() + timedelta(days=1, minutes=self._first)
        for mailbox in range(1, self._mailboxes + 1):
            subject = f"M{mailbox}-{self._first}"
            self._sent[subject] = perf_counter()
            exchange.schedule(
                alice,
                subject=subject,
                start=start,
                end=start + timedelta(minutes=30),
                resources=[address(mailbox)],
                body=tagged(mailbox * MOST + self._first),
            )

    def _changed(self) -> None:
        if not self._looking:
            self._looking = True
            reactor.callLater(0, self._look)

    def _look(self) -> None:
        self._looking = False
        folder = self._box.exchange.mailbox("alice@example.test").folders["inbox"]
        items = list(folder.items.values())
        now = perf_counter()
        for item in items[self._seen :]:
            subject = item.subject.rpartition(" ")[2]
            sent = self._sent.pop(subject, None)
            if sent is not None and item.item_class.endswith("Resp.Pos"):
                mailbox = subject[1:].partition("-")[0]
                self._waits.setdefault(mailbox, []).append(now - sent)
        self._seen = len(items)
        if sum(map(len, self._waits.values())) >= getattr(self, "_expected", MOST**2):
            self._finish()


async def exchange(mailboxes: str, latency_ms: str = "0", graph: str = "null") -> Any:
    box = Exchange(int(mailboxes), int(latency_ms), json.loads(graph))
    ready(port=box.port)
    return box.answer


async def many(
    folder: str, integrations: str, fields: str = "null", traces_url: str = ""
) -> Any:
    """The daemon; tells its processor time, and what its integrations are doing."""
    service = daemon(Path(folder), traces_url)
    store = service.store
    over_graph = json.loads(fields)
    addin = "127.0.0.1"
    if over_graph is not None:
        # The sandbox posts without TLS, and to a port that is known only then.
        vars(graph_connections)["webhook_url"] = _without_tls
        service.startService()
        await service.first_start
        addin = f"127.0.0.1:{service.http_servers.port('addin')}"
    for number, (url, mailbox) in enumerate(json.loads(integrations), 1):
        uuid = f"c0000000-0000-4000-8000-{number:012}"
        access: dict[str, Any] = {}
        if over_graph is not None:
            access = sealed_graph_fields(url, store.vault, uuid) | over_graph
        change = store.transaction()
        change.put(
            tables.CONNECTOR,
            Connector(
                id=number,
                uuid=uuid,
                name=f"Bench {number}",
                url=f"{url}/EWS/Exchange.asmx",
                username="svc@example.test",
                password=store.vault.seal(
                    "svc", f"ms_exchange_connector/{uuid}/password"
                ),
                room_mailbox_name=mailbox,
                room_mailbox_email_address=mailbox,
                addin_server_domain=addin,
                scheduled_alias_prefix="555",
                scheduled_alias_suffix_length=12,
                scheduled_alias_domain="example.test",
                **access,
            ),
        )
        await change.commit()
        change = store.transaction()
        # The mailbox's own number, as the exchange counts them.
        own = int(mailbox.partition("@")[0].removeprefix("equipment"))
        for count in range(1, 221):
            made = alias(own * MOST + count)
            change.put(
                tables.SCHEDULED_ALIAS,
                msgspec.structs.replace(made, exchange_connector=number),
            )
        await change.commit()
    if over_graph is None:
        service.startService()
        await service.first_start
    ready()

    async def answer(asked: dict[str, Any]) -> dict[str, Any]:
        ways = [
            state.mode if (state := service.supervisor.stream_state(number)) else "none"
            for number in range(1, len(json.loads(integrations)) + 1)
        ]
        return {"processor": process_time(), "at": perf_counter(), "ways": ways}

    return answer


def _without_tls(*arguments: Any) -> str:
    return webhook_url(*arguments).replace("https:", "http:", 1)


class _Lines(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = 1_000_000

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def lineReceived(self, line: bytes) -> None:
        answered = Deferred.fromCoroutine(self._answer(json.loads(line)))
        answered.addCallbacks(lambda facts: ready(**facts), _broken)

    def connectionLost(self, reason: object = None) -> None:
        os._exit(0)


def _broken(failure: Any) -> None:
    sys.stderr.write(failure.getTraceback())
    os._exit(1)


@contextmanager
def process(
    *arguments: str, module: str = "benchmarks.many"
) -> Iterator[dict[str, Any]]:
    """Runs one of a module's processes; its facts have `ask`, which sends a line and
    gives the answer."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        out, into = child.stdout, child.stdin

        def ask(**asked: Any) -> dict[str, Any]:
            into.write(json.dumps(asked) + "\n")
            into.flush()
            return dict(json.loads(out.readline()))

        try:
            yield json.loads(out.readline()) | {"ask": ask}
        finally:
            into.close()
            child.wait(20)


PROCESSES: dict[str, Callable[..., Any]] = {"exchange": exchange, "daemon": many}


def main(processes: dict[str, Callable[..., Any]] = PROCESSES) -> None:
    name, *arguments = sys.argv[1:]

    def begin() -> None:
        started = Deferred.fromCoroutine(processes[name](*arguments))
        started.addCallbacks(lambda answer: StandardIO(_Lines(answer)), _broken)

    reactor.callWhenRunning(begin)
    reactor.run()


if __name__ == "__main__":
    main()
