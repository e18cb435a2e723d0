"""Small private files that are replaced as a whole.

The store has its own way to the disk, which tests can break; this is for what lies
beside it.
"""

import os
from pathlib import Path
from secrets import token_hex


def replace_file(path: Path, content: bytes) -> None:
    """After a crash the file holds the old content or the new, whole.

    What a kill leaves beside it is called as in the store, whose next start removes it.
    Readable by its owner alone. Makes the folder if it is missing. Raises OSError.
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


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
