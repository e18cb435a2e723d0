"""The copies that `pexschedd-store backup` keeps in a folder, and the removal of older
ones."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from pexschedd.store.fs import FileSystem
from pexschedd.store.fsck.inspection import is_state_folder

MOMENT = "%Y%m%dT%H%M%SZ"
"""The name of a copy, for `strftime`: the time of its making, in UTC."""

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_REMOVED = re.compile(r"\.[0-9]{8}T[0-9]{6}Z\.removed")


def superseded(names: Iterable[str], keep: int) -> list[str]:
    """Return the copies among the names but for the newest `keep`, oldest first; what
    has another name is none of them. Pure."""
    copies = sorted(name for name in names if _NAME.fullmatch(name))
    return copies[: max(0, len(copies) - keep)]


def remove_superseded(fs: FileSystem, folder: Path, keep: int) -> Iterator[str]:
    """Remove all copies in a folder but the newest `keep`; yield their names.

    A copy gets another name first, so that a removal that is interrupted leaves nothing
    that looks like a copy; the next one ends it. Raises OSError.
    """
    found = os.listdir(folder)
    for name in filter(_REMOVED.fullmatch, found):
        shutil.rmtree(folder / name)
    for name in superseded(found, keep):
        copy, removed = folder / name, folder / f".{name}.removed"
        if copy.is_symlink() or not is_state_folder(fs, copy):
            continue
        with suppress(FileNotFoundError):  # another run was quicker
            copy.rename(removed)
            shutil.rmtree(removed)
            yield name
