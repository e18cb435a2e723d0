"""The fingerprint of the code that decides how lines of the journal are read.

A version number cannot serve: a release may change nothing that has to do with records,
and a working copy changes without getting another version.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from twisted.logger import Logger

_log = Logger()

_PACKAGES = ("pexschedd.model", "pexschedd.store")
"""The code that decides what a line is about, and under which keys it is found."""


@lru_cache(maxsize=1)
def digest() -> str:
    """Hash the program's code: two programs with equal hashes read a line alike.

    Returns an empty string if the code cannot be read: a developer may have left a
    file beside it that only they may read, or have just deleted one.
    """
    try:
        return _of_files()
    except Exception as error:  # noqa: BLE001 - only a short cut depends on it
        _log.warn(
            "store cannot read the program's own files, starts take longer: {reason}",
            reason=str(error),
        )
        return ""


def _of_files() -> str:
    found = sha256()
    for package in _PACKAGES:
        _add(found.update, package, files(package))
    return found.hexdigest()


def _add(update: Callable[[bytes], None], place: str, folder: Traversable) -> None:
    """Sources, or compiled code where there are no sources; not `__pycache__`, which is
    written while the program runs."""
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.is_file():
            content = file.read_bytes()
            update(f"{place} {file.name} {len(content)}\n".encode())
            update(content)
        elif file.is_dir() and file.name != "__pycache__":
            _add(update, f"{place}.{file.name}", file)
