"""The audit log: each change that was committed, once, however the daemon ends."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest_twisted
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock, deferLater
from twisted.logger import capturedLogs

from pexschedd.clock import system_now
from pexschedd.history.actor import Actor, acting_as
from pexschedd.history.audit_entries import (
    ACCEPTED,
    LOCKED_OUT,
    REFUSED,
    ROOM_SYSTEM,
    USER,
    HeardSignIn,
)
from pexschedd.history.audit_log import RETRY, AuditLog
from pexschedd.history.recorder import record_changes, settle
from pexschedd.model import tables
from pexschedd.model.integration.connector import ExchangeDomain
from tests.web_admin.web_admin_support import open_store

reactor: Any = _reactor


class Disk:
    """Runs what is to be run in a thread; it can fail before or after that."""

    def __init__(self) -> None:
        self.before = self.after = False

    def __call__(self, work: Callable[[], Any]) -> Deferred[Any]:
        def run() -> Any:
            if self.before:
                raise OSError(28, "No space left on device")
            result = work()
            if self.after:
                raise OSError(5, "Input/output error")
            return result

        return maybeDeferred(run)


class Bench:
    """A store with an audit log beside it, in a folder."""

    def __init__(self, folder: Path, most_bytes: int = 1 << 20) -> None:
        self.folder = folder
        self.most_bytes = most_bytes
        self.open()

    def open(self) -> None:
        self.store = open_store(self.folder / "state")
        self.clock, self.disk = Clock(), Disk()
        self.log = AuditLog(
            self.store,
            self.folder / "audit",
            self.most_bytes,
            100,
            clock=self.clock,
            now=system_now,
            in_thread=self.disk,
        )

    async def crash(self) -> None:
        """End without a word to the audit log."""
        self.log.running = 0
        await self.store.close()

    async def change(self, domain: str) -> None:
        store = self.store
        actor = Actor("carol", "192.0.2.7", "c-1")
        with acting_as(actor), store.transaction() as transaction:
            id = transaction.new_id(tables.EXCHANGE_DOMAIN)
            transaction.put(
                tables.EXCHANGE_DOMAIN,
                ExchangeDomain(id=id, domain=domain, exchange_connector=1),
            )
            record_changes(store, transaction, system_now())
            durable = transaction.commit()
        await durable
        await settle(store, tables.EXCHANGE_DOMAIN.document)

    async def written(self) -> None:
        """Wait until nothing is waiting."""
        while self.log._work is not None:
            await deferLater(reactor, 0)

    def lines(self, name: str = "changes.jsonl") -> list[dict[str, Any]]:
        paths = [self.folder / "audit" / f"{name}.{n}" for n in range(200, 0, -1)]
        paths.append(self.folder / "audit" / name)
        return [
            json.loads(line)
            for path in paths
            if path.exists()
            for line in path.read_text().splitlines()
        ]

    def domains(self) -> list[str]:
        return [each["object_name"] for each in self.lines()]


@pytest_twisted.ensureDeferred
async def test_what_a_change_says(tmp_path: Path) -> None:
    """Who, from where, what, and the values."""
    bench = Bench(tmp_path)
    bench.log.startService()
    await bench.change("example.com")
    await bench.written()
    (line,) = bench.lines()
    assert line.pop("time").endswith("Z")
    assert line.pop("changes")[1] == {
        "field": "domain",
        "old": None,
        "new": "example.com",
    }
    assert line == {
        "number": 1,
        "administrator": "carol",
        "address": "192.0.2.7",
        "action": "created",
        "resource": "exchange_domain",
        "object_id": 1,
        "object_name": "example.com",
        "correlation_id": "c-1",
    }
    assert bench.log.waiting() == 0
    await bench.log.stopService()
    await bench.store.close()


STEPS = st.lists(
    st.one_of(
        st.just("change"),
        st.just("crash"),
        st.just("stop"),
        st.just("fail before"),
        st.just("fail after"),
        st.just("mend"),
        st.integers(1, 60),  # bytes that a crash cuts off
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sampled_from([200, 1 << 20]))
@pytest_twisted.ensureDeferred
async def test_each_change_once(steps: list[Any], most_bytes: int) -> None:
    """Disks that fail before or after they have written, crashes, and ends of the file
    that a power failure takes: in the end each change is there once, in order."""
    with TemporaryDirectory() as name:
        bench = Bench(Path(name), most_bytes)
        bench.log.startService()
        made: list[str] = []
        with capturedLogs():
            for step in [*steps, "mend", "crash"]:
                if step == "change":
                    made.append(f"d{len(made)}.example")
                    await bench.change(made[-1])
                elif step in ("crash", "stop") or isinstance(step, int):
                    if step == "stop":
                        await bench.log.stopService()
                    await bench.crash()
                    if isinstance(step, int):
                        cut(Path(name) / "audit" / "changes.jsonl", step)
                    bench.open()
                    bench.log.startService()
                elif step == "mend":
                    bench.disk.before = bench.disk.after = False
                    bench.clock.advance(RETRY)
                else:
                    setattr(bench.disk, step.split()[1], True)
                await bench.written()
            await bench.written()
        assert bench.domains() == made
        await bench.crash()


def cut(file: Path, size: int) -> None:
    if file.exists():
        file.write_bytes(file.read_bytes()[:-size])


@pytest_twisted.ensureDeferred
async def test_nothing_is_written_before_it_is_durable(tmp_path: Path) -> None:
    """A change that the disk has not taken is not in the log."""
    bench = Bench(tmp_path)
    bench.log.startService()
    await bench.written()
    waited: Deferred[None] = Deferred()
    bench.store.durable = lambda: waited  # type: ignore[method-assign]
    await bench.change("example.com")
    assert bench.domains() == []
    assert bench.log.waiting() == 1
    waited.callback(None)
    await bench.written()
    assert bench.domains() == ["example.com"]
    bench.log.running = 0
    await bench.store.close()


@pytest_twisted.ensureDeferred
async def test_a_history_that_was_restored(tmp_path: Path) -> None:
    """Its numbers are given again; the changes after that are written all the same, and
    none twice."""
    bench = Bench(tmp_path)
    bench.log.startService()
    await bench.change("a.example")
    await bench.written()
    await bench.crash()
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    bench.open()
    bench.log.startService()
    for domain in ("b.example", "c.example", "d.example"):
        await bench.change(domain)
    await bench.written()
    await bench.crash()
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "copy").rename(tmp_path / "state")
    bench.open()
    await bench.change("e.example")  # gets b's number
    bench.log.startService()
    await bench.change("f.example")
    await bench.written()
    letters = "abcdef"
    assert bench.domains() == [f"{letter}.example" for letter in letters]
    await bench.crash()
    bench.open()
    bench.log.startService()
    await bench.change("g.example")
    await bench.written()
    assert bench.domains() == [f"{letter}.example" for letter in "abcdefg"]
    await bench.crash()


@pytest_twisted.ensureDeferred
async def test_sign_ins(tmp_path: Path) -> None:
    """They are in a file of their own; a stop writes the counts that are left."""
    bench = Bench(tmp_path)
    bench.log.startService()
    for _ in range(3):
        bench.log.sign_in(REFUSED, "a\ud800\nb", "192.0.2.7", "password", "c-1")
    bench.log.sign_in(ACCEPTED, "admin", "192.0.2.8", "token", "c-2")
    await bench.written()
    first, second = bench.lines("sign_ins.jsonl")
    assert first["administrator"] == "a\\ud800\nb"
    assert (first["outcome"], first["address"]) == ("refused", "192.0.2.7")
    assert (second["outcome"], second["method"]) == ("accepted", "token")
    await bench.log.stopService()
    assert [e.get("times", 1) for e in bench.lines("sign_ins.jsonl")] == [1, 1, 2]
    await bench.store.close()


@pytest_twisted.ensureDeferred
async def test_sign_ins_with_other_accounts(tmp_path: Path) -> None:
    """They are in a third file, with what is known of them, without what is not; a
    flood of them is a bounded number of lines there, and none among administrators'."""
    bench = Bench(tmp_path, most_bytes=20_000)
    bench.log.startService()
    bench.log.sign_in(ACCEPTED, "admin", "192.0.2.8", "token", "c-2")
    bench.log.account_sign_in(
        HeardSignIn(
            kind=USER,
            outcome=ACCEPTED,
            account="alice@example.com",
            method="openid",
            resource="ms_exchange_connector",
            object_id=1,
            object_name="Head office",
            address="192.0.2.7",
            correlation_id="c-1",
        )
    )
    await bench.written()
    (line,) = bench.lines("account_sign_ins.jsonl")
    assert line.pop("time").endswith("Z")
    assert line == {
        "outcome": "accepted",
        "kind": "user",
        "account": "alice@example.com",
        "resource": "ms_exchange_connector",
        "object_id": 1,
        "object_name": "Head office",
        "address": "192.0.2.7",
        "method": "openid",
        "correlation_id": "c-1",
    }
    for number in range(5000):
        bench.log.account_sign_in(
            HeardSignIn(
                kind=ROOM_SYSTEM,
                outcome=LOCKED_OUT,
                account=f"guess\ud800{number}",
                method="basic",
                address=f"2001:db8::{number:x}",
            )
        )
        await bench.written()
    await bench.log.stopService()
    _, first, counted = bench.lines("account_sign_ins.jsonl")
    assert first["account"] == "guess\\ud8000"
    assert (counted["outcome"], counted["times"]) == ("locked_out", 4999)
    assert len(bench.lines("sign_ins.jsonl")) == 1
    await bench.store.close()


@contextmanager
def errors() -> Iterator[list[str]]:
    found: list[str] = []
    with capturedLogs() as events:
        yield found
    found += [e["log_format"] for e in events if e["log_level"].name == "error"]


@pytest_twisted.ensureDeferred
async def test_a_full_disk_is_said_once(tmp_path: Path) -> None:
    """One line, however often it is tried; what waits is counted and written later."""
    bench = Bench(tmp_path)
    bench.log.startService()
    await bench.written()
    bench.disk.before = True
    with errors() as said:
        await bench.change("example.com")
        bench.log.sign_in(REFUSED, "admin", "192.0.2.7", "password", "c-1")
        for _ in range(5):
            bench.clock.advance(RETRY)
            await bench.written()
    assert len(said) == 1
    assert said[0].startswith("audit log cannot be written")
    assert bench.log.waiting() == 2
    bench.disk.before = False
    bench.clock.advance(RETRY)
    await bench.written()
    assert bench.log.waiting() == 0
    assert bench.domains() == ["example.com"]
    await bench.log.stopService()
    await bench.store.close()
