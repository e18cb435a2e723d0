"""The first start of another release: a copy of the state as the release before left
it, and a line in the log.

The copy is what makes it possible to go back. It is made when everything was read, so
that a release which refuses the folder changes nothing in it, and before anything is
written by the new one. Sealed segments are linked, see `snapshot`. A start does not
fail for want of it: on a full disk the log says that there is none.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from pexschedd.store.collection import Collection
from pexschedd.store.fs import FileSystem, temporary_name
from pexschedd.store.journal.segments import Segments
from pexschedd.store.snapshot import BACKUPS, Snapshot, remove_copy

COPIES = 3
"""Copies that a daemon keeps, the one just made included."""

_PREFIX = "before-"
_NAME = re.compile(r"before-[0-9][0-9A-Za-z.+]*(-[0-9]+)?")
_DIGITS = re.compile(r"[0-9]+")

_log = Logger()


def keep_copy(
    fs: FileSystem,
    directory: Path,
    segments: Segments,
    collections: Mapping[str, Collection[Any]],
    wrote: str,
    this: str,
    kept: int,
) -> None:
    """Copy the state that the release `wrote` has left to `backups/before-<this>`.

    Of the copies of this kind `kept` remain. To be called before the journal has a
    thread.
    """
    backups = directory / BACKUPS
    to = backups / unused_name(this, _names(fs, backups))
    copy = Snapshot(fs, directory, segments, to)
    while copy.step():
        pass
    changes = {
        name: (min(collection.format.upgraded), collection.table.version)
        for name, collection in collections.items()
        if collection.format.upgraded
    }
    _log.info(
        "store took over the state of another release wrote={wrote} version={this} "
        "tables={tables} copy={copy}",
        wrote=wrote,
        this=this,
        tables=",".join(f"{name}:{old}-{new}" for name, (old, new) in changes.items()),
        copy="" if copy.problem else str(to),
    )
    if copy.problem:
        _log.warn(
            "store kept no copy of the state before its upgrade wrote={wrote} "
            "reason={reason}",
            wrote=wrote,
            reason=copy.problem,
        )
        return
    for name in superseded(_names(fs, backups), to.name, kept):
        _remove(fs, backups / name)


def unused_name(release: str, names: Iterable[str]) -> str:
    """Return the name of the next copy before this release, other than `names`. Pure.

    The second one is for those who went back, and upgrade again.
    """
    taken = set(names)
    name, number = f"{_PREFIX}{release}", 1
    while name in taken:
        number += 1
        name = f"{_PREFIX}{release}-{number}"
    return name


def superseded(names: Iterable[str], newest: str, kept: int) -> list[str]:
    """Return the copies among the names that go: all but the one just made, and those
    of the latest releases. What has another name is none of them. Pure."""
    others = {name for name in names if _NAME.fullmatch(name)} - {newest}
    ordered = sorted(others, key=_order)
    return ordered[: max(0, len(ordered) - (kept - 1))]


def _order(name: str) -> list[int]:
    return [int(digits) for digits in _DIGITS.findall(name)]


def _names(fs: FileSystem, folder: Path) -> Sequence[str]:
    with suppress(OSError):
        return fs.listdir(folder)
    return ()


def _remove(fs: FileSystem, copy: Path) -> None:
    """Remove a copy; if that is interrupted, the next start ends it."""
    removed = copy.with_name(temporary_name(copy.name))
    with suppress(OSError):
        fs.rename(copy, removed)
        remove_copy(fs, removed)
