"""The layout of an archive. Pure.

A tar archive (POSIX ustar), compressed with gzip. Its files are those of a copy of the
state folder; the last one is `MANIFEST.json`, which has the size and the SHA-256 of
each. What opens secrets is not among the files, or in plain text, or sealed with a
passphrase in the manifest: see `KEY_FILES`.
"""

import hashlib
import re
from collections.abc import Mapping

import msgspec

from pexschedd.crypto.passphrase import PassphraseSeal

FORMAT = 1
MANIFEST = "MANIFEST.json"
BLOCK = 512
"""Bytes; tar pads everything to that."""

LARGEST_MANIFEST = 64 << 20
MOST_FILES = 100_000

KEY = "secret.key"
KEY_FILES = (KEY, "initial-admin-password")
KEY_FOLDERS = ("keytabs",)
"""The files that secrets are opened with, or that are secrets themselves."""

_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_NAME = re.compile(rf"(?:{_PART}/)?{_PART}")
_ITSELF = ("LOCK", MANIFEST)


class ArchivedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file as it is in the archive."""

    size: int
    sha256: str


class ArchiveManifest(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The list of all that is in an archive."""

    format: int = FORMAT
    release: str
    created: str
    files: dict[str, ArchivedFile]
    keys: PassphraseSeal | None = None
    """JSON: the key files in base64, by name; bound to `files`."""


def is_file_name(name: str) -> bool:
    """Return whether a file may have this name in a state folder: one in the folder or
    in a folder of it, with no dot at the beginning of either name."""
    return _NAME.fullmatch(name) is not None and name not in _ITSELF


def is_key_file(name: str) -> bool:
    """Return whether a file opens secrets, or is one."""
    return name in KEY_FILES or name.partition("/")[0] in KEY_FOLDERS


def keys_context(files: Mapping[str, ArchivedFile]) -> str:
    """Return the context of the sealed keys: they open with these files only, so that
    an archive that was changed is found out."""
    content = msgspec.json.encode(files, order="sorted")
    return f"pexschedd backup {hashlib.sha256(content).hexdigest()}"
