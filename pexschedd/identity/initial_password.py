"""Passwords in files: the first line, without its end."""

from pathlib import Path

from pexschedd.errors import ConfigError, StoreError
from pexschedd.util.atomic_file import replace_file


def read_password(path: Path) -> str:
    """The initial administrator's, from a file. Raises `ConfigError`."""
    try:
        return first_line(path.read_bytes())
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    except ValueError as error:
        problem = str(error)
    raise ConfigError(str(path), [problem])


def first_line(content: bytes) -> str:
    """The password in what a file or a pipe holds. Raises `ValueError`."""
    # Not `splitlines`: to it a line ends at a form feed or U+2028, too, and the rest of
    # a password would be left out without a word. Editors of Windows begin with U+FEFF.
    line = content.partition(b"\n")[0].removesuffix(b"\r")
    try:
        password = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not password:
        raise ValueError("its first line must be the password")
    return password


def leave_password(path: Path, password: str) -> None:
    """Writes the file for its owner only, atomically; replaces an older one.

    Raises `StoreError`.
    """
    try:
        replace_file(path, f"{password}\n".encode())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None
