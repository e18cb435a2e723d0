"""Passwords in files: the first line, without its line end."""

from pathlib import Path

from pexschedd.errors import ConfigError, StoreError
from pexschedd.util.access import reason_of
from pexschedd.util.atomic_file import replace_file


def read_password(path: Path) -> str:
    """Return the password in a file that the configuration names.

    Raises `ConfigError`.
    """
    try:
        return first_line(path.read_bytes())
    except OSError as error:
        problem = f"it cannot be read: {reason_of(error, path)}"
    except ValueError as error:
        problem = str(error)
    raise ConfigError(str(path), [problem])


def first_line(content: bytes) -> str:
    """Return the password in the content of a file or pipe. Raises `ValueError`."""
    # `splitlines` would also split at a form feed or U+2028, and so silently cut a
    # password off. Editors of Windows begin a file with U+FEFF.
    line = content.partition(b"\n")[0].removesuffix(b"\r")
    try:
        password = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not password:
        raise ValueError("its first line must be the password")
    return password


def write_password(path: Path, password: str) -> None:
    """Write a file with the password, which only the owner may read.

    The file appears as a whole and replaces an older one. Raises `StoreError`.
    """
    try:
        replace_file(path, f"{password}\n".encode())
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {reason_of(error, path.parent)}"
        ) from None
