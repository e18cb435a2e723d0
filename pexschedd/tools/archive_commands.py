"""The commands of `pexschedd-store` that make and restore archives."""

import argparse
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from twisted.internet.defer import Deferred

from pexschedd import __version__
from pexschedd.crypto.passphrase import passphrase_problem
from pexschedd.doctor.text import harmless
from pexschedd.errors import StoreCopyMisplaced, StoreError, WorkStopped
from pexschedd.model.table import Table
from pexschedd.store.archive.layout import ArchiveManifest
from pexschedd.store.archive.live import TIME
from pexschedd.store.archive.reader import RestoreKeys, restore
from pexschedd.store.archive.writer import KeyWish, archive, remove_copy
from pexschedd.store.fs import FileSystem, temporary_name, write_all
from pexschedd.store.secrets import GivenKey
from pexschedd.store.snapshot import BACKUPS
from pexschedd.util.stop_signal import StopSignal

_LONGEST_FILE = 64 << 10
"""Bytes of a file with a passphrase or a key."""


def add_commands(commands: Any) -> None:
    """Add the commands `archive` and `restore` to a parser's."""
    making = commands.add_parser(
        "archive", help="make a backup as one file; the daemon may be running"
    )
    making.add_argument("file", type=Path, metavar="FILE", help="a new file")
    making.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="seal secret.key and keytabs with the first line of this file",
    )
    making.add_argument(
        "--without-key",
        action="store_true",
        help="leave secret.key and keytabs out",
    )
    restoring = commands.add_parser(
        "restore", help="restore an archive into an empty state folder"
    )
    restoring.add_argument("file", type=Path, metavar="ARCHIVE")
    restoring.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="its first line opens the archive's secret.key and keytabs",
    )
    restoring.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help="a copy of secret.key, if the archive has none",
    )
    restoring.add_argument(
        "--without-key",
        action="store_true",
        help="restore without secret.key: all secrets have to be entered again",
    )


class ArchiveFiles(msgspec.Struct, frozen=True):
    """The files that a command line names, read before the tool becomes another user
    who may not read them."""

    passphrase: str = ""
    key: bytes = b""
    archive: BinaryIO | None = None
    size: int = 0


def opened_files(asked: argparse.Namespace) -> ArchiveFiles:
    """Read the files that a command line names; raises StoreError or OSError."""
    if asked.command not in ("archive", "restore"):
        return ArchiveFiles()
    passphrase, key = "", b""
    if asked.passphrase_file is not None:
        text = _read(asked.passphrase_file).decode("utf-8", "replace")
        passphrase = text.partition("\n")[0].rstrip("\r")
        problem = passphrase_problem(passphrase)
        if problem:
            raise StoreError(f"{asked.passphrase_file}: {problem}")
    if asked.command == "archive":
        if passphrase and asked.without_key:
            raise StoreError("--without-key leaves nothing for a passphrase to seal.")
        return ArchiveFiles(passphrase)
    if asked.key_file is not None:
        key = _read(asked.key_file)
    if not asked.file.is_file() and asked.file.exists():  # opening a pipe would wait
        raise StoreError(f"{asked.file}: a backup is restored from a file only.")
    file: BinaryIO = asked.file.open("rb")
    return ArchiveFiles(passphrase, key, file, os.fstat(file.fileno()).st_size)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST_FILE)


async def make_archive(
    fs: FileSystem,
    directory: Path,
    to: Path,
    wish: KeyWish,
    now: datetime,
    copy_to: Callable[[Path], Awaitable[None]],
    random: Callable[[int], bytes],
    pause: Callable[[], Awaitable[None]],
) -> int:
    """Make an archive of a state folder and return its size in bytes.

    `copy_to` makes a copy of the folder. `pause` is awaited between the pieces, so that
    signals are looked at; what it raises ends the work. The file gets its name when it
    is complete, and nobody else may read it. Raises StoreError or OSError.
    """
    if to.name in fs.listdir(to.parent):
        raise StoreCopyMisplaced(f"{to} exists already: name a new file.")
    name = f"{now.strftime(TIME)}-{random(4).hex()}"
    copy = directory / BACKUPS / temporary_name(name)
    await copy_to(copy)
    unfinished = to.parent / temporary_name(to.name)
    size = 0
    try:
        handle = fs.create(unfinished)
        try:
            for piece in archive(
                fs,
                copy,
                wish,
                release=__version__,
                created=now.strftime(TIME),
                random=random,
            ):
                write_all(fs, handle, piece)
                size += len(piece)
                await pause()
            fs.sync(handle)
        finally:
            fs.close(handle)
        fs.rename(unfinished, to)
        fs.sync_dir(to.parent)
    except BaseException:
        with suppress(OSError):
            fs.unlink(unfinished)
        raise
    finally:
        remove_copy(fs, copy)
    return size


def stoppable_pause(reactor: Any) -> Callable[[], Awaitable[None]]:
    """Return a pause that lets the reactor look at signals, and raises `WorkStopped`
    once one has stopped it."""
    stop = StopSignal()
    reactor.addSystemEventTrigger("before", "shutdown", stop.set)

    async def pause() -> None:
        turn: Deferred[None] = Deferred()
        reactor.callFromThread(turn.callback, None)
        try:
            await stop.wait(turn)
        except WorkStopped:
            raise WorkStopped("It was stopped, and no archive is left.") from None

    return pause


def restore_archive(
    fs: FileSystem,
    directory: Path,
    asked: argparse.Namespace,
    files: ArchiveFiles,
    tables: Sequence[Table[Any]],
    given_key: GivenKey | None,
) -> ArchiveManifest:
    """Restore the archive of a command line, and return its manifest."""
    assert files.archive is not None  # noqa: S101 - the command has one
    keys = RestoreKeys(files.passphrase, files.key, given_key, asked.without_key)
    with files.archive:
        return restore(fs, files.archive, files.size, directory, keys, tables)


def restored_text(manifest: ArchiveManifest, directory: Path) -> str:
    """Say what was restored: the words of an archive are a stranger's."""
    created, release = (
        harmless(text[:40]) for text in (manifest.created, manifest.release)
    )
    return (
        f"The state of {created}, of release {release}, is in {directory}: "
        f"{len(manifest.files)} files, verified."
    )
