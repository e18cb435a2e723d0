"""The store: every collection at hand, every change durable before it is told.

Reads are answered at once: from memory, or of a very large table from the journal. A
change is made in memory by a transaction, and is durable when its commit fires; see
`docs/store.md` for how.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from pexschedd.errors import StoreError, StoreFull, StoreNewer
from pexschedd.model.table import Index, R, Table
from pexschedd.store import documents
from pexschedd.store.collection import KEPT, Collection
from pexschedd.store.compactor import FLOOR, Compactor
from pexschedd.store.disk_reserve import DiskReserve, DiskSpace
from pexschedd.store.folder import JOURNAL, StateFolder
from pexschedd.store.fs import FileSystem, RealFileSystem, replace
from pexschedd.store.journal import line
from pexschedd.store.journal.journal import Durable, Journal
from pexschedd.store.open_store import LoadedParts, load, of_document
from pexschedd.store.sealed_segments import SealedSegments
from pexschedd.store.secrets import SecretVault
from pexschedd.store.snapshot import Snapshot
from pexschedd.store.transaction import Transaction

SEGMENT_SIZE = 32 << 20
"""Bytes after which a new segment is begun."""

_MANY = 10_000
"""From so many records on the garbage collector is told to leave them alone."""

_Changed = Callable[[Any, Any], None]


class Store:
    """Collections of records. `Store.open` makes one; to be used on the reactor."""

    _log = Logger()

    def __init__(
        self,
        fs: FileSystem,
        folder: StateFolder,
        loaded: LoadedParts,
        journal: Journal,
        kept: int,
        segment_size: int,
        compact_from: int,
        reserve: int | None,
    ) -> None:
        self._fs = fs
        self._folder = folder
        self._collections = loaded.collections
        self._ledger = loaded.ledger
        self._segments = loaded.segments
        self._journal = journal
        self._keeper = SealedSegments(loaded, journal, kept)
        self._segment_size = segment_size
        self._compactor = Compactor(
            fs,
            loaded.ledger,
            loaded.segments,
            journal,
            loaded.hint_files,
            self._next_ids,
            self._write_again,
            self._keeper.look,
            compact_from,
        )
        self._gauge = DiskReserve(str(folder.path), reserve)
        with suppress(OSError):  # it is asked again soon
            self._read_gauge(fs.space(folder.path))
        self._seq = loaded.segments.last
        self._subscribers: dict[str, list[_Changed]] = defaultdict(list)
        self._closing: Deferred[None] | None = None
        self.vault = SecretVault(folder.key)

    @classmethod
    def open(
        cls,
        directory: Path,
        tables: Sequence[Table[Any]],
        *,
        reactor: IReactorFromThreads,
        failed: Callable[[StoreError], None],
        version: str = "",
        fs: FileSystem | None = None,
        segment_size: int = SEGMENT_SIZE,
        compact_from: int = FLOOR,
        reserve: int | None = None,
        kept: int = KEPT,
        random: Callable[[int], bytes] = token_bytes,
    ) -> "Store":
        """Opens a state folder, or begins one; blocks until everything is verified.

        `failed` is called once, on the reactor, when nothing can be written any more:
        the daemon has to exit. `version` is the release of the program, noted for
        people. `compact_from`: how many bytes have to be dead before they are removed.
        `reserve`: how many are kept free; by default that depends on the disk. `kept`:
        how many records of a table, at least the newest, are kept in memory.
        Raises StoreError if another process uses the folder, or if anything in
        it is not as it was written; the message says what to do.
        """
        _check(tables)
        fs = fs or RealFileSystem()
        collecting = gc.isenabled()
        gc.disable()  # it would look at a growing heap again and again
        try:
            folder = StateFolder.open(fs, directory, random)
            try:
                loaded = load(fs, folder, tables, version, kept, random)
            except StoreNewer as error:
                folder.close()
                error.wrote = folder.version
                raise
            except BaseException:
                folder.close()
                raise
        except StoreNewer as error:
            raise _with_versions(error, version) from None
        except OSError as error:
            raise StoreError(f"cannot open {directory}: {error}") from error
        finally:
            if collecting:
                gc.enable()
        if sum(map(len, loaded.collections.values())) >= _MANY:
            # A full collection of a million records stops the world for half a second.
            gc.freeze()
        journal = Journal(loaded.segments, reactor, failed)
        store = cls(
            fs,
            folder,
            loaded,
            journal,
            kept,
            segment_size,
            compact_from,
            reserve,
        )
        store._compactor.consider()
        return store

    def get(self, table: Table[R], id: int) -> R | None:
        return self._collection(table).get(id)

    def all(self, table: Table[R]) -> Iterator[R]:
        """By ascending id. What changes while it is read may show in it or not; a
        record that is there all the time is in it."""
        return self._collection(table).all()

    def ids(self, table: Table[R]) -> Sequence[int]:
        """Ascending."""
        return self._collection(table).ids()

    def page(self, table: Table[R], offset: int, limit: int) -> Sequence[int]:
        """The ids from the place `offset` on, ascending, at most `limit`."""
        return self._collection(table).page(offset, limit)

    def count(self, table: Table[R]) -> int:
        return len(self._collection(table))

    def find(self, index: Index[R], key: Hashable) -> R | None:
        """The record with the lowest id that has this key."""
        return self._collection(index.table).find(index.name, key)

    def find_all(self, index: Index[R], key: Hashable) -> list[R]:
        """All records that have this key, by ascending id. At once: so not for keys
        that a hundred thousand have."""
        return self._collection(index.table).find_all(index.name, key)

    def find_each(self, index: Index[R], key: Hashable) -> Iterator[R]:
        """As `find_all`, one after the other: for keys that very many have. What
        changes while it is read may show in it or not."""
        return self._collection(index.table).find_each(index.name, key)

    def transaction(self, *, essential: bool = False) -> Transaction:
        """`essential` is for what has to go on when the disk is nearly full and new
        work is refused: the outcome of what was decided before, tidying up, alarms.
        """
        refusal = "" if essential else self._gauge.refusal
        return Transaction(self._collections, self._commit, refusal)

    @property
    def refusal(self) -> str:
        """Why no new work is taken at the moment, for people; empty if it is."""
        return self._gauge.refusal

    @property
    def damage(self) -> str:
        """What was found to be damaged since the start, for people; empty if nothing
        was."""
        return self._compactor.damage

    @property
    def accepts_writes(self) -> bool:
        return not self._gauge.refusal

    def require_space(self) -> None:
        """Raises StoreFull if a transaction would be refused."""
        if self._gauge.refusal:
            raise StoreFull(self._gauge.refusal)

    def look_at_disk(self) -> Deferred[None]:
        """Finds out whether new work can be taken; to be called every few seconds."""
        path = self._folder.path
        found: list[DiskSpace] = []

        def look() -> None:
            # That it cannot be found out is no reason to stop.
            with suppress(OSError):
                found.append(self._fs.space(path))

        def read(_: None) -> None:
            for space in found:
                self._read_gauge(space)

        return self._journal.call(look).addCallback(read)

    def _read_gauge(self, space: DiskSpace) -> None:
        changed = self._gauge.read(space, self._compactor.needs)
        if changed and self._gauge.refusal:
            self._log.warn("{refusal}", refusal=self._gauge.refusal)
            self._compactor.compact().addCallback(self._forget_old)
        elif changed:
            self._log.info("there is enough space on the disk again")

    def _forget_old(self, problem: str) -> None:
        """What compaction has replaced is kept for backups while there is space."""
        self._journal.call(partial(self._segments.forget, 1)).addErrback(
            lambda _: None  # then the store has failed, and has said so
        )

    def subscribe(
        self, table: Table[R], changed: Callable[[R | None, R | None], None]
    ) -> None:
        """Calls `changed(old, new)` for each record that a transaction changed.

        It is called in `commit`, when memory has changed and before it is durable. None
        means that there was, or is, no record.
        """
        self._subscribers[self._collection(table).table.name].append(changed)

    def observe(self, flushed: Callable[[int, float], None]) -> None:
        """Calls `flushed(commits, seconds)` when the disk has taken a group."""
        self._journal.flushed = flushed

    def close(self) -> Deferred[None]:
        """Fires when everything committed is written and the folder is free again."""
        if self._closing is None:
            self._closing = self._journal.stop()
            self._closing.addCallback(lambda _: self._keeper.close())
            self._closing.addCallback(lambda _: self._folder.close())
        done = Durable()
        self._closing.addCallback(lambda _: done.callback(None))
        return done

    def roll(self) -> Deferred[None]:
        """Begins a new segment, after everything that is queued."""
        lines = self._ledger.active
        if lines.size:
            self._ledger.begin(self._seq + 1)
        roll = partial(self._segments.roll, self._next_ids(), lines)
        return self._journal.call(roll).addCallback(lambda _: self._keeper.look())

    async def compact(self) -> str:
        """Removes from the journal what does not matter any more, now.

        The daemon does it by itself when it is worthwhile. Returns why it was given
        up, if it was: nothing has changed then. Raises StoreError.
        """
        await self.roll()
        return await self._compactor.compact()

    def _write_again(self, records: Sequence[tuple[str, int]]) -> Deferred[None] | None:
        """Stores records as they are in memory: on the disk they are damaged."""
        with self.transaction(essential=True) as change:
            for name, id in records:
                collection = self._collections[name]
                record = collection.in_memory(id)
                if record is None:
                    return None
                change.put(collection.table, record)
            return change.commit()

    async def snapshot(self, to: Path) -> None:
        """Makes a consistent copy of the state folder, durable when this returns.

        It has everything that was acknowledged before, and nothing half done. `to`
        must not be there. Raises StoreError; the store itself goes on.
        """
        copy = Snapshot(self._fs, self._folder.path, self._segments, to)
        # A new segment first: what was full is linked, and little is left to copy.
        rolled = self.roll()
        copied = self._journal.begin(copy)
        await rolled
        await copied
        if copy.problem:
            raise StoreError(f"no copy was made in {to}: {copy.problem}")

    def _next_ids(self) -> dict[str, int]:
        return {
            name: collection.next_id
            for name, collection in self._collections.items()
            if not collection.table.document
        }

    def _commit(self, transaction: Transaction) -> Deferred[None]:
        if not transaction.operations:
            return succeed(None)
        if transaction.document:
            durable = self._commit_document(transaction.document)
        else:
            durable = self._commit_journal(transaction)
        for operation in transaction.operations:
            if operation.collection.table.name in self._subscribers:
                self._tell_subscribers(transaction)
                break
        return durable

    def _tell_subscribers(self, transaction: Transaction) -> None:
        for change in transaction.changes():
            for changed in self._subscribers.get(change.collection.table.name, ()):
                with self._log.failuresHandled("a subscriber failed"):
                    changed(change.old, change.new)

    def _commit_document(self, name: str) -> Deferred[None]:
        data = documents.encode(of_document(self._collections, name))
        path = self._folder.path / f"{name}.json"
        write = partial(replace, self._fs, path, data)
        return self._journal.call(write, commits=True)

    def _commit_journal(self, transaction: Transaction) -> Deferred[None]:
        size = len(transaction.operations)
        ledger = self._ledger
        written = []
        position = 0
        tx = None
        for collection, id, value, _, _, entries in transaction.operations:
            self._seq += 1
            if size > 1:
                position += 1
                tx = (position, size)
            table = collection.table
            if value is None:
                data = line.delete(self._seq, tx, table.name, id)
            else:
                data = line.put(self._seq, tx, table.name, id, table.version, value)
            written.append(data)
            ledger.wrote(
                table.name, id, self._seq, len(data), value is not None, entries
            )
        # Not before all is known: a record may have been deleted and put again.
        for operation in transaction.operations:
            operation.collection.written(operation.id)
        durable = self._journal.append(b"".join(written), size, self._seq)
        if ledger.active.size >= self._segment_size:
            # If it fails, so does everything else, and `failed` is called.
            self.roll().addErrback(lambda _: None)
        self._compactor.consider()
        return durable

    def _collection(self, table: Table[R]) -> Collection[R]:
        return self._collections[table.name]


def _check(tables: Sequence[Table[Any]]) -> None:
    names = [table.name for table in tables]
    if len(set(names)) < len(names):
        raise ValueError("two tables have the same name")
    for table in tables:
        for name in (table.name, table.document or table.name):
            if not line.NAME.fullmatch(name) or name in ("format", JOURNAL):
                raise ValueError(f"a table or document cannot be called {name!r}")


def _with_versions(error: StoreNewer, this: str) -> StoreNewer:
    text = error.message
    if error.wrote and this:
        text += f" The folder was last written by {error.wrote}; this is {this}."
    return StoreNewer(text, wrote=error.wrote)
