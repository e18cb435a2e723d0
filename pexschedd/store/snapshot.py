"""A consistent copy of the whole state folder, made while the store is running.

All of it happens on the journal's thread, in steps between the commits. The first step
determines the moment that the copy represents: it copies the small files, which are the
documents and the growing segment, and links the sealed segments, which never change. On
the same disk a copy of a large store therefore takes no longer than one of a small
store. On another disk the sealed segments are copied afterwards, a slice at a time. The
copy gets its final name when it is complete.
"""

import os
from collections import deque
from contextlib import suppress
from pathlib import Path

from pexschedd.errors import (
    StoreCopyMisplaced,
    StoreCopyNotWritten,
    StoreError,
    StoreNotPermitted,
)
from pexschedd.store.folder import JOURNAL
from pexschedd.store.fs import (
    FileSystem,
    is_temporary,
    make_dirs,
    replace,
    temporary_name,
    write_all,
)
from pexschedd.store.journal.manifest import Manifest
from pexschedd.store.journal.segments import Segments
from pexschedd.util.access import copy_text

BESIDE = ("secret.key", "instance-id", "initial-admin-password")
"""Files that belong to the state besides the documents, whose names end in `.json`."""
FOLDERS = ("icons", "keytabs")
"""Folders that belong to the state; their files are only ever replaced as a whole."""

BACKUPS = "backups"
"""The folder in the state folder where copies are put by default."""

SLICE = 256 << 10
"""Bytes copied and synced between two commits."""


class Snapshot:
    """One copy of the state folder; to be used on the journal's thread."""

    def __init__(
        self,
        fs: FileSystem,
        directory: Path,
        segments: Segments,
        to: Path,
        slice_size: int = SLICE,
    ) -> None:
        self._fs = fs
        self._directory = directory
        self._segments = segments
        self._to = to
        self._copy = to.parent / temporary_name(to.name)
        self._slice = slice_size
        self._made = False
        # While they are copied they must not be removed.
        self._held: Manifest | None = None
        self._waiting: deque[str] = deque()
        self._handle: int | None = None
        self._offset = 0
        self.problem = ""
        """The reason there is no copy; empty if nothing has failed."""
        self.kind: type[StoreError] = StoreError
        """The class of the error with that reason."""

    def step(self) -> bool:
        """Do the next part of the copying; return whether there is more to do."""
        try:
            if self._held is None:
                self._begin()
                return True
            if self._waiting:
                self._copy_slice()
                return True
            self._finish()
        except (OSError, ValueError) as error:
            # A trouble of the copy, not of the store; ValueError is for a path that
            # cannot be one.
            self.kind, why = _in_words(error, self._to)
            self._give_up(why)
        return False

    def stop(self, why: str) -> None:
        """Give up for the reason `why`, and remove the unfinished copy."""
        self._give_up(why)

    def _begin(self) -> None:
        fs, copy, to = self._fs, self._copy, self._to
        if _is_among(self._directory, to):
            raise ValueError(f"in the state folder itself copies can be in {BACKUPS}/")
        make_dirs(fs, to.parent)
        beside = fs.listdir(to.parent)
        if to.name in beside:
            raise FileExistsError
        if copy.name in beside:
            raise ValueError(
                f"{copy} is there: a backup that was not finished. If none is being "
                "made now, remove it"
            )
        fs.mkdir(copy)
        self._made = True
        for name in fs.listdir(self._directory):
            if is_of_state(name):
                replace(fs, copy / name, fs.read(self._directory / name))
            elif name in FOLDERS:
                self._copy_folder(name)
        fs.mkdir(copy / JOURNAL)
        segments = self._segments
        self._held = segments.hold()
        for segment in self._held.segments:
            source = segments.directory / segment.name
            target = copy / JOURNAL / segment.name
            if not segment.sealed:
                replace(fs, target, fs.read(source, 0, segments.size))
            elif not _link(fs, source, target):
                self._waiting.append(segment.name)
        manifest = segments.manifest_path
        replace(fs, copy / JOURNAL / manifest.name, fs.read(manifest))

    def _copy_folder(self, name: str) -> None:
        fs = self._fs
        fs.mkdir(self._copy / name)
        for inner in fs.listdir(self._directory / name):
            if inner.startswith("."):
                continue  # about to become another file
            # Others look after these, and may remove one at any time. A folder, such as
            # one of old keytabs, is nothing that the daemon uses.
            with suppress(FileNotFoundError, IsADirectoryError):
                data = fs.read(self._directory / name / inner)
                replace(fs, self._copy / name / inner, data)

    def _copy_slice(self) -> None:
        fs, name = self._fs, self._waiting[0]
        if self._handle is None:
            self._handle = fs.create(self._copy / JOURNAL / name)
            self._offset = 0
        data = fs.read(self._segments.directory / name, self._offset, self._slice)
        if data:
            write_all(fs, self._handle, data)
            self._offset += len(data)
        fs.sync(self._handle)
        if len(data) < self._slice:
            self._close()
            self._waiting.popleft()

    def _finish(self) -> None:
        fs = self._fs
        fs.sync_dir(self._copy / JOURNAL)
        fs.sync_dir(self._copy)
        fs.rename(self._copy, self._to)
        fs.sync_dir(self._to.parent)
        self._release()

    def _give_up(self, why: str) -> None:
        self.problem = self.problem or why
        self._close()
        self._release()
        if self._made:
            # It may be large, and be in the way of the next attempt.
            with suppress(OSError):
                remove_copy(self._fs, self._copy)

    def _close(self) -> None:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            self._fs.close(handle)

    def _release(self) -> None:
        if self._held is not None:
            self._segments.release(self._held)
            self._held = None


