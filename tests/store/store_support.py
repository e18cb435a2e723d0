"""Records, tables and a reactor for the store's tests."""

import queue
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from zope.interface import implementer

from pexschedd.errors import StoreError
from pexschedd.model.fields.declaration import Record
from pexschedd.model.table import Table
from pexschedd.store.collection import KEPT
from pexschedd.store.store import Store

WAIT = 20.0
"""Seconds after which a test gives up on the journal's thread."""

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class Room(Record, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    owner: int = 0
    start: datetime | None = None
    tags: tuple[str, ...] = ()


class Setting(Record, frozen=True, kw_only=True):
    name: str
    secret: str = ""


ROOM = Table("room", Room)
ROOM_BY_NAME = ROOM.index("name", lambda room: room.name)
ROOM_BY_OWNER = ROOM.index("owner", lambda room: room.owner or None)
VISIT = Table("visit", Room)
SETTING = Table("setting", Setting, document="settings")
SETTING_BY_NAME = SETTING.index("name", lambda setting: setting.name)
LABEL = Table("label", Setting, document="settings")
OTHER = Table("other", Setting, document="others")

TABLES: list[Table[Any]] = [ROOM, VISIT, SETTING, LABEL, OTHER]


kept = KEPT
"""How many records of a table the stores of the tests keep in memory."""


@implementer(IReactorFromThreads)
class Calls:
    """Runs what threads hand over, when a test waits for something."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()

    def callFromThread(
        self,
        callable: Callable[..., Any],  # noqa: A002 - the interface's name
        *args: object,
        **kwargs: object,
    ) -> None:
        self._calls.put(lambda: callable(*args, **kwargs))

    def addSystemEventTrigger(self, *_: object) -> None:
        """Nothing stops it."""

    def wait(self, deferred: Deferred[Any]) -> Any:
        """The result of a Deferred; what it fails with is raised."""
        results: list[Any] = []
        deferred.addBoth(results.append)
        while not results:
            self._calls.get(timeout=WAIT)()
        if isinstance(results[0], Failure):
            results[0].raiseException()
        return results[0]


def must_not_fail(error: StoreError) -> None:
    raise AssertionError(f"the store failed: {error}")


class Opened:
    """A store with the reactor that it reports to."""

    def __init__(
        self,
        directory: Path,
        tables: list[Table[Any]] | None = None,
        failed: Callable[[StoreError], None] = must_not_fail,
        calls: Calls | None = None,
        **options: Any,
    ) -> None:
        self.calls = calls or Calls()
        options.setdefault("kept", kept)
        self.store = Store.open(
            directory,
            TABLES if tables is None else tables,
            reactor=self.calls,
            failed=failed,
            **options,
        )

    def put(self, table: Table[Any], *records: Record) -> Deferred[None]:
        transaction = self.store.transaction()
        for record in records:
            transaction.put(table, record)
        return transaction.commit()

    def delete(self, table: Table[Any], *ids: int) -> Deferred[None]:
        transaction = self.store.transaction()
        for id in ids:
            transaction.delete(table, id)
        return transaction.commit()

    def addSystemEventTrigger(self, *_: object) -> None:
        """Nothing stops it."""

    def wait(self, deferred: Deferred[Any]) -> Any:
        return self.calls.wait(deferred)

    def compact(self) -> None:
        """Compacts everything; StoreError if that fails or is given up."""
        problem = self.wait(Deferred.fromCoroutine(self.store.compact()))
        if problem:
            raise StoreError(problem)

    def settle(self) -> None:
        """Waits for what the store writes by itself: hint files."""
        while self.store._sealed_segments._writing:
            self.wait(self.store._journal.call(lambda: None))

    def close(self) -> None:
        self.wait(self.store.close())

    def content(self) -> dict[str, dict[int, Record]]:
        return {
            table.name: {record.id: record for record in self.store.all(table)}
            for table in TABLES
        }


def files(directory: Path) -> list[Path]:
    """Every file of a state folder that is not the lock."""
    return sorted(
        path for path in directory.rglob("*") if path.is_file() and path.name != "LOCK"
    )
