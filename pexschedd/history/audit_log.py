"""The audit log: changes of the configuration, and sign-ins, in files of their own.

The truth about changes is the history, which becomes durable in the transaction that
makes the change. `changes.jsonl` is a copy of it that grows. Its last line says where
to go on, so nothing else has to be remembered: however the daemon ends, the next start
writes what is missing, once. A change is written when it is durable, never before.

`sign_ins.jsonl` has the sign-ins of administrators, `account_sign_ins.jsonl` those of
users, service accounts and room systems: strangers can reach where these sign in, and
are not to push the others out. They are kept nowhere else: what the daemon has heard in
the last moment before a crash is missing there.
"""

from bisect import bisect_right
from functools import partial
from pathlib import Path

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import StoreError, StoreFull
from pexschedd.history.audit_entries import (
    ChangeKey,
    HeardSignIn,
    change_entry,
    encode_line,
    key_of,
    sign_in_entry,
)
from pexschedd.history.audit_file import AuditFile
from pexschedd.history.sign_in_lines import AT_ONCE, InThread, SignInLines
from pexschedd.model import tables
from pexschedd.store.store import Store

CHANGES, SIGN_INS = "changes.jsonl", "sign_ins.jsonl"
ACCOUNT_SIGN_INS = "account_sign_ins.jsonl"

MOST_ACCOUNTS = 10_000
"""Kinds of sign-ins with other accounts that are counted at the same time: there may be
thousands of room systems, each with one an hour."""
RETRY = 30.0
"""Seconds until a disk that took nothing is tried again, and between two looks at the
counts of sign-ins that are alike."""


