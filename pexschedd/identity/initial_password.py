"""The file that holds the first administrator's password."""

from pathlib import Path

from pexschedd.errors import ConfigError, StoreError
from pexschedd.files import replace_file


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
    try:
        replace_file(path, f"{password}\n".encode())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None
