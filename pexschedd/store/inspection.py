"""Looks at a whole state folder and changes nothing: what is there, what is damaged.

A start stops at the first thing that is wrong; this looks at everything, so that a
person knows before they decide. The folder must not be in use.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pexschedd.errors import StoreError, StoreNewer
from pexschedd.model.table import Table
from pexschedd.store import checked, documents
from pexschedd.store import line as lines
from pexschedd.store.collection import Collection
from pexschedd.store.folder import FORMAT, JOURNAL, Info
from pexschedd.store.fs import FileSystem, is_temporary
from pexschedd.store.ledger import Ledger
from pexschedd.store.manifest import (
    Manifest,
    Segment,
    decode,
    manifest_name,
    manifest_numbers,
)
from pexschedd.store.newer import Newer
from pexschedd.store.replay import replay
from pexschedd.store.secrets import load_or_create_key


class Finding(NamedTuple):
    """Something that keeps the daemon from starting."""

    kind: str
    """format, key, document, manifest, segment, lost, or newer: nothing is damaged, but
    a newer release wrote it."""
    path: Path
    text: str


class Inspection:
    """What is in a folder. Made by `inspect`."""

    def __init__(self, tables: Sequence[Table[Any]]) -> None:
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        """What a start will put in order by itself."""
        self.info: Info | None = None
        self.manifests: dict[int, Manifest] = {}
        """Those that can be read."""
        self.collections = {table.name: Collection(table) for table in tables}
        self.ledger = Ledger(table.name for table in tables if not table.document)

    def add(self, kind: str, path: Path, error: object) -> None:
        text = str(error).removeprefix(f"{path}: ").removeprefix(f"{path}, ")
        if isinstance(error, Newer | StoreNewer):
            kind = "newer"
        self.findings.append(Finding(kind, path, text))

    @property
    def newest(self) -> Manifest | None:
        return self.manifests[max(self.manifests)] if self.manifests else None


def inspect(
    fs: FileSystem, directory: Path, tables: Sequence[Table[Any]]
) -> Inspection:
    """Reads everything. Raises OSError if the folder cannot be read at all."""
    found = Inspection(tables)
    _look_at_format(fs, directory, found)
    _look_at_key(fs, directory, found)
    _look_at_documents(fs, directory, found)
    if JOURNAL in fs.listdir(directory):
        _look_at_manifests(fs, directory / JOURNAL, found)
        _look_at_segments(fs, directory / JOURNAL, found)
    else:
        found.add("manifest", directory / JOURNAL, "the folder is missing")
    for folder in (directory, directory / JOURNAL):
        if folder.name in fs.listdir(folder.parent):
            found.notes += [
                f"{folder / name} is an unfinished replacement, and will be removed"
                for name in fs.listdir(folder)
                if is_temporary(name)
            ]
    return found


def _look_at_format(fs: FileSystem, directory: Path, found: Inspection) -> None:
    path = directory / "format.json"
    try:
        found.info = checked.load(fs.read(path), Info, FORMAT)
    except FileNotFoundError:
        found.add("format", path, "the file is missing")
    except ValueError as error:
        found.add("format", path, error)


def _look_at_key(fs: FileSystem, directory: Path, found: Inspection) -> None:
    path = directory / "secret.key"
    if path.name not in fs.listdir(directory):
        found.add("key", path, "the file is missing: the secrets were sealed with it")
        return
    try:
        load_or_create_key(fs, path, found.info.key_id if found.info else None)
    except StoreError as error:
        found.add("key", path, error)


def _look_at_documents(fs: FileSystem, directory: Path, found: Inspection) -> None:
    names = {c.table.document for c in found.collections.values()} - {""}
    for name in sorted(names):
        path = directory / f"{name}.json"
        its = [c for c in found.collections.values() if c.table.document == name]
        try:
            documents.load(path, fs.read(path), its)
        except FileNotFoundError:
            if found.info is None or path.name in found.info.contents:
                found.add("document", path, "the file is missing")
        except StoreError as error:
            found.add("document", path, error)


def _look_at_manifests(fs: FileSystem, journal: Path, found: Inspection) -> None:
    numbers = manifest_numbers(fs.listdir(journal))
    for number in numbers:
        path = journal / manifest_name(number)
        try:
            found.manifests[number] = decode(fs.read(path))
        except ValueError as error:
            if number == numbers[-1]:
                found.add("manifest", path, error)
            else:
                found.notes.append(f"{path} is damaged, but outdated: will be removed")
    if not numbers:
        found.add("manifest", journal, "there is no MANIFEST-….json")


def _look_at_segments(fs: FileSystem, journal: Path, found: Inspection) -> None:
    if found.newest is None:
        return
    for table, next_id in found.newest.next_ids.items():
        if table in found.collections:
            found.collections[table].next_id = next_id
    names = set(fs.listdir(journal))
    journaled = {n: c for n, c in found.collections.items() if not c.table.document}
    for segment in found.newest.segments:
        path = journal / segment.name
        if segment.name not in names:
            found.add("lost", path, f"the file is missing: {_operations(segment)}")
            continue
        try:
            extent = replay(
                fs,
                path,
                segment,
                journaled,
                found.ledger,
                may_be_torn=not segment.sealed,
            )
        except StoreError as error:
            damaged = _damaged_lines(fs.read(path))
            more = f" Lines whose checksum is wrong: {damaged}." if damaged > 1 else ""
            found.add("segment", path, f"{error}{more}")
            continue
        torn = fs.size(path) - extent.size
        if torn:
            found.notes.append(
                f"{path}: the last {torn} bytes are an unfinished write that was never "
                "acknowledged, and will be set aside"
            )
    found.ledger.loaded()
    for collection in found.collections.values():
        collection.loaded()


def _operations(segment: Segment) -> str:
    end = segment.last or "the end"
    return f"the operations {segment.first} to {end} were in it"


def _damaged_lines(data: bytes) -> int:
    return sum(not lines.is_intact(each) for each in data.split(b"\n")[:-1])
