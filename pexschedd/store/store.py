"""The store: typed tables whose changes are durable before they are acknowledged.

Reads are answered at once, from memory or, for a very large table, from the journal. A
transaction makes its changes in memory; they are durable when its commit fires.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from pathlib import Path
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from pexschedd.errors import StoreError, StoreReadOnly
from pexschedd.model.table import Index, R, Table
from pexschedd.store import documents
from pexschedd.store.collection import KEPT, Collection, Prepared
from pexschedd.store.compactor import FLOOR, Compactor
from pexschedd.store.disk.guard import DiskGuard
from pexschedd.store.disk.reserve import DiskReserve, StoreState
from pexschedd.store.disk.reserve_file import ReserveFile
from pexschedd.store.folder import StateFolder
from pexschedd.store.fs import FileSystem, RealFileSystem, replace
from pexschedd.store.journal import line
from pexschedd.store.journal.journal import Durable, Journal
from pexschedd.store.journal.segments import Segments
from pexschedd.store.open_store import LoadedParts, of_document, open_folder
from pexschedd.store.sealed_segments import SealedSegments
from pexschedd.store.secrets import GivenKey, SecretVault
from pexschedd.store.snapshot import Snapshot
from pexschedd.store.transaction import Transaction

SEGMENT_SIZE = 32 << 20
"""Bytes after which a new segment is begun."""

_MANY = 10_000
"""Records above which the garbage collector is told to ignore them."""

_Changed = Callable[[Any, Any], None]


class Store:
    """Collections of records, opened with `Store.open`. To be used on the reactor."""

    _log = Logger()
    _failures_logged = _log.failureHandler("a subscriber failed")

    def __init__(
        self,
        fs: FileSystem,
        folder: StateFolder,
        loaded: LoadedParts,
        journal: Journal,
        reserve_file: ReserveFile,
        kept: int,
        segment_size: int,
        compact_from: int,
        reserve: DiskReserve,
    ) -> None:
        self._fs = fs
        self._folder = folder
        self._collections = loaded.collections
        self._line_index = loaded.line_index
        self._segments = loaded.segments
        self._journal = journal
        self._sealed_segments = SealedSegments(loaded, journal, kept)
        self._segment_size = segment_size
        self._compactor = Compactor(
            fs,
            loaded.line_index,
            loaded.segments,
            journal,
            loaded.hint_files,
            self._next_ids,
            self._write_again,
            self._sealed_segments.look,
            compact_from,
        )
        self._guard = DiskGuard(
            fs,
            folder.path,
            journal,
            reserve,
            reserve_file,
            compaction_needs=lambda: self._compactor.needs,
            became_low=self._became_low,
        )
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
        copies: int = 0,
        random: Callable[[int], bytes] = token_bytes,
        given_key: GivenKey | None = None,
    ) -> "Store":
        """Open a state folder, or create one; blocks until everything is verified.

        `failed` is called once, on the reactor, when nothing can be written any more:
        the daemon has to exit. `version` is the program's release, recorded in the
        folder. `compact_from` is the number of obsolete bytes that are worth removing,
        `reserve` that of bytes kept free (by default it depends on the disk), `kept`
        that of a table's records, the newest at least, that stay in memory; `copies` of
        the state are kept from before other releases; `given_key` seals the secrets.
        Raises StoreError if another process uses the folder, or it is damaged.
        """
        fs = fs or RealFileSystem()
        folder, loaded = open_folder(
            fs, directory, tables, version, kept, random, copies, given_key
        )
        if sum(map(len, loaded.collections.values())) >= _MANY:
            # A full collection of a million records stops the world for half a second.
            gc.freeze()
        reserve_file = ReserveFile(fs, folder.path, random)
        make_room = partial(_make_room, reserve_file, loaded.segments)
        store = cls(
            fs,
            folder,
            loaded,
            Journal(loaded.segments, reactor, failed, make_room),
            reserve_file,
            kept,
            segment_size,
            compact_from,
            DiskReserve(str(folder.path), reserve),
        )
        store._compactor.consider()
        return store

    def get(self, table: Table[R], id: int) -> R | None:
        """Return the record with this id, or None."""
        return self._collection(table).get(id)

    def all(self, table: Table[R]) -> Iterator[R]:
        """Iterate by ascending id; changes meanwhile may be seen or not."""
        return self._collection(table).all()

    def ids(self, table: Table[R]) -> Sequence[int]:
        """Return all ids of a table, ascending."""
        return self._collection(table).ids()

    def page(self, table: Table[R], offset: int, limit: int) -> Sequence[int]:
        """Return up to `limit` ids, ascending, after skipping the first `offset`."""
        return self._collection(table).page(offset, limit)

    def count(self, table: Table[R]) -> int:
        """Return the number of records in a table."""
        return len(self._collection(table))

    def changes(self, table: Table[R]) -> int:
        """Return a number that each put and deletion of a record changes."""
        return self._collection(table).changes

    def find(self, index: Index[R], key: Hashable) -> R | None:
        """Return the record with the lowest id among those with this key, or None."""
        return self._collection(index.table).find(index.name, key)

    def find_all(self, index: Index[R], key: Hashable) -> list[R]:
        """Return all records with this key by ascending id; not meant for many."""
        return self._collection(index.table).find_all(index.name, key)

    def find_each(self, index: Index[R], key: Hashable) -> Iterator[R]:
        """Iterate as `find_all` returns them; changes meanwhile may be seen or not."""
        return self._collection(index.table).find_each(index.name, key)

    def transaction(
        self, *, essential: bool = False, deferrable: bool = False
    ) -> Transaction:
        """Begin a transaction.

        An `essential` one is accepted even on a nearly full disk: use it for results of
        earlier decisions and clean-up. A `deferrable` one is accepted even when the
        disk takes no writes at all: it changes memory, its commit fails with
        StoreReadOnly, and it becomes durable later. Use it for alarms, and where nobody
        is told of the change. All others then raise StoreReadOnly, deletions included.
        """
        refusal = None if deferrable else self._guard.refused(essential)
        return Transaction(self._collections, self._commit, refusal)

    def prepare(self, table: Table[R], record: R) -> Prepared:
        """Return what `Transaction.put` needs to put the record without delay.

        Other work can have its turn between the preparations for one transaction.
        Raises ValueError if the record cannot be stored.
        """
        return self._collection(table).prepare(record)

    @property
    def refusal(self) -> str:
        """The reason new work is refused, as a text; empty while it is accepted."""
        return self._guard.refusal

    @property
    def state(self) -> StoreState:
        """The state of the store: which changes it takes now."""
        return self._guard.state

    @property
    def damage(self) -> str:
        """The latest damage found since the start, as a text; empty if none."""
        return self._compactor.damage

    @property
    def accepts_writes(self) -> bool:
        """True while new work is accepted."""
        return not self._guard.refusal

    def require_space(self) -> None:
        """Raise StoreFull if a transaction that is not essential would be refused."""
        self._guard.require_space()

    def require_writable(self) -> None:
        """Raise StoreReadOnly while nothing can be stored: what is in memory may not be
        durable then, so Exchange must not be told of it."""
        self._guard.require_writable()

    def look_at_disk(self) -> Deferred[None]:
        """Look at the free space, and end the read-only state when that is possible."""
        return self._guard.look()

    def renew_reserve(self) -> Deferred[None] | None:
        """Write the file that is given up on a full disk, if it is missing and fits."""
        return self._guard.renew_reserve()

    def _became_low(self) -> None:
        self._compactor.compact().addCallback(self._forget_old)

    def _forget_old(self, problem: str) -> None:
        """Free the segments that compaction replaced, kept until now for backups."""
        self._journal.call(partial(self._segments.forget, 1)).addErrback(
            lambda _: None  # then the store has failed, and has said so
        )

    def subscribe(
        self, table: Table[R], changed: Callable[[R | None, R | None], None]
    ) -> None:
        """Call `changed(old, new)` for each record of a table that a commit changes.

        It is called during the commit, before the change is durable. None means that
        there was, or is, no record.
        """
        self._subscribers[self._collection(table).table.name].append(changed)

    def observe(self, flushed: Callable[[int, float], None]) -> None:
        """Call `flushed(commits, seconds)` for each group that the disk has taken."""
        self._journal.flushed = flushed

    def durable(self) -> Deferred[None]:
        """Fire when all that was committed is durable, or fail with StoreReadOnly."""
        return self._journal.call(lambda: None, promptly=True)

    def close(self) -> Deferred[None]:
        """Close the store; fires when all is written and the folder is unlocked."""
        if self._closing is None:
            self._closing = self._journal.stop()
            self._closing.addCallback(lambda _: self._sealed_segments.close())
            self._closing.addCallback(lambda _: self._folder.close())
        done = Durable()
        self._closing.addCallback(lambda _: done.callback(None))
        return done

    def roll(self, *, promptly: bool = False) -> Deferred[None]:
        """Begin a new segment, after everything that is queued.

        While the disk takes no writes this waits, or fails if it is wanted `promptly`.
        """
        lines = self._line_index.active
        if lines.size:
            self._line_index.begin(self._seq + 1)
        roll = partial(self._segments.roll, self._next_ids(), lines)
        rolled = self._journal.call(roll, promptly=promptly)
        return rolled.addCallback(lambda _: self._sealed_segments.look())

    async def compact(self) -> str:
        """Remove obsolete lines from the journal now; the daemon also does so itself.

        Returns the reason if it was given up, with nothing changed. Raises StoreError,
        and StoreReadOnly while the disk takes no writes.
        """
        await self.roll(promptly=True)
        return await self._compactor.compact()

    def _write_again(self, records: Sequence[tuple[str, int]]) -> Deferred[None] | None:
        """Store records as they are in memory; None if one of them is not there."""
        with self.transaction(essential=True) as change:
            for name, id in records:
                collection = self._collections[name]
                record = collection.in_memory(id)
                if record is None:
                    return None
                change.put(collection.table, record)
            return change.commit()

    async def snapshot(self, to: Path) -> None:
        """Make a consistent copy of the state folder, durable when this returns.

        It has everything acknowledged before the call, and only complete transactions.
        `to` must not exist. Raises StoreError; the store itself goes on.
        """
        copy = Snapshot(self._fs, self._folder.path, self._segments, to)
        # A new segment first: what was full is linked, and little is left to copy.
        try:
            await self.roll(promptly=True)
        except StoreReadOnly as error:
            raise StoreError(f"no copy was made in {to}: {error.message}") from None
        await self._journal.begin(copy)
        if copy.problem:
            raise copy.kind(f"no copy was made in {to}: {copy.problem}")

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
                with self._failures_logged:
                    changed(change.old, change.new)

    def _commit_document(self, name: str) -> Deferred[None]:
        data = documents.encode(of_document(self._collections, name))
        path = self._folder.path / f"{name}.json"
        write = partial(replace, self._fs, path, data)
        return self._journal.call(write, commits=True)

    def _commit_journal(self, transaction: Transaction) -> Deferred[None]:
        size = len(transaction.operations)
        line_index = self._line_index
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
            line_index.wrote(
                table.name, id, self._seq, len(data), value is not None, entries
            )
        # Not before all is known: a record may have been deleted and put again.
        for operation in transaction.operations:
            operation.collection.written(operation.id)
        durable = self._journal.append(b"".join(written), size, self._seq)
        if line_index.active.size >= self._segment_size:
            # If it fails, so does everything else, and `failed` is called.
            self.roll().addErrback(lambda _: None)
        self._compactor.consider()
        return durable

    def _collection(self, table: Table[R]) -> Collection[R]:
        return self._collections[table.name]


def _make_room(reserve_file: ReserveFile, segments: Segments) -> bool:
    """Free what is kept for a full disk or for backups. On the journal's thread."""
    freed = reserve_file.give_up()
    if freed:
        segments.forget(1)
    return freed
