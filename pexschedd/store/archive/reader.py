"""Restores archives into empty state folders: nothing is put in place unverified."""

import gzip
import hashlib
import tarfile
import zlib
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from pexschedd.crypto.passphrase import WrongPassphrase, unseal
from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.store.archive.layout import (
    BLOCK,
    FORMAT,
    KEY,
    LARGEST_MANIFEST,
    MANIFEST,
    MOST_FILES,
    ArchivedFile,
    ArchiveManifest,
    is_file_name,
    is_key_file,
    keys_context,
)
from pexschedd.store.archive.writer import remove_copy
from pexschedd.store.folder import INFO
from pexschedd.store.fs import FileSystem, make_dirs, replace, temporary_name, write_all
from pexschedd.store.fsck.inspection import inspect
from pexschedd.store.secrets import GivenKey
from pexschedd.store.snapshot import is_of_state

PIECE = 256 << 10
_DENSEST = 300
"""Bytes that one byte of an archive unpacks to, at most: JSON does not get near that,
and what is made to fill disks goes beyond."""
_ALWAYS = 1 << 20
"""Bytes that any archive may unpack to."""
_UNFINISHED = temporary_name("restored")
"""The folder in the state folder where all is put and verified."""


class RestoreKeys(msgspec.Struct, frozen=True):
    """The way to the key, if it is not in the archive in plain text."""

    passphrase: str = ""
    key: bytes = b""
    """The content of a `secret.key` that was kept elsewhere."""
    given: GivenKey | None = None
    """The key of the configuration's `key_file`: none is put into the folder then."""
    without: bool = False
    """Restore without a key; all secrets have to be entered again."""

    def __repr__(self) -> str:
        return "RestoreKeys()"


def restore(
    fs: FileSystem,
    archive: BinaryIO,
    size: int,
    directory: Path,
    keys: RestoreKeys,
    tables: Sequence[Table[Any]],
) -> ArchiveManifest:
    """Put an archive's files into an empty folder, and return its manifest.

    `size` is that of the archive, in bytes. All files are written into a hidden folder,
    synced and verified there: names, sizes and checksums by the manifest, then the
    content as `pexschedd-store verify` does. Only then they are moved to their places,
    `format.json` last: until that is there, the daemon refuses the folder. Raises
    StoreError; then the folder is empty as before.
    """
    make_dirs(fs, directory)
    others = [name for name in fs.listdir(directory) if name != "lost+found"]
    if others == [_UNFINISHED]:
        remove_copy(fs, directory / _UNFINISHED)  # of a run that was killed
    elif others:
        raise StoreError(
            f"{directory} is not empty: {min(others)!r} is in it. A backup is restored "
            "into an empty folder only. Stop the daemon, and move what is there away."
        )
    aside = directory / _UNFINISHED
    fs.mkdir(aside)
    try:
        manifest = _Unpacking(fs, archive, size, aside).run()
        _add_keys(fs, aside, manifest, keys)
        _require_sound(fs, aside, tables, keys, manifest.release)
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
        remove_copy(fs, aside)
        raise StoreError(f"The archive is damaged or incomplete: {error}.") from None
    except BaseException:
        remove_copy(fs, aside)
        raise
    _put_in_place(fs, aside, directory)
    return manifest


def _put_in_place(fs: FileSystem, aside: Path, directory: Path) -> None:
    """Move everything up, `format.json` last: it makes a state folder of this."""
    last = directory / temporary_name(INFO)
    for name in fs.listdir(aside):
        fs.rename(aside / name, last if name == INFO else directory / name)
    fs.rmdir(aside)
    fs.sync_dir(directory)
    fs.rename(last, directory / INFO)
    fs.sync_dir(directory)


