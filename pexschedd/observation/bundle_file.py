"""A support bundle: texts in a gzipped tar archive."""

import io
import tarfile
from collections.abc import Mapping
from datetime import datetime

MOST = 8 << 20
"""Bytes of a text; of a longer one the end is kept."""

FOLDER = "pexschedd-support"


def bundle_of(texts: Mapping[str, str], time: datetime) -> bytes:
    """Return the archive of texts, by their names; all are from `time`, and belong to
    no one."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in sorted(texts.items()):
            data = shortened(text.encode("utf-8", "backslashreplace"))
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mode = len(data), 0o600
            member.mtime = int(time.timestamp())
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def shortened(data: bytes) -> bytes:
    """Return the end of long data, from the beginning of a line on."""
    if len(data) <= MOST:
        return data
    return data[-MOST:].partition(b"\n")[2]