def is_of_state(name: str) -> bool:
    """Return whether copies of a state folder have a file of this name, which is
    relative to the folder."""
    folder, _, file = name.rpartition("/")
    if folder:
        return folder in (JOURNAL, *FOLDERS)
    return file.endswith(".json") or file in BESIDE


def _in_words(error: OSError | ValueError, to: Path) -> tuple[type[StoreError], str]:
    """Describe what is wrong with a copy, without the names that it has meanwhile."""
    match error:
        case PermissionError():
            return StoreNotPermitted, copy_text(to)
        case FileExistsError():
            return StoreCopyMisplaced, "it exists already"
        case NotADirectoryError():
            return StoreCopyMisplaced, "it is below what is not a folder"
        case OSError():
            return StoreCopyNotWritten, error.strerror or str(error)
    return StoreCopyMisplaced, str(error)


def _is_among(directory: Path, to: Path) -> bool:
    """Return whether a copy at `to` would be among the state's own files.

    An unfinished copy left there by a killed process would obstruct the next start.
    """
    state = Path(os.path.abspath(directory))
    parents = Path(os.path.abspath(to)).parents
    return state in parents and state / BACKUPS not in parents


def _link(fs: FileSystem, source: Path, target: Path) -> bool:
    """Link a file and return True, or return False where the disk does not allow it."""
    try:
        fs.link(source, target)
    except OSError:
        return False
    return True


def remove_unfinished(fs: FileSystem, directory: Path) -> None:
    """Remove the unfinished copies that a killed process left in a state folder.

    The segments they link would otherwise never be freed. No copy may be in progress.
    """
    backups = directory / BACKUPS
    with suppress(OSError):
        for name in fs.listdir(backups):
            if is_temporary(name):
                remove_copy(fs, backups / name)


def remove_copy(fs: FileSystem, copy: Path) -> None:
    """Remove a copy, of which any part may be missing."""
    for name in (*FOLDERS, JOURNAL, ""):
        folder = copy / name
        with suppress(OSError):
            for inner in fs.listdir(folder):
                with suppress(OSError):
                    fs.unlink(folder / inner)
            fs.rmdir(folder)
