"""Writes archives, a piece at a time: memory is bounded however large the state is."""

import hashlib
import tarfile
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from errno import EINVAL, EIO
from pathlib import Path

import msgspec

from pexschedd.crypto.passphrase import seal
from pexschedd.store.archive.layout import (
    BLOCK,
    MANIFEST,
    ArchivedFile,
    ArchiveManifest,
    is_file_name,
    is_key_file,
    keys_context,
)
from pexschedd.store.folder import JOURNAL
from pexschedd.store.fs import FileSystem
from pexschedd.store.snapshot import FOLDERS

PIECE = 256 << 10
"""Bytes read at once."""
_LEVEL = 3
"""Of compression: lines of JSON shrink to a sixth, at some 100 MB a second."""


class KeyWish(msgspec.Struct, frozen=True):
    """The wish of an administrator for the files that open secrets."""

    in_plain_text: bool = False
    passphrase: str = ""
    """Seals them; without either they are left out."""

    def __repr__(self) -> str:
        return "KeyWish()"


def archive(
    fs: FileSystem,
    copy: Path,
    keys: KeyWish,
    *,
    release: str,
    created: str,
    random: Callable[[int], bytes],
) -> Iterator[bytes]:
    """Yield an archive of `copy`, a folder that `Store.snapshot` has made.

    Each piece takes some milliseconds, and one of a sealed archive half a second: let
    them be made in a thread. Raises OSError.
    """
    pack = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    files: dict[str, ArchivedFile] = {}
    kept: dict[str, str] = {}
    for name in _names(fs, copy):
        if is_key_file(name) and not keys.in_plain_text:
            kept[name] = b64encode(fs.read(copy / name)).decode()
            continue
        size = fs.size(copy / name)
        yield pack.compress(_header(name, size))
        digest, offset = hashlib.sha256(), 0
        while offset < size:
            data = fs.read(copy / name, offset, min(PIECE, size - offset))
            if not data:
                raise OSError(EIO, f"{copy / name} has become shorter")
            digest.update(data)
            offset += len(data)
            yield pack.compress(data)
        yield pack.compress(_padding(size))
        files[name] = ArchivedFile(size, digest.hexdigest())
    sealed = None
    if keys.passphrase:
        text = msgspec.json.encode(kept)
        sealed = seal(text, keys.passphrase, keys_context(files), random)
    manifest = ArchiveManifest(
        release=release, created=created, files=files, keys=sealed
    )
    content = msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"
    yield pack.compress(
        _header(MANIFEST, len(content)) + content + _padding(len(content))
    )
    yield pack.compress(bytes(2 * BLOCK)) + pack.flush()


def _names(fs: FileSystem, copy: Path) -> Iterator[str]:
    """The files of a copy; those that must not be missing come last, so that an archive
    that was cut off has none."""
    names = fs.listdir(copy)
    for folder in (*FOLDERS, JOURNAL):
        if folder in names:
            yield from sorted(f"{folder}/{each}" for each in fs.listdir(copy / folder))
    yield from (name for name in sorted(names) if name not in (*FOLDERS, JOURNAL))


def _header(name: str, size: int) -> bytes:
    if not is_file_name(name) and name != MANIFEST:
        text = f"{name!r} is no name of a file of the state folder"
        raise OSError(EINVAL, text)
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o600
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def remove_copy(fs: FileSystem, copy: Path) -> None:
    """Remove a copy of the state folder, whatever there is of it."""
    for folder in (*(copy / each for each in (*FOLDERS, JOURNAL)), copy):
        with suppress(OSError):
            for name in fs.listdir(folder):
                with suppress(OSError):
                    fs.unlink(folder / name)
            fs.rmdir(folder)
