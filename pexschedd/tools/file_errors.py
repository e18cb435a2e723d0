"""Errors of the files that `pexschedd-store` works on, in words and as statuses."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pexschedd.errors import (
    StoreCopyMisplaced,
    StoreCopyNotWritten,
    StoreError,
    StoreNotPermitted,
)
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.util.access import copy_text, permission_text, user_name

_OF_COPIES = {
    each.code: each
    for each in (StoreCopyMisplaced, StoreCopyNotWritten, StoreNotPermitted)
}
"""Errors of copies that the daemon makes, by their codes."""


def require_owner(folder: Path) -> os.stat_result:
    """Return what the system says of a state folder, or a copy of one. Raises
    `StoreNotPermitted` unless this process is its owner's or root's, and `OSError`
    where there is none.

    No command is told that opens it to others: the daemon would refuse it then.
    """
    try:
        there = folder.stat()
    except PermissionError as error:
        raise StoreNotPermitted(
            f"{folder}: Permission denied, for {user_name(os.geteuid())} may not see "
            "it: run this as root, or as the user of the daemon."
        ) from error
    if os.geteuid() not in (there.st_uid, 0):
        users = " or as ".join(dict.fromkeys(("root", user_name(there.st_uid))))
        raise StoreNotPermitted(
            f"{folder} belongs to another user: run this as {users}."
        )
    return there


def copy_error(code: str, text: str) -> StoreError:
    """Return the error that the daemon had with a copy."""
    return _OF_COPIES.get(code, StoreError)(text)


@contextmanager
def writing(to: Path) -> Iterator[None]:
    """Let errors of writing, which have no name, be about `to`. Where it may not be
    made at all it is `StoreNotPermitted`, where it cannot be `StoreCopyMisplaced`."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(to)
        path = Path(os.fsdecode(error.filename))
        if isinstance(error, PermissionError) and to.parent in (path, path.parent):
            raise StoreNotPermitted(f"{to}: {copy_text(to)}") from error
        if (
            isinstance(error, FileNotFoundError | NotADirectoryError)
            and to.parent == path
        ):
            raise StoreCopyMisplaced(f"{to}: there is no folder {path}") from error
        raise


def file_error_text(error: StoreError | OSError) -> str:
    """Return what is wrong, with the file or folder if it is not the output."""
    if isinstance(error, StoreError):
        return error.message
    if isinstance(error, PermissionError) and error.filename is not None:
        path = Path(os.fsdecode(error.filename))
        return f"{path}: {permission_text(path)}"
    return f"{error.filename or 'standard output'}: {error.strerror}"


def file_error_status(error: OSError) -> ExitStatus:
    """Return the status of a program that could not read or write a file."""
    if isinstance(error, PermissionError):
        return ExitStatus.NOT_PERMITTED
    return ExitStatus.IO_ERROR
