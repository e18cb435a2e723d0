"""Archives of a copy of a state folder: packed, unpacked, and compared."""

import io
import os
from pathlib import Path

from pexschedd.store.archive.reader import RestoreKeys, restore
from pexschedd.store.archive.writer import KeyWish, archive
from pexschedd.store.fs import RealFileSystem
from tests.store.store_support import TABLES, files

FS = RealFileSystem()
PASSPHRASE = "four words of nonsense"
PLAIN = KeyWish(in_plain_text=True)
NO_KEYS = RestoreKeys()


def packed(
    copy: Path,
    wish: KeyWish = PLAIN,
    release: str = "1",
    created: str = "20261121T060000Z",
) -> bytes:
    pieces = archive(
        FS, copy, wish, release=release, created=created, random=os.urandom
    )
    return b"".join(pieces)


def unpacked(data: bytes, to: Path, keys: RestoreKeys = NO_KEYS) -> None:
    restore(FS, io.BytesIO(data), len(data), to, keys, TABLES)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in files(folder)}
