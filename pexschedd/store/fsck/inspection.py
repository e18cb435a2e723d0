"""Looks at a whole state folder and changes nothing: what is there, what is damaged.

A start stops at the first thing that is wrong; this looks at everything, so that the
administrator knows all of it before deciding. The folder must not be in use.
"""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pexschedd.errors import StoreError, StoreKeyUnusable, StoreNewer
from pexschedd.model.table import Table
from pexschedd.store import checksummed_json, documents, open_store
from pexschedd.store.collection import KEPT
from pexschedd.store.folder import FORMAT, INFO, JOURNAL, KEY, FolderInfo, release_in
from pexschedd.store.fs import FileSystem, is_temporary
from pexschedd.store.fsck.salvage import salvage
from pexschedd.store.index import KeyHashing
from pexschedd.store.journal import line as lines
from pexschedd.store.journal.manifest import (
    COMPACTED,
    SEGMENT,
    Manifest,
    Segment,
    decode,
    manifest_name,
    manifest_numbers,
    segment_name,
    segment_number,
)
from pexschedd.store.journal.replay import (
    SegmentExtent,
    UnacceptableSegment,
    replay,
)
from pexschedd.store.journal.segments import listed
from pexschedd.store.record_reader import RecordReader
from pexschedd.store.records import NewerFormat
from pexschedd.store.secrets import GivenKey, load_or_create_key


class Damage(NamedTuple):
    """A finding that keeps the daemon from starting."""

    kind: str
    """One of: format, key, document, manifest, segment, lost, stray (a segment without
    the one before it); unreadable; unacceptable: as it was written, but not something
    this program can take; or newer: not damaged, but written by a newer release."""
    path: Path
    text: str


class FolderInspection:
    """The content and the damage of a state folder, as `inspect` found them."""

    def __init__(self, tables: Sequence[Table[Any]]) -> None:
        self.findings: list[Damage] = []
        self.notes: list[str] = []
        """Things that a start will put in order by itself."""
        self.info: FolderInfo | None = None
        self.release = ""
        """The release that used the folder last; empty if unknown."""
        self.manifests: dict[int, Manifest] = {}
        """The manifests that can be read, by number."""
        self.line_index, self.collections = open_store.begin(tables, KeyHashing(), KEPT)

    def add(self, kind: str, path: Path, error: object) -> None:
        """Add a finding; it becomes `newer` if a newer release wrote what is there."""
        text = str(error)
        for end in (": ", ", ", " "):
            text = text.removeprefix(f"{path}{end}")
        if isinstance(error, NewerFormat | StoreNewer):
            kind = "newer"
        self.findings.append(Damage(kind, path, text))

    @property
    def unfinished(self) -> bool:
        """True if the first start was killed before it had recorded a journal."""
        return self.info is not None and JOURNAL not in self.info.contents

    @property
    def newest(self) -> Manifest | None:
        """The newest manifest that can be read, if any."""
        return self.manifests[max(self.manifests)] if self.manifests else None


def is_state_folder(fs: FileSystem, directory: Path) -> bool:
    """Return whether there has been a store here, however little of it is left. A
    folder called `journal` alone proves nothing."""
    names = fs.listdir(directory)
    if JOURNAL not in names or INFO in names:
        return INFO in names
    inner = fs.listdir(directory / JOURNAL)
    return KEY in names or bool(manifest_numbers(inner)) or any(map(_is_segment, inner))


