"""Which program this is, by its own code.

Its version does not say it: a release may change nothing that has to do with records,
and a working copy changes everything without getting another version.
"""

from functools import lru_cache
from hashlib import sha256
from importlib.resources import files

from twisted.logger import Logger

_log = Logger()

_PACKAGES = ("pexschedd.model", "pexschedd.store")
"""Where it is decided what a line is about, and under which keys it is found."""


@lru_cache(maxsize=1)
def digest() -> str:
    """Two programs that have the same one read a line alike.

    Empty if it cannot be known: who works on the code may have left a file beside it
    that only they may read, or just have deleted one.
    """
    try:
        return _of_files()
    except Exception as error:  # noqa: BLE001 - only a short cut depends on it
        _log.warn(
            "the program's own files cannot be read, so starts take longer: {reason}",
            reason=str(error),
        )
        return ""


def _of_files() -> str:
    found = sha256()
    for package in _PACKAGES:
        for file in sorted(files(package).iterdir(), key=lambda each: each.name):
            if file.is_file():  # its source, or compiled code where there is no source
                content = file.read_bytes()
                found.update(f"{package} {file.name} {len(content)}\n".encode())
                found.update(content)
    return found.hexdigest()
