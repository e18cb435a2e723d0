"""The repair of the key that secrets are sealed with, as far as it can be found again.

A key in which one or two digits are damaged is corrected: `format.json` proves which
one it was. Another one is only taken on demand: the secrets cannot be read then. A key
that is kept outside the state folder is never written.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from pexschedd.store import checksummed_json
from pexschedd.store.folder import INFO, KEY, FolderInfo
from pexschedd.store.fs import FileSystem, replace
from pexschedd.store.secrets import GivenKey, key_id_of, mend_key, new_key

_LOST = (
    "What was sealed with the old one cannot be read any more: enter every password, "
    "client secret and token again."
)


class RepairStep(NamedTuple):
    """A single repair: what it does, in words, and the function that does it."""

    text: str
    do: Callable[[], None]


class KeyRepair:
    """The repair of one folder's key.

    `replace_kept` replaces a file and keeps what was there, `set_aside` takes one away
    and keeps it; `wants_new`: start with another key if the old one is lost.
    """

    def __init__(
        self,
        fs: FileSystem,
        directory: Path,
        replace_kept: Callable[[Path, bytes], None],
        set_aside: Callable[[Path], None],
        *,
        wants_new: bool,
        given_key: GivenKey | None,
    ) -> None:
        self._fs = fs
        self._directory = directory
        self._replace_kept = replace_kept
        self._set_aside = set_aside
        self._wants_new = wants_new
        self._given_key = given_key

    def known(self) -> tuple[bytes, str] | None:
        """Return the key as it is, and where; None if there is none that can be
        read."""
        if self._given_key is not None:
            return self._given_key.key, f"{self._given_key.source}"
        try:
            digits = self._fs.read(self._directory / KEY).decode().strip()
            return bytes.fromhex(digits), KEY
        except (OSError, ValueError):
            return None

    def step(self, info: FolderInfo | None, path: Path) -> RepairStep | None:
        """Return the repair of a key at `path`; `info` is the content of `format.json`,
        if that can be read."""
        if self._given_key is not None:
            return self._taken(info, self._given_key)
        mended = None
        if path.name in self._fs.listdir(self._directory):
            if self._fs.mode(path) & 0o077:
                return None  # the finding says what to do
            if info is not None:
                mended = mend_key(self._fs.read(path), info.key_id)
        if mended is not None:
            key = mended
            return RepairStep(
                f"{path}: damaged digits are corrected; {INFO} proves that it is the "
                "same key as before. Nothing is lost.",
                lambda: self._replace_kept(path, _text(key)),
            )
        if not self._wants_new:
            return None

        def begin_anew() -> None:
            fresh = new_key()
            self._set_aside(path)
            replace(self._fs, path, _text(fresh))
            if info is not None:  # else it is made from the key that is there now
                self._note(info, fresh)

        return RepairStep(f"{path} is replaced by a new key. {_LOST}", begin_anew)

    def only_if_asked(self, path: Path) -> str:
        """Return the option that would repair the key; empty if there is none."""
        if self._given_key is not None:
            if KEY in self._fs.listdir(self._directory):
                return ""  # it may be the right one
            return "--new-key, if that is a new key, and enter all secrets again"
        if self._has_a_key(path):
            return ""
        return "--new-key, to start with a new key and enter all secrets again"

    def _taken(self, info: FolderInfo | None, given: GivenKey) -> RepairStep | None:
        names = self._fs.listdir(self._directory)
        if not self._wants_new or info is None or KEY in names:
            return None
        return RepairStep(
            f"{INFO} takes the key of {given.source} from now on. {_LOST}",
            lambda: self._note(info, given.key),
        )

    def _has_a_key(self, path: Path) -> bool:
        """Return whether the file holds a key, maybe of another folder."""
        names = self._fs.listdir(path.parent)
        return path.name in names and bool(
            re.fullmatch(rb"[0-9a-fA-F]{64}", self._fs.read(path).strip())
        )

    def _note(self, info: FolderInfo, key: bytes) -> None:
        noted = msgspec.structs.replace(info, key_id=key_id_of(key))
        write_info(self._fs, self._directory, noted)


def _text(key: bytes) -> bytes:
    return key.hex().encode() + b"\n"


def write_info(fs: FileSystem, directory: Path, info: FolderInfo) -> None:
    """Replace `format.json`."""
    content = msgspec.to_builtins(info)
    del content["crc"]
    replace(fs, directory / INFO, checksummed_json.dump(content))