def inspect(
    fs: FileSystem,
    directory: Path,
    tables: Sequence[Table[Any]],
    given_key: GivenKey | None = None,
) -> FolderInspection:
    """Read everything and report the damage. Raises OSError if the folder cannot be
    read at all. `given_key` is a key that is not kept in the folder."""
    found = FolderInspection(tables)
    _look_at_format(fs, directory, found)
    _look_at_key(fs, directory, found, given_key)
    _look_at_documents(fs, directory, found)
    if JOURNAL in fs.listdir(directory):
        _look_at_manifests(fs, directory / JOURNAL, found)
        _look_at_segments(fs, directory / JOURNAL, found)
    elif not found.unfinished:
        found.add("manifest", directory / JOURNAL, "the folder is missing")
    if found.unfinished:
        found.notes.append(
            f"{directory} was begun by a start that was killed, and the next one will "
            "do the rest"
        )
    for folder in (directory, directory / JOURNAL):
        if folder.name in fs.listdir(folder.parent):
            found.notes += [
                f"{folder / name} is an unfinished replacement, and will be removed"
                for name in fs.listdir(folder)
                if is_temporary(name)
            ]
    record_reader = RecordReader(
        fs, directory / JOURNAL, found.line_index, found.collections
    )
    open_store.finish(found.collections, found.line_index, record_reader)
    return found


