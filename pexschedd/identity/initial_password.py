"""The file that holds the first administrator's password."""

import os
from pathlib import Path
from secrets import token_hex

from pexschedd.errors import ConfigError, StoreError


def read_password(path: Path) -> str:
    """The file's first line. Raises `ConfigError`."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    else:
        if lines and lines[0]:
            return lines[0]
        problem = "its first line must be the initial administrator's password"
    raise ConfigError(str(path), [problem])


def leave_password(path: Path, password: str) -> None:
    """Writes the file for its owner only, atomically; replaces an older one.

    Raises `StoreError`.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with open(temporary, "x", encoding="utf-8", opener=_private) as file:
            file.write(password + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