class _Unpacking:
    """Unpacks one archive; every file is refused that has no place in a state
    folder."""

    def __init__(self, fs: FileSystem, archive: BinaryIO, size: int, to: Path) -> None:
        self._fs = fs
        self._stream = gzip.GzipFile(fileobj=archive, mode="rb")
        self._left = size * _DENSEST + _ALWAYS
        self._to = to
        self._found: dict[str, ArchivedFile] = {}

    def run(self) -> ArchiveManifest:
        manifest: ArchiveManifest | None = None
        while (info := self._next()) is not None:
            name = info.name
            if manifest is not None:
                raise StoreError(f"The archive has {name!r} after its end.")
            if info.type != tarfile.REGTYPE or info.size < 0:
                raise StoreError(f"The archive has {name!r}, which is not a file.")
            if name == MANIFEST:
                manifest = self._manifest(info.size)
            elif name in self._found or not (is_file_name(name) and is_of_state(name)):
                raise StoreError(
                    f"The archive has {name!r}, which has no place in a state folder."
                )
            elif len(self._found) >= MOST_FILES:
                raise StoreError(f"The archive has more than {MOST_FILES} files.")
            else:
                self._found[name] = self._file(name, info.size)
        if manifest is None:
            raise EOFError("it has no manifest")
        self._check(manifest)
        return manifest

    def _next(self) -> tarfile.TarInfo | None:
        """The next header; None at the end."""
        block = self._read(BLOCK)
        if not any(block):
            while True:  # the checksum of everything stands at its end
                rest = self._stream.read(PIECE)
                self._left -= len(rest)
                if not rest:
                    return None
                if any(rest) or self._left < 0:
                    raise StoreError("The archive has something after its end.")
        return tarfile.TarInfo.frombuf(block, "utf-8", "backslashreplace")

    def _read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise StoreError(
                f"The archive unpacks to more than {_DENSEST} times its size. That is "
                "no backup."
            )
        data = self._stream.read(size)
        if len(data) != size:
            raise EOFError("it ends too early")
        return data

    def _file(self, name: str, size: int) -> ArchivedFile:
        fs, path = self._fs, self._to / name
        if path.parent != self._to and path.parent.name not in fs.listdir(self._to):
            fs.mkdir(path.parent)
        digest, left = hashlib.sha256(), size
        handle = fs.create(path)
        try:
            while left:
                data = self._read(min(PIECE, left))
                digest.update(data)
                write_all(fs, handle, data)
                left -= len(data)
            fs.sync(handle)
        finally:
            fs.close(handle)
        self._read(-size % BLOCK)
        return ArchivedFile(size, digest.hexdigest())

    def _manifest(self, size: int) -> ArchiveManifest:
        if size > LARGEST_MANIFEST:
            raise StoreError("The archive's manifest is too large.")
        data = self._read(size)
        self._read(-size % BLOCK)
        try:
            found = msgspec.json.decode(data, type=ArchiveManifest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise StoreError(f"The archive's manifest: {error}.") from None
        if found.format != FORMAT:
            raise StoreError(
                f"The archive has format {found.format}, and this release knows "
                f"format {FORMAT}. It was made by release {found.release[:40]}."
            )
        return found

    def _check(self, manifest: ArchiveManifest) -> None:
        for name in sorted({*manifest.files, *self._found}):
            if manifest.files.get(name) != self._found.get(name):
                raise StoreError(
                    f"The archive is damaged: {name} is not what its manifest says."
                )
        for folder in {(self._to / name).parent for name in self._found}:
            self._fs.sync_dir(folder)


def _add_keys(
    fs: FileSystem, to: Path, manifest: ArchiveManifest, keys: RestoreKeys
) -> None:
    """Add the files that open secrets, or raise StoreError that says where they may
    come from."""
    given = keys.given
    if keys.without:
        if KEY in manifest.files:
            fs.unlink(to / KEY)
        return
    if given is None and KEY in manifest.files:
        return
    if given is None and keys.key:
        replace(fs, to / KEY, keys.key)
    elif manifest.keys is not None:
        if not keys.passphrase:
            raise StoreError(
                "The archive's secret.key is sealed with a passphrase: "
                "--passphrase-file names the file that has it."
            )
        _unseal(fs, to, manifest, keys.passphrase)
    elif given is None:
        raise StoreError(
            "The archive has no secret.key, which opens the secrets. Name a copy that "
            "was kept elsewhere with --key-file; or restore --without-key, and enter "
            "all secrets again."
        )
    if given is not None and given.require_alone(fs, to / KEY):
        fs.unlink(to / KEY)
    fs.sync_dir(to)


def _unseal(
    fs: FileSystem, to: Path, manifest: ArchiveManifest, passphrase: str
) -> None:
    assert manifest.keys is not None  # noqa: S101 - the caller has looked
    try:
        text = unseal(manifest.keys, passphrase, keys_context(manifest.files))
    except WrongPassphrase as error:
        raise StoreError(error.message) from None
    for name, encoded in msgspec.json.decode(text, type=dict[str, str]).items():
        if not is_file_name(name) or not is_key_file(name):
            raise StoreError(f"The archive has {name!r} among its keys.")
        path = to / name
        if path.parent != to and path.parent.name not in fs.listdir(to):
            fs.mkdir(path.parent)
        replace(fs, path, b64decode(encoded))


def _require_sound(
    fs: FileSystem,
    folder: Path,
    tables: Sequence[Table[Any]],
    keys: RestoreKeys,
    release: str,
) -> None:
    """Raise StoreError unless a start would accept the folder, once it has a key.

    `release` is the one that made the archive."""
    if INFO not in fs.listdir(folder):
        raise StoreError(f"The archive has no {INFO}.")
    found = inspect(fs, folder, tables, keys.given)
    findings = [
        each for each in found.findings if not (keys.without and each.kind == "key")
    ]
    if findings:
        # What looks damaged beside something newer may only be new.
        newer = [each for each in findings if each.kind == "newer"]
        first = [*newer, *findings][0]
        name = first.path.relative_to(folder) if folder in first.path.parents else KEY
        if newer:
            raise StoreError(
                f"The archive is of release {release[:40]}, which is newer than this "
                "program: restore it with that release, or a later one. "
                f"{name}: {first.text}"
            )
        raise StoreError(
            f"What is in the archive is not sound: {name}: {first.text} "
            f"({len(findings)} findings). Use another backup."
        )
