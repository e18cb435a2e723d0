"""The state folder: whose it is, and what has to be in it.

`LOCK` keeps a second process out. `format.json` says how to read the rest, which key
the secrets are sealed with, and which files and folders there must be: without that
list a lost file would look like an empty collection.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from secrets import token_bytes

import msgspec

from pexschedd.errors import StoreError, StoreNewer
from pexschedd.store import checked
from pexschedd.store.fs import (
    FileSystem,
    make_dirs,
    remove_temporaries,
    replace,
    sync_parents,
    take_lock,
)
from pexschedd.store.newer import Newer
from pexschedd.store.secrets import key_id_of, load_or_create_key

FORMAT = 1
JOURNAL = "journal"


class Info(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of `format.json`."""

    format: int = FORMAT
    key_id: str
    contents: tuple[str, ...] = ()
    """Names that must be there, sorted."""
    version: str = ""
    """Which release of the program wrote here last."""
    crc: str | None = None


class Folder:
    """A locked state folder."""

    def __init__(self, fs: FileSystem, directory: Path, lock: int) -> None:
        self.path = directory
        self._fs = fs
        self._lock = lock
        self._info: Info | None = None
        self.key = b""

    @classmethod
    def open(
        cls,
        fs: FileSystem,
        directory: Path,
        random: Callable[[int], bytes] = token_bytes,
    ) -> "Folder":
        """Creates the folder if need be and locks it. StoreError or OSError."""
        make_dirs(fs, directory)
        folder = cls(fs, directory, take_lock(fs, directory / "LOCK"))
        try:
            folder._read(random)
        except BaseException:
            folder.close()
            raise
        return folder

    def _read(self, random: Callable[[int], bytes]) -> None:
        remove_temporaries(self._fs, self.path)
        path = self.path / "format.json"
        names = self._fs.listdir(self.path)
        if path.name in names:
            try:
                self._info = checked.load(self._fs.read(path), Info, FORMAT)
            except Newer as error:
                wrote = _release(self._fs.read(path))
                raise StoreNewer(f"{path}: {error}", wrote=wrote) from None
            except ValueError as error:
                raise StoreError(f"{path}: {error}") from None
        elif JOURNAL in names or any(name.endswith(".json") for name in names):
            raise StoreError(
                f"{path} is missing, but there is data beside it. Restore it from a "
                "backup."
            )
        self.key = load_or_create_key(
            self._fs,
            self.path / "secret.key",
            None if self._info is None else self._info.key_id,
            random,
        )
        if self._info is None:
            # An earlier first start may have been killed before it had done this.
            sync_parents(self._fs, self.path)
            # Before any data, so that data without this file is always a loss.
            self._write(Info(key_id=key_id_of(self.key)))

    @property
    def version(self) -> str:
        """The release that started here last; empty if that is not known."""
        return "" if self._info is None else self._info.version

    def has(self, name: str) -> bool:
        """Whether a file or folder is there."""
        return name in self._fs.listdir(self.path)

    def expects(self, name: str) -> bool:
        """Whether a file or folder has to be there."""
        return self._info is not None and name in self._info.contents

    def expect(self, names: Iterable[str], version: str) -> None:
        """Notes that these are there from now on, and who wrote them."""
        info = Info(
            key_id=key_id_of(self.key),
            contents=tuple(sorted({*self._contents, *names})),
            version=version or (self._info.version if self._info else ""),
        )
        if self._info is None or info != msgspec.structs.replace(self._info, crc=None):
            self._write(info)
        # What a killed process renamed is visible, but may not be durable yet.
        self._fs.sync_dir(self.path)

    @property
    def _contents(self) -> tuple[str, ...]:
        return () if self._info is None else self._info.contents

    def _write(self, info: Info) -> None:
        content = msgspec.to_builtins(info)
        del content["crc"]
        replace(self._fs, self.path / "format.json", checked.dump(content))
        self._info = info

    def close(self) -> None:
        """Lets the next process in."""
        self._fs.close(self._lock)


def _release(data: bytes) -> str:
    """Which release wrote `format.json`, whatever else that says by now."""
    found = json.loads(data).get("version")
    return found if isinstance(found, str) else ""
