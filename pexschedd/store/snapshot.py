"""A consistent copy of the whole state folder, made while the store is running.

It runs on the journal's thread between two commits, so the copy is that of one moment.
Sealed segments never change, so they are not copied but linked where the copy is on
the same disk: a large store takes no longer than a small one. Everything else is small.
The copy gets its name when it is complete.
"""

from pathlib import Path

from pexschedd.store.folder import JOURNAL
from pexschedd.store.fs import (
    FileSystem,
    make_dirs,
    replace,
    temporary_name,
    write_all,
)
from pexschedd.store.segments import Segments

BESIDE = ("secret.key", "instance-id")
"""What belongs to the state beside the documents, which end in `.json`,"""
FOLDERS = ("icons",)
"""and folders of files that are replaced as a whole."""


def snapshot(fs: FileSystem, directory: Path, segments: Segments, to: Path) -> None:
    """Raises OSError; what has been copied by then stays under a temporary name."""
    make_dirs(fs, to.parent)
    if to.name in fs.listdir(to.parent):
        raise FileExistsError(17, "this is there already", str(to))
    copy = to.with_name(temporary_name(to.name))
    fs.mkdir(copy)
    for name in fs.listdir(directory):
        if name.endswith(".json") or name in BESIDE:
            replace(fs, copy / name, fs.read(directory / name))
        elif name in FOLDERS:
            fs.mkdir(copy / name)
            for inner in fs.listdir(directory / name):
                replace(fs, copy / name / inner, fs.read(directory / name / inner))
    fs.mkdir(copy / JOURNAL)
    for segment in segments.manifest.segments:
        source = segments.directory / segment.name
        target = copy / JOURNAL / segment.name
        if not segment.sealed:
            replace(fs, target, fs.read(source, 0, segments.size))
        elif not _link(fs, source, target):
            _copy(fs, source, target)
    name = segments.manifest_path.name
    replace(fs, copy / JOURNAL / name, fs.read(segments.manifest_path))
    fs.sync_dir(copy / JOURNAL)
    fs.sync_dir(copy)
    fs.rename(copy, to)
    fs.sync_dir(to.parent)


def _link(fs: FileSystem, source: Path, target: Path) -> bool:
    """Not possible on another disk, or on some file systems."""
    try:
        fs.link(source, target)
    except OSError:
        return False
    return True


def _copy(fs: FileSystem, source: Path, target: Path) -> None:
    handle = fs.create(target)
    try:
        offset = 0
        while data := fs.read(source, offset, 1 << 20):
            write_all(fs, handle, data)
            offset += len(data)
        fs.sync(handle)
    finally:
        fs.close(handle)
