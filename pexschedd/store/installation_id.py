"""Which installation this is: an id that is made once and kept in the state folder, so
that a restart or another name of the machine does not make it another one."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from pexschedd.errors import StoreError
from pexschedd.util.atomic_file import replace_file

FILE = "instance-id"


def installation_id(state_dir: Path, make: Callable[[], str]) -> str:
    """The id, a UUID; `make` gives a new one. Raises `StoreError`.

    A file that holds something else is replaced: nothing depends on the id for ever.
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
