"""Opens the journal: whatever a crash, a kill or a backup has left is put in order.

What can be there, and what is done about it:

- a torn tail in the last segment: set aside in a `.torn` file, cut off;
- an empty segment that no manifest lists, from an interrupted roll: removed;
- a segment with content that continues the last listed one, from a backup that was
  made in the middle of a roll: listed;
- segments and manifests that compaction or a roll has replaced: removed once no kept
  manifest lists them;
- anything else that is not as it was written: StoreError.
"""

import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from pexschedd.errors import StoreError, StoreNewer
from pexschedd.store.collection import Collection
from pexschedd.store.disk.postponed import PostponedWrites
from pexschedd.store.fs import (
    FileSystem,
    make_dirs,
    remove_temporaries,
    replace,
)
from pexschedd.store.hints.hint_files import HintFiles
from pexschedd.store.hints.line_index import LineIndex, beyond
from pexschedd.store.journal.manifest import (
    COMPACTED,
    HINT,
    SEGMENT,
    Manifest,
    Segment,
    decode,
    manifest_name,
    manifest_numbers,
    segment_name,
    segment_number,
    segment_of,
)
from pexschedd.store.journal.replay import SegmentExtent, replay
from pexschedd.store.journal.segments import (
    Segments,
    listed,
    remove,
    write_manifest,
)
from pexschedd.store.records import REMEDY, NewerFormat

_log = Logger()


def open_segments(
    fs: FileSystem,
    directory: Path,
    collections: Mapping[str, Collection[Any]],
    line_index: LineIndex,
    hint_files: HintFiles,
    *,
    kept: int,
    expected: bool,
    postponed: PostponedWrites | None = None,
) -> Segments:
    """Read a journal into the collections, or begin one.

    The newest segments, which have `kept` lines together, are read line by line; so are
    older ones that lack their hint file, but their records are not kept in memory.
    `expected` says that there has been a journal here: without it a lost one would
    look like a first start. What a full or read-only disk does not take is `postponed`.
    Raises StoreError or OSError.
    """
    postponed = postponed or PostponedWrites()
    make_dirs(fs, directory)
    remove_temporaries(fs, directory)
    manifests = _read_manifests(fs, directory)
    if not manifests:
        manifests = {1: _begin(fs, directory, expected)}
    newest = manifests[max(manifests)]
    _restore_next_ids(newest, collections, directory / manifest_name(max(manifests)))
    reader = _Reader(fs, directory, collections, line_index, hint_files)
    segments, extent = reader.run(newest.segments, kept)
    active = directory / segments[-1].name
    crc = line_index.active.crc
    size = fs.size(active)
    if size > extent.size:
        postponed.add(partial(_set_aside, fs, active, extent.size, size))
        crc = zlib.crc32(fs.read(active, 0, extent.size))
    if segments != newest.segments:
        number = max(manifests) + 1
        next_ids = {name: c.next_id for name, c in collections.items()}
        listing = Manifest(next_ids=next_ids, segments=segments)
        manifests[number] = listing
        postponed.add(partial(write_manifest, fs, directory, number, listing))
    _remove_unlisted(fs, directory, listed(manifests.values()))
    return Segments(fs, directory, manifests, extent, crc, postponed)


def _read_manifests(fs: FileSystem, directory: Path) -> dict[int, Manifest]:
    """All that are kept, by number. The newest must be sound, older ones may go."""
    numbers = manifest_numbers(fs.listdir(directory))
    manifests = {}
    for number in numbers:
        path = directory / manifest_name(number)
        try:
            manifests[number] = decode(fs.read(path))
        except NewerFormat as error:
            raise StoreNewer(f"{path}: {error}") from None
        except ValueError as error:
            if number == numbers[-1]:
                raise StoreError(f"{path}: {error}") from None
            _log.warn(
                "journal removed a damaged, outdated manifest path={path}",
                path=str(path),
            )
            remove(fs, path)
    return manifests


def _begin(fs: FileSystem, directory: Path, expected: bool) -> Manifest:
    """The first start. A crash in the middle of it looks like no start at all."""
    filled = any(
        fs.size(directory / name) for name in fs.listdir(directory) if _is_segment(name)
    )
    if expected or filled:
        raise StoreError(
            f"{directory} has no MANIFEST-….json, so it is not known which files make "
            "up the journal. Restore the folder from a backup."
        )
    first = Segment(name=segment_name(1), first=1)
    handle = fs.create(directory / first.name)
    try:
        fs.sync(handle)
    finally:
        fs.close(handle)
    fs.sync_dir(directory)
    manifest = Manifest(next_ids={}, segments=(first,))
    write_manifest(fs, directory, 1, manifest)
    return manifest


