"""The opening of a store: loads documents, journal and indexes from a state folder."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.store import documents
from pexschedd.store.collection import Collection
from pexschedd.store.folder import JOURNAL, StateFolder
from pexschedd.store.fs import FileSystem, replace
from pexschedd.store.hints import code_fingerprint
from pexschedd.store.hints.hint_files import HintFiles, made_with
from pexschedd.store.hints.line_index import LineIndex
from pexschedd.store.index import KeyHashing
from pexschedd.store.journal.recovery import open_segments
from pexschedd.store.journal.segments import Segments
from pexschedd.store.record_reader import RecordReader
from pexschedd.store.snapshot import remove_unfinished


class LoadedParts(NamedTuple):
    """The parts of an open store."""

    collections: dict[str, Collection[Any]]
    line_index: LineIndex
    record_reader: RecordReader
    hint_files: HintFiles
    segments: Segments


def load(
    fs: FileSystem,
    folder: StateFolder,
    tables: Sequence[Table[Any]],
    version: str,
    kept: int,
    random: Callable[[int], bytes],
) -> LoadedParts:
    """Read and verify everything in a state folder. Raises StoreError or OSError.

    `kept` is the number of records of a table that stay in memory; `version`, the
    release of the program, is noted in the folder.
    """
    secret = hashlib.sha256(b"pexschedd hints\0" + folder.key).digest()
    line_index, collections = begin(tables, KeyHashing(secret), kept)
    contents = [JOURNAL]
    for name in sorted({table.document for table in tables} - {""}):
        _load_document(fs, folder, name, of_document(collections, name))
        contents.append(f"{name}.json")
    journaled = {n: c for n, c in collections.items() if not c.table.document}
    directory = folder.path / JOURNAL
    # A program that is not known is like no other, nor like itself the next time.
    this = code_fingerprint.digest() or random(32).hex()
    files = HintFiles(
        fs,
        directory,
        made_with(this, tables, folder.key),
        line_index.width,
        kept,
    )
    segments = open_segments(
        fs,
        directory,
        journaled,
        line_index,
        files,
        kept=kept,
        expected=folder.expects(JOURNAL),
    )
    remove_unfinished(fs, folder.path)
    record_reader = RecordReader(fs, directory, line_index, journaled)
    record_reader.keep_open({lines.name for lines in line_index.segments[:-1]})
    finish(collections, line_index, record_reader)
    folder.expect(contents, version)
    return LoadedParts(collections, line_index, record_reader, files, segments)


def begin(
    tables: Sequence[Table[Any]], hashing: KeyHashing, kept: int
) -> tuple[LineIndex, dict[str, Collection[Any]]]:
    """Create an empty line index, and empty collections by table name."""
    journaled = [table for table in tables if not table.document]
    line_index = LineIndex(
        [table.name for table in journaled],
        max((len(table.indexes) for table in journaled), default=0),
    )
    collections: dict[str, Collection[Any]] = {
        table.name: Collection(
            table,
            hashing,
            None if table.document else line_index.numbers(table.name),
            kept,
        )
        for table in tables
    }
    return line_index, collections


def finish(
    collections: Mapping[str, Collection[Any]],
    line_index: LineIndex,
    record_reader: RecordReader,
) -> None:
    """Build the indexes of the collections, once everything stored was read."""
    for name, collection in collections.items():
        if collection.table.document:
            collection.loaded()
        else:
            collection.loaded(line_index.entries(name), record_reader.reader(name))
    for lines in line_index.segments:
        if lines.hints is not None and lines.hints.stored:
            lines.hints = None


def of_document(
    collections: Mapping[str, Collection[Any]], name: str
) -> list[Collection[Any]]:
    """Return the collections that are kept in the document `name`."""
    return [c for c in collections.values() if c.table.document == name]


def _load_document(
    fs: FileSystem, folder: StateFolder, name: str, its: Sequence[Collection[Any]]
) -> None:
    path = folder.path / f"{name}.json"
    if folder.has(path.name):
        documents.load(path, fs.read(path), its)
    elif folder.expects(path.name):
        raise StoreError(
            f"{path} is missing. Restore it from a backup; or, to start with "
            'nothing in it, write {"format": 1, "tables": {}} to it.'
        )
    else:
        replace(fs, path, documents.encode(its))
