"""The reason why a file may not be read or written, and the command that mends it."""

import os
import pwd
from collections.abc import Callable
from pathlib import Path
from shlex import quote

MayEnter = Callable[[Path], bool]


def user_name(user: int) -> str:
    """Return the name of a user id, or the number where it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _may_enter(folder: Path) -> bool:
    return os.access(folder, os.X_OK)


def permission_text(
    path: Path, user: int | None = None, may_enter: MayEnter = _may_enter
) -> str:
    """Return "Permission denied" and the command that lets `user`, by default this
    process's, at a file or folder.

    `may_enter` tells whether this process may enter a folder.
    """
    name = user_name(os.geteuid() if user is None else user)
    for folder in reversed(path.absolute().parents):
        if not os.path.lexists(folder):
            break
        if not may_enter(folder):
            return (
                f"Permission denied, for {name} may not enter {folder}. Run: "
                f"chmod a+x {quote(str(folder))}"
            )
    if os.path.lexists(path):
        return f"Permission denied. Run: chown {name} {quote(str(path))}"
    return (
        f"Permission denied, for {name} may not create it. Run: "
        f"install -d -m 700 -o {name} {quote(str(path))}"
    )


def reason_of(error: OSError, path: Path) -> str:
    """Return why a file or folder cannot be used; for lack of permission with the
    command that mends it."""
    if isinstance(error, PermissionError):
        return permission_text(path)
    return error.strerror or str(error)
