"""The opening of a store: loads documents, journal and indexes from a state folder."""

import gc
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

from pexschedd.errors import StoreError, StoreNewer, StoreNotPermitted
from pexschedd.model.table import Table
from pexschedd.store import documents
from pexschedd.store.collection import Collection
from pexschedd.store.disk.postponed import PostponedWrites
from pexschedd.store.folder import JOURNAL, StateFolder
from pexschedd.store.fs import FileSystem, replace
from pexschedd.store.hints import code_fingerprint
from pexschedd.store.hints.hint_files import HintFiles, made_with
from pexschedd.store.hints.line_index import LineIndex
from pexschedd.store.index import KeyHashing
from pexschedd.store.journal import line
from pexschedd.store.journal.recovery import open_segments
from pexschedd.store.journal.segments import Segments
from pexschedd.store.record_reader import RecordReader
from pexschedd.store.release_change import keep_copy
from pexschedd.store.secrets import GivenKey
from pexschedd.store.snapshot import remove_unfinished
from pexschedd.util.access import permission_text, user_name


class LoadedParts(NamedTuple):
    """The parts of an open store."""

    collections: dict[str, Collection[Any]]
    line_index: LineIndex
    record_reader: RecordReader
    hint_files: HintFiles
    segments: Segments


def open_folder(
    fs: FileSystem,
    directory: Path,
    tables: Sequence[Table[Any]],
    version: str,
    kept: int,
    random: Callable[[int], bytes],
    copies: int,
    given_key: GivenKey | None = None,
) -> tuple[StateFolder, LoadedParts]:
    """Lock a state folder, or create one, and load it. See `load`; raises
    StoreError."""
    _check(tables)
    collecting = gc.isenabled()
    gc.disable()  # it would look at a growing heap again and again
    try:
        folder = StateFolder.open(fs, directory, random, given_key)
        try:
            return folder, load(fs, folder, tables, version, kept, random, copies)
        except StoreNewer as error:
            folder.close()
            error.wrote = folder.version
            raise
        except StoreError as error:
            folder.close()
            error.args = (error.message + releases(folder.version, version),)
            raise
        except BaseException:
            folder.close()
            raise
    except StoreNewer as error:
        raise _with_versions(error, version) from None
    except PermissionError as error:
        raise StoreNotPermitted(
            f"cannot open {directory}: {_permission_text(error, directory)}"
        ) from error
    except OSError as error:
        raise StoreError(f"cannot open {directory}: {error}") from error
    finally:
        if collecting:
            gc.enable()


def load(
    fs: FileSystem,
    folder: StateFolder,
    tables: Sequence[Table[Any]],
    version: str,
    kept: int,
    random: Callable[[int], bytes],
    copies: int = 0,
) -> LoadedParts:
    """Read and verify everything in a state folder. Raises StoreError or OSError.

    `kept` is the number of records of a table that stay in memory; `version`, the
    release of the program, is noted in the folder. If another one is noted there, a
    copy is kept, `copies` in all; none for 0. What a full or read-only disk does not
    take is postponed, see `PostponedWrites`.
    """
    postponed = PostponedWrites()
    secret = hashlib.sha256(b"pexschedd hints\0" + folder.key).digest()
    line_index, collections = begin(tables, KeyHashing(secret), kept)
    contents = [JOURNAL]
    new_documents = []
    for name in sorted({table.document for table in tables} - {""}):
        its = of_document(collections, name)
        if not _load_document(fs, folder, name, its):
            write = partial(replace, fs, folder.path / f"{name}.json")
            new_documents.append(partial(write, documents.encode(its)))
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
        postponed=postponed,
    )
    remove_unfinished(fs, folder.path)
    record_reader = RecordReader(fs, directory, line_index, journaled)
    record_reader.keep_open({lines.name for lines in line_index.segments[:-1]})
    finish(collections, line_index, record_reader)
    if copies and version and folder.version not in ("", version):
        keep_copy(
            fs, folder.path, segments, collections, folder.version, version, copies
        )
    for write in new_documents:
        postponed.add(write)
    postponed.add(partial(folder.expect, contents, version))
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
    fs: FileSystem,
    folder: StateFolder,
    name: str,
    its: Sequence[Collection[Any]],
) -> bool:
    """Read a document into its collections; return whether it is there already."""
    path = folder.path / f"{name}.json"
    if folder.has(path.name):
        documents.load(path, fs.read(path), its)
        return True
    if folder.expects(path.name):
        raise StoreError(
            f"{path} is missing. Restore it from a backup; or, to start with "
            'nothing in it, write {"format": 1, "tables": {}} to it.'
        )
    return False


def _check(tables: Sequence[Table[Any]]) -> None:
    names = [table.name for table in tables]
    if len(set(names)) < len(names):
        raise ValueError("two tables have the same name")
    for table in tables:
        for name in (table.name, table.document or table.name):
            if not line.NAME.fullmatch(name) or name in ("format", JOURNAL):
                raise ValueError(f"a table or document cannot be called {name!r}")


def _permission_text(error: PermissionError, directory: Path) -> str:
    """The command that mends it: for files inside the folder, one for all of them."""
    path = Path(os.fsdecode(error.filename or directory))
    if directory in path.parents and os.access(directory, os.W_OK | os.X_OK):
        return (
            f"{path} is not this user's. Run: chown -R {user_name(os.geteuid())} "
            f"{quote(str(directory))}"
        )
    return permission_text(directory)


def _with_versions(error: StoreNewer, this: str) -> StoreNewer:
    needed = f" Install {error.wrote} or a later release." if error.wrote else ""
    text = error.message + releases(error.wrote, this) + needed
    return StoreNewer(text, wrote=error.wrote)


def releases(wrote: str, this: str) -> str:
    """Return a sentence with the release that used a folder last and with this one;
    empty if they are the same, or not known."""
    if not wrote or not this or wrote == this:
        return ""
    return f" The folder was last written by {wrote}; this is {this}."
