"""The state folder: its lock, its format, and the list of files it must contain.

`LOCK` keeps a second process out. `format.json` gives the format of the rest, the
identity of the key that seals the secrets, and the files and folders that must exist:
without that list a lost file would look like an empty collection.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from secrets import token_bytes

import msgspec
from twisted.logger import Logger

from pexschedd.errors import StoreError, StoreNewer
from pexschedd.store import checksummed_json
from pexschedd.store.fs import (
    FileSystem,
    make_dirs,
    remove_temporaries,
    replace,
    sync_parents,
    take_lock,
    temporary_name,
)
from pexschedd.store.records import NewerFormat
from pexschedd.store.secrets import GivenKey, key_id_of, load_or_create_key

FORMAT = 1
INFO = "format.json"
JOURNAL = "journal"
KEY = "secret.key"

_BEFORE_DATA = {
    "LOCK",
    KEY,
    temporary_name(KEY),
    temporary_name(INFO),
    "lost+found",
    "twistd.pid",
    "twistd.log",
    # What programs leave in the home of a service's user, which the folder may be.
    ".bash_history",
    ".cache",
    ".config",
    ".lesshst",
    ".local",
    ".python_history",
    ".viminfo",
}
"""Names allowed in a state folder without data: a first start may have been killed."""


_log = Logger()


class FolderInfo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of `format.json`."""

    format: int = FORMAT
    key_id: str
    contents: tuple[str, ...] = ()
    """Names of the files and folders that must exist, sorted."""
    version: str = ""
    """Release of the program that wrote here last."""
    crc: str | None = None


class StateFolder:
    """A state folder, locked for this process."""

    def __init__(self, fs: FileSystem, directory: Path, lock: int) -> None:
        self.path = directory
        self._fs = fs
        self._lock = lock
        self._info: FolderInfo | None = None
        self.key = b""

    @classmethod
    def open(
        cls,
        fs: FileSystem,
        directory: Path,
        random: Callable[[int], bytes] = token_bytes,
        given_key: GivenKey | None = None,
    ) -> "StateFolder":
        """Lock the folder, creating it if necessary. Raises StoreError or OSError.

        `given_key` is used instead of `secret.key`, which is not created then.
        """
        make_dirs(fs, directory)
        refuse_others(directory, fs.listdir(directory))
        folder = cls(fs, directory, take_lock(fs, directory / "LOCK"))
        try:
            folder._read(random, given_key)
        except BaseException:
            folder.close()
            raise
        return folder

    def _read(self, random: Callable[[int], bytes], given_key: GivenKey | None) -> None:
        path = self.path / INFO
        if path.name in self._fs.listdir(self.path):
            try:
                self._info = checksummed_json.load(
                    self._fs.read(path), FolderInfo, FORMAT
                )
            except NewerFormat as error:
                wrote = release_in(self._fs.read(path))
                raise StoreNewer(f"{path}: {error}", wrote=wrote) from None
            except ValueError as error:
                raise StoreError(f"{path}: {error}") from None
        remove_temporaries(self._fs, self.path)  # it is certain now that they are ours
        self.key = self._key(random, given_key)
        if self._info is None:
            # An earlier first start may have been killed before it had done this.
            sync_parents(self._fs, self.path)
            # Before any data, so that data without this file is always a loss.
            self._write(FolderInfo(key_id=key_id_of(self.key)))

    def _key(self, random: Callable[[int], bytes], given_key: GivenKey | None) -> bytes:
        path = self.path / KEY
        key_id = None if self._info is None else self._info.key_id
        if given_key is None:
            return load_or_create_key(self._fs, path, key_id, random)
        given_key.require(key_id)
        if given_key.require_alone(self._fs, path):
            _log.warn(
                "store uses the key of key_file source={source}, and ignores its copy "
                "in the state folder, which is best removed path={path}",
                source=given_key.source,
                path=str(path),
            )
        return given_key.key

    @property
    def version(self) -> str:
        """The release that used this folder last; empty if unknown."""
        return "" if self._info is None else self._info.version

    def has(self, name: str) -> bool:
        """Return whether a file or folder with this name exists."""
        return name in self._fs.listdir(self.path)

    def expects(self, name: str) -> bool:
        """Return whether a file or folder with this name must exist."""
        return self._info is not None and name in self._info.contents

    def expect(self, names: Iterable[str], version: str) -> None:
        """Record that these names must exist from now on, and the current release."""
        info = FolderInfo(
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

    def _write(self, info: FolderInfo) -> None:
        content = msgspec.to_builtins(info)
        del content["crc"]
        replace(self._fs, self.path / INFO, checksummed_json.dump(content))
        self._info = info

    def close(self) -> None:
        """Release the lock, so that another process can open the folder."""
        self._fs.close(self._lock)


def refuse_others(directory: Path, names: Sequence[str]) -> None:
    """Raise StoreError unless the folder is new, or a complete state folder.

    This happens before anything in it is changed.
    """
    if INFO in names:
        return
    if any(name == JOURNAL or name.endswith(".json") for name in names):
        raise StoreError(
            f"{directory / INFO} is missing, but there is data beside it. Restore it "
            "from a backup; or, if this was no state folder, use one of its own."
        )
    others = [name for name in names if name not in _BEFORE_DATA]
    if others:
        raise StoreError(
            f"{directory} is not a state folder, for {INFO} is missing, and it is not "
            f"empty: {max(others)!r} is in it. Use a folder of its own, which will be "
            "created; or, if it was a state folder, restore it from a backup."
        )


def release_in(data: bytes) -> str:
    """Return the release that wrote `format.json`, whatever else the file contains."""
    found = json.loads(data).get("version")
    return found if isinstance(found, str) else ""
