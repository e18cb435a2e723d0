"""The decision whether the store takes new work, any work, or none."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pexschedd.errors import StoreFull, StoreReadOnly
from pexschedd.store.disk.reserve import DiskReserve, DiskSpace, StoreState
from pexschedd.store.disk.reserve_file import ReserveFile
from pexschedd.store.fs import FileSystem
from pexschedd.store.journal.journal import Journal


class DiskGuard:
    """Watches the disk of the state folder for the store. To be used on the reactor."""

    _log = Logger()

    def __init__(
        self,
        fs: FileSystem,
        folder: Path,
        journal: Journal,
        gauge: DiskReserve,
        reserve_file: ReserveFile,
        *,
        compaction_needs: Callable[[], int],
        became_low: Callable[[], object],
    ) -> None:
        """Look at the disk for the first time.

        `compaction_needs` returns the bytes that a compaction would write now;
        `became_low` is called when new work begins to be refused.
        """
        self._fs = fs
        self._folder = folder
        self._journal = journal
        self._gauge = gauge
        self._reserve_file = reserve_file
        self._compaction_needs = compaction_needs
        self._became_low = became_low
        with suppress(OSError):  # it is asked again soon
            self._read_gauge(fs.space(folder))

    @property
    def refusal(self) -> str:
        """The reason new work is refused, as a text; empty while it is accepted."""
        if self._journal.read_only or self._gauge.refusal:
            return self._journal.read_only or self._gauge.refusal
        if self._reserve_file.missing:
            return (
                f"The disk of {self._folder} has no room for the reserve file "
                f"({self._reserve_file.missing}). New work is not taken until it has: "
                "make room, raise the quota, or give it a larger disk. What is there "
                "is safe and can be read."
            )
        return ""

    @property
    def state(self) -> StoreState:
        """The state of the store now."""
        if self._journal.read_only:
            return StoreState.READ_ONLY
        return StoreState.NEARLY_FULL if self.refusal else StoreState.WRITABLE

    def require_space(self) -> None:
        """Raise StoreFull if new work is refused."""
        refused = self.refused(essential=False)
        if refused is not None:
            raise refused

    def require_writable(self) -> None:
        """Raise StoreReadOnly while nothing at all can be stored."""
        refused = self.refused(essential=True)
        if refused is not None:
            raise refused

    def refused(self, essential: bool) -> StoreFull | None:
        """Return the error with which new work, or an essential change, is refused;
        None if it is accepted."""
        if self._journal.read_only:
            return StoreReadOnly(self._journal.read_only)
        refusal = "" if essential else self.refusal
        return StoreFull(refusal) if refusal else None

    def look(self) -> Deferred[None]:
        """Read the disk's free space, and try whether a disk that took no writes takes
        them again."""
        found: list[DiskSpace] = []

        def look() -> None:
            # That it cannot be found out is no reason to stop.
            with suppress(OSError):
                found.append(self._fs.space(self._folder))

        def read(_: None) -> None:
            for space in found:
                self._read_gauge(space)

        return self._journal.urgent(look).addCallback(read)

    def renew_reserve(self) -> Deferred[None] | None:
        """Write the reserve file if it is missing and there is room; None if not."""
        if self._journal.read_only or self._gauge.refusal:
            return None
        return self._journal.call(self._reserve_file.renew)

    def _read_gauge(self, space: DiskSpace) -> None:
        changed = self._gauge.read(space, self._compaction_needs())
        if changed and self._gauge.refusal:
            self._log.warn("store lacks space: {reason}", reason=self._gauge.refusal)
            self._became_low()
        elif changed:
            self._log.info("store has space again")