class AuditLog(Service):
    """Writes the audit log while the daemon runs. Nothing waits for it.

    `in_thread` calls a function in a thread, one at a time.
    """

    _log = Logger()

    def __init__(
        self,
        store: Store,
        folder: Path,
        most_bytes: int,
        kept: int,
        *,
        clock: IReactorTime,
        now: Now,
        in_thread: InThread,
    ) -> None:
        self.setName("audit log")
        self._store = store
        self._clock = clock
        self._now = now
        self._in_thread = in_thread
        self._folder = folder
        self._changes = AuditFile(folder / CHANGES, most_bytes, kept)
        self._sign_ins = SignInLines(folder / SIGN_INS, most_bytes, kept)
        self._account_sign_ins = SignInLines(
            folder / ACCOUNT_SIGN_INS, most_bytes, kept, MOST_ACCOUNTS
        )
        self._written: int | None = None
        """The id of the last change that is in the file; None: the file knows."""
        self._known: set[ChangeKey] | None = None
        """The changes that are in the files, while the ids do not tell."""
        self._is_wanted = self._is_failing = self._has_said_so = False
        self._work: Deferred[None] | None = None
        self._call: IDelayedCall | None = None
        store.subscribe(tables.CONFIGURATION_CHANGE, self._changed)

    def sign_in(
        self,
        outcome: str,
        administrator: str,
        address: str,
        method: str,
        correlation_id: str,
    ) -> None:
        """Have a sign-in of an administrator written soon; see `SignInEntry`."""
        entry = sign_in_entry(
            self._now(), outcome, administrator, address, method, correlation_id
        )
        if self._sign_ins.take(entry, self._clock.seconds()):
            self._wake()

    def account_sign_in(self, heard: HeardSignIn) -> None:
        """Have a sign-in with another account written soon."""
        entry = heard.entry(self._now())
        if self._account_sign_ins.take(entry, self._clock.seconds()):
            self._wake()

    def waiting(self) -> int:
        """Return the number of changes and sign-ins that are still to be written."""
        ids = self._store.ids(tables.CONFIGURATION_CHANGE)
        behind = 0 if self._written is None else bisect_right(ids, self._written)
        sign_ins = len(self._sign_ins) + len(self._account_sign_ins)
        return len(ids) - behind + sign_ins

    def startService(self) -> None:
        """Begin, with what was not written before the daemon ended."""
        super().startService()
        self._wake()

    def stopService(self) -> Deferred[None]:
        """Write what is still to be written, and end."""
        super().stopService()
        if self._call is not None:
            self._call.cancel()
            self._call = None
        for lines in (self._sign_ins, self._account_sign_ins):
            lines.take_all()
        return Deferred.fromCoroutine(self._finish())

    async def _finish(self) -> None:
        while self._work is not None:
            await self._work
        await self._round()

    def _changed(self, old: object, new: object) -> None:
        if old is None and new is not None:
            self._wake()

    def _wake(self) -> None:
        """Have everything written, unless it is being written or tried again soon."""
        self._is_wanted = True
        if self.running and self._work is None and not self._is_failing:
            self._begin()

    def _begin(self) -> None:
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None
        work = Deferred.fromCoroutine(self._run())
        if not work.called:
            self._work = work

    async def _run(self) -> None:
        try:
            while self._is_wanted and self.running:
                self._is_wanted = False
                self._is_failing = not await self._round()
                if self._is_failing:
                    break
        finally:
            self._work = None
            if self.running:
                self._call = self._clock.callLater(RETRY, self._again)

    def _again(self) -> None:
        self._call = None
        self._is_failing, self._is_wanted = False, True
        for lines in (self._sign_ins, self._account_sign_ins):
            lines.take_due(self._clock.seconds())
        self._begin()

    async def _round(self) -> bool:
        """Write what there is; return False if the disk does not take it."""
        try:
            await self._sign_ins.write(self._in_thread)
            await self._account_sign_ins.write(self._in_thread)
            await self._write_changes()
        except OSError as error:
            self._written = self._known = None  # only the file knows what it has
            if not self._has_said_so:
                self._has_said_so = True
                self._log.error(
                    "audit log cannot be written folder={folder}: {reason}",
                    folder=self._folder,
                    reason=error.strerror or type(error).__name__,
                )
            return False
        except (StoreError, StoreFull):
            return False  # nothing becomes durable at the moment
        except Exception:  # noqa: BLE001 - the next round may succeed
            self._written = self._known = None
            self._log.failure("audit log failed")
            return False
        self._has_said_so = False
        return True

    async def _write_changes(self) -> None:
        if self._written is None:
            await self._find_position()
        while True:
            assert self._written is not None  # noqa: S101 - it has just been found
            ids = self._store.ids(tables.CONFIGURATION_CHANGE)
            start = bisect_right(ids, self._written)
            found = [
                change
                for id in ids[start : start + AT_ONCE]
                if (change := self._store.get(tables.CONFIGURATION_CHANGE, id))
            ]
            if not found:
                self._known = None
                return
            # Not before it is durable: what a crash takes back has not happened.
            await self._store.durable()
            lines = b"".join(
                encode_line(change_entry(change))
                for change in found
                if not self._known
                or ChangeKey(change.id, change.time) not in self._known
            )
            if lines:
                await self._in_thread(partial(self._changes.append, lines))
            self._written = found[-1].id

    async def _find_position(self) -> None:
        """Learn from the files what they have."""
        last = await self._in_thread(self._last_change)
        if last is None:
            self._written = 0
            return
        change = self._store.get(tables.CONFIGURATION_CHANGE, last.number)
        if change is not None and change.time == last.time:
            self._written = last.number
            return
        # The history was restored from a backup, or is so old that it was forgotten.
        self._known = await self._in_thread(self._all_changes)
        self._written = 0

    def _last_change(self) -> ChangeKey | None:
        for lines in self._changes.read_newest_first():
            for line in reversed(lines):
                key = key_of(line)
                if key is not None:
                    return key
        return None

    def _all_changes(self) -> set[ChangeKey]:
        return {
            key
            for lines in self._changes.read_newest_first()
            for line in lines
            if (key := key_of(line)) is not None
        }