@contextmanager
def _reading(
    found: FolderInspection, path: Path, kind: str = "unreadable"
) -> Iterator[None]:
    """That the disk does not give a file back is a finding like any other."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EIO, errno.EISDIR):
            raise
        text = f"it cannot be read: {error.strerror}. Restore it from a backup"
        found.add(kind, path, text)


def _look_at_format(fs: FileSystem, directory: Path, found: FolderInspection) -> None:
    path = directory / "format.json"
    try:
        with _reading(found, path, "format"):
            found.info = checksummed_json.load(fs.read(path), FolderInfo, FORMAT)
            found.release = found.info.version
    except FileNotFoundError:
        found.add("format", path, "the file is missing")
    except NewerFormat as error:
        found.release = release_in(fs.read(path))
        found.add("format", path, error)
    except ValueError as error:
        found.add("format", path, error)


def _look_at_key(
    fs: FileSystem,
    directory: Path,
    found: FolderInspection,
    given_key: GivenKey | None,
) -> None:
    path = directory / KEY
    if given_key is not None:
        try:
            given_key.require(found.info.key_id if found.info else None)
            if given_key.require_alone(fs, path):
                found.notes.append(
                    f"{path} is a copy of {given_key.source}, which is used instead"
                )
        except StoreKeyUnusable as error:
            found.add("key", given_key.source, error)
        return
    if path.name not in fs.listdir(directory):
        found.add(
            "key",
            path,
            "the file is missing: the secrets were sealed with it. If it is kept "
            "elsewhere, name its file with --key-file",
        )
        return
    try:
        with _reading(found, path):
            load_or_create_key(fs, path, found.info.key_id if found.info else None)
    except StoreError as error:
        found.add("key", path, error)


def _look_at_documents(
    fs: FileSystem, directory: Path, found: FolderInspection
) -> None:
    names = {c.table.document for c in found.collections.values()} - {""}
    for name in sorted(names):
        path = directory / f"{name}.json"
        its = [c for c in found.collections.values() if c.table.document == name]
        try:
            with _reading(found, path):
                documents.load(path, fs.read(path), its)
        except FileNotFoundError:
            if found.info is None or path.name in found.info.contents:
                found.add("document", path, "the file is missing")
        except StoreError as error:
            found.add("document", path, error)


def _look_at_manifests(fs: FileSystem, journal: Path, found: FolderInspection) -> None:
    names = fs.listdir(journal)
    numbers = manifest_numbers(names)
    for number in numbers:
        path = journal / manifest_name(number)
        try:
            with _reading(found, path, "manifest"):
                found.manifests[number] = decode(fs.read(path))
        except ValueError as error:
            if number == numbers[-1]:
                found.add("manifest", path, error)
            else:
                found.notes.append(f"{path} is damaged, but outdated: will be removed")
    filled = any(_is_segment(name) and fs.size(journal / name) for name in names)
    if not numbers and (filled or not found.unfinished):
        found.add("manifest", journal, "there is no MANIFEST-….json")


def _look_at_segments(fs: FileSystem, journal: Path, found: FolderInspection) -> None:
    if found.newest is None:
        return
    for table, next_id in found.newest.next_ids.items():
        if table in found.collections:
            found.collections[table].next_id = next_id
    names = set(fs.listdir(journal))
    done: list[Segment] = []
    waiting = list(found.newest.segments)
    while waiting:
        segment = waiting.pop(0)
        path = journal / segment.name
        successor = "" if waiting else _successor(fs, journal, segment)
        if segment.name not in names:
            found.add("lost", path, f"the file is missing: {_operations(segment)}")
        else:
            with _reading(found, path):
                segment = _look_at_segment(fs, path, segment, successor, found)
        done.append(segment)
        if successor and segment.last is not None:
            # As a start does it: the manifest that listed it was lost.
            found.notes.append(
                f"{journal / successor} is in no manifest, but comes next: it will be "
                "listed if it continues"
            )
            waiting.append(Segment(name=successor, first=segment.last + 1))
    newest = msgspec.structs.replace(found.newest, segments=tuple(done))
    found.manifests[max(found.manifests)] = newest
    _look_for_strays(fs, journal, found)


def _look_at_segment(
    fs: FileSystem,
    path: Path,
    segment: Segment,
    successor: str,
    found: FolderInspection,
) -> Segment:
    """Return the segment, as it would be sealed if it has a successor."""
    journaled = {n: c for n, c in found.collections.items() if not c.table.document}
    try:
        extent = replay(
            fs,
            path,
            segment,
            journaled,
            found.line_index,
            may_be_torn=not segment.sealed and not successor,
            keep=False,
        )
    except StoreError as error:
        damaged = _damaged_lines(fs.read(path))
        more = ""
        if damaged > 1:
            more = f" Lines whose checksum is wrong: {damaged}."
        kind = "segment"
        if isinstance(error, UnacceptableSegment | StoreNewer):
            newer = isinstance(error, StoreNewer)
            kind = "newer" if newer else "unacceptable"
        found.add(kind, path, f"{error}{more}")
        return _sealed_by(fs, path, segment, successor) if successor else segment
    torn = fs.size(path) - extent.size
    if torn:
        found.notes.append(
            f"{path}: the last {torn} bytes are an unfinished write that "
            "was never acknowledged, and will be set aside"
        )
    return extent.seal(segment) if successor else segment


def _successor(fs: FileSystem, journal: Path, segment: Segment) -> str:
    """The segment after the last listed one, if there is one with content."""
    name = segment_name(segment_number(segment.name) + 1)
    there = name in fs.listdir(journal) and fs.size(journal / name)
    return name if there else ""


def _sealed_by(fs: FileSystem, path: Path, segment: Segment, successor: str) -> Segment:
    """A damaged segment ends where the next one begins, as far as that can be read."""
    data = fs.read(path)
    _, _, last = salvage(data, segment)
    first, _, _ = fs.read(path.with_name(successor)).partition(b"\n")
    with suppress(ValueError):
        last = max(last, lines.decode(first).seq - 1)
    return SegmentExtent(len(data), data.count(b"\n"), last).seal(segment)


def _look_for_strays(fs: FileSystem, journal: Path, found: FolderInspection) -> None:
    known = listed(found.manifests.values())
    newest = max(map(segment_number, known))
    for name in fs.listdir(journal):
        if not SEGMENT.fullmatch(name) or name in known:
            continue
        if segment_number(name) > newest and fs.size(journal / name):
            found.add(
                "stray",
                journal / name,
                "it has content, but does not continue the journal: a file before it "
                "is missing. Restore the folder from a backup",
            )


def _operations(segment: Segment) -> str:
    end = segment.last or "the end"
    return f"the operations {segment.first} to {end} were in it"


def _is_segment(name: str) -> bool:
    return bool(SEGMENT.fullmatch(name) or COMPACTED.fullmatch(name))


def _damaged_lines(data: bytes) -> int:
    return sum(not lines.is_intact(each) for each in data.split(b"\n")[:-1])