def _restore_next_ids(
    manifest: Manifest, collections: Mapping[str, Collection[Any]], path: Path
) -> None:
    for table, next_id in manifest.next_ids.items():
        if table not in collections:
            raise StoreNewer(
                f"{path}: the table {table!r} is unknown to this version. {REMEDY}"
            )
        collections[table].next_id = max(collections[table].next_id, next_id)


class _Reader:
    """Reads all segments of a journal."""

    def __init__(
        self,
        fs: FileSystem,
        directory: Path,
        collections: Mapping[str, Collection[Any]],
        line_index: LineIndex,
        hint_files: HintFiles,
    ) -> None:
        self._fs = fs
        self._directory = directory
        self._collections = collections
        self._line_index = line_index
        self._hint_files = hint_files
        self._names = set(fs.listdir(directory))

    def run(
        self, segments: Sequence[Segment], kept: int
    ) -> tuple[tuple[Segment, ...], SegmentExtent]:
        """Return the segments, with those that continue the listed ones, and what is
        in the last one."""
        warm = beyond([segment.lines or 0 for segment in segments], kept)
        done: list[Segment] = []
        waiting = list(segments)
        extent = SegmentExtent(0, 0, 0)
        while waiting:
            segment = waiting.pop(0)
            if segment.name not in self._names:
                raise StoreError(
                    f"{self._directory / segment.name} is missing, but it is part of "
                    "the journal. Restore it, or the whole folder, from a backup."
                )
            keep = len(done) >= warm
            if keep or not self._by_hints(segment):
                successor = "" if waiting else self._successor(segment)
                extent = self._by_line(segment, successor, keep, not waiting)
                if successor:
                    _log.warn(
                        "journal kept an unlisted segment that continues it "
                        "name={name}",
                        name=successor,
                    )
                    segment = extent.seal(segment)
                    waiting.append(Segment(name=successor, first=extent.last + 1))
            done.append(segment)
        for lines in self._line_index.segments[:-1]:
            lines.sealed = True
        return tuple(done), extent

    def _by_hints(self, segment: Segment) -> bool:
        lines = self._hint_files.open(segment)
        if lines is None:
            _log.info(
                "journal reads a segment line by line name={name}", name=segment.name
            )
            return False
        for table, highest in self._line_index.load(lines).items():
            self._collections[table].used(highest)
        return True

    def _by_line(
        self, segment: Segment, successor: str, keep: bool, is_last: bool
    ) -> SegmentExtent:
        return replay(
            self._fs,
            self._directory / segment.name,
            segment,
            self._collections,
            self._line_index,
            may_be_torn=is_last and not successor,
            keep=keep,
        )

    def _successor(self, segment: Segment) -> str:
        """The segment after the last listed one, if there is one with content."""
        name = segment_name(segment_number(segment.name) + 1)
        there = name in self._names and self._fs.size(self._directory / name)
        return name if there else ""


def _set_aside(fs: FileSystem, path: Path, valid: int, size: int) -> None:
    """Cut off what a crash has left of a last write, and keep it in a file."""
    names = set(fs.listdir(path.parent))
    tail = fs.read(path, valid)
    torn = f"{path.name}.torn"
    number = 2
    # A start that was stopped after this and before the cut has kept it already.
    while torn in names and fs.read(path.with_name(torn)) != tail:
        torn = f"{path.name}.torn.{number}"
        number += 1
    if torn not in names:
        replace(fs, path.with_name(torn), tail)
    handle = fs.append(path)
    try:
        fs.truncate(handle, valid)
        fs.sync(handle)
    finally:
        fs.close(handle)
    _log.warn(
        "journal moved an unfinished write away, as a crash leaves it, never "
        "acknowledged path={path} bytes={bytes} moved_to={torn}",
        path=str(path),
        bytes=size - valid,
        torn=torn,
    )


def _remove_unlisted(fs: FileSystem, directory: Path, known: set[str]) -> None:
    newest = max(segment_number(name) for name in known)
    for name in sorted(fs.listdir(directory)):
        path = directory / name
        if HINT.fullmatch(name) and segment_of(name) not in known:
            remove(fs, path)
        if not _is_segment(name) or name in known:
            continue
        if segment_number(name) > newest and fs.size(path):
            raise StoreError(
                f"{path} has content, but is no part of the journal and does not "
                "continue it: a file before it is missing. Restore the folder from a "
                "backup; or move this file away to start without it."
            )
        _log.warn(
            "journal removed a file that is in no manifest path={path}", path=str(path)
        )
        remove(fs, path)


def _is_segment(name: str) -> bool:
    return bool(SEGMENT.fullmatch(name) or COMPACTED.fullmatch(name))
