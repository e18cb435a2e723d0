"""Small private files, replaced atomically.

These are the files beside the store, which has a file system layer of its own so that
tests can simulate its failures.
"""

import os
from pathlib import Path
from secrets import token_hex


def replace_file(path: Path, content: bytes) -> None:
    """Write a file, durably: after a crash it has the old content or the new one.

    Only the owner may read it. A missing folder is created. A temporary file that a
    crash leaves behind ends with `.tmp`, which the store removes at its next start.
    Raises OSError.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700)
        _sync_folder(path.parent.parent)
    temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    try:
        with open(temporary, "xb", opener=_private) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file, durably; one that is not there is as good. Raises OSError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return
    _sync_folder(path.parent)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
