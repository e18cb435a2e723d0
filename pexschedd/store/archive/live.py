"""Archives of a running store, made piece by piece while it goes on."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pexschedd.store.archive.writer import KeyWish, archive, remove_copy
from pexschedd.store.fs import FileSystem, RealFileSystem, temporary_name
from pexschedd.store.snapshot import BACKUPS
from pexschedd.store.store import Store

TIME = "%Y%m%dT%H%M%SZ"


RunInThread = Callable[..., Awaitable[Any]]
"""Runs a function without arguments in a thread, and returns what that returns."""


class LiveArchive:
    """One archive that is being made: of the moment at which it was begun."""

    def __init__(
        self, fs: FileSystem, copy: Path, pieces: Iterator[bytes], run: RunInThread
    ) -> None:
        self._fs = fs
        self._copy = copy
        self._pieces = pieces
        self._run = run

    async def next(self) -> bytes:
        """Return the next piece, empty at the end; raises OSError."""
        while True:
            piece: bytes | None = await self._run(lambda: next(self._pieces, None))
            if piece is None:
                return b""
            if piece:  # compressing keeps some back
                return piece

    async def close(self) -> None:
        """Remove the copy; call this in any case."""
        await self._run(lambda: remove_copy(self._fs, self._copy))


class StoreArchives:
    """Makes archives of a store that is in use.

    `run` executes work in a thread that compresses and seals; `random` makes random
    bytes.
    """

    def __init__(
        self,
        store: Store,
        directory: Path,
        run: RunInThread,
        *,
        release: str,
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._directory = directory
        self._run = run
        self._release = release
        self._random = random

    async def begin(self, now: datetime, passphrase: str) -> LiveArchive:
        """Return an archive of the store as it is at this moment.

        The files that open secrets are sealed with `passphrase`; without one they are
        left out. Raises StoreError.
        """
        fs = RealFileSystem()
        name = f"{now.strftime(TIME)}-{self._random(4).hex()}"
        # What a killed process leaves of it, the next start removes.
        copy = self._directory / BACKUPS / temporary_name(name)
        await self._store.snapshot(copy)
        pieces = archive(
            fs,
            copy,
            KeyWish(passphrase=passphrase),
            release=self._release,
            created=now.strftime(TIME),
            random=self._random,
        )
        return LiveArchive(fs, copy, pieces, self._run)
