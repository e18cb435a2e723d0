"""The id of this installation, created once and kept in the state folder.

It survives restarts and changes of the machine's name.
"""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from pexschedd.errors import StoreError
from pexschedd.util.atomic_file import replace_file

FILE = "instance-id"


def installation_id(state_dir: Path, make: Callable[[], str]) -> str:
    """Return the id, a UUID; `make` creates a new one. Raises StoreError.

    A file with any other content is replaced: nothing depends on the id forever.
    """
    path = state_dir / FILE
    try:
        try:
            return str(UUID(path.read_text("ascii").strip()))
        except (FileNotFoundError, ValueError):
            made = make()
            replace_file(path, f"{made}\n".encode())
            return made
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
