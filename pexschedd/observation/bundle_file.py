"""The file of a support bundle: texts in a gzipped tar archive, its owner's alone."""

import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

MOST = 8 << 20
"""Bytes of a text; of a longer one the end is kept."""

FOLDER = "pexschedd-support"


@contextmanager
def new_bundle(path: Path) -> Iterator[BinaryIO]:
    """Create the file, mode 0600, and remove it again if this is left by an error.

    Raises `OSError`, also for a file that is there already.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def write_bundle(out: BinaryIO, texts: Mapping[str, str], time: datetime) -> None:
    """Write the texts, by their names; all are from `time`, and belong to no one."""
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in sorted(texts.items()):
            data = shortened(text.encode("utf-8", "backslashreplace"))
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mode = len(data), 0o600
            member.mtime = int(time.timestamp())
            archive.addfile(member, io.BytesIO(data))


def shortened(data: bytes) -> bytes:
    """Return the end of long data, from the beginning of a line on."""
    if len(data) <= MOST:
        return data
    return data[-MOST:].partition(b"\n")[2]
