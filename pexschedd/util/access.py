"""The reason why a file may not be read or written, and the command that mends it.

A command is followed by an administrator in haste. There is none that would change what
belongs to the system or to a person: of such a path only the reason is given.
"""

import os
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from shlex import quote

MayEnter = Callable[[Path], bool]

_SYSTEMS = frozenset(
    (
        "bin",
        "boot",
        "dev",
        "etc",
        "home",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "proc",
        "root",
        "run",
        "sbin",
        "sys",
        "usr",
    )
)
"""Folders below which nothing is a service's own, apart from what is in `_SERVICES`."""

_SERVICES = (Path("/etc/pexip"), Path("/dev/shm"))  # noqa: S108

_OWN_NAMES = frozenset(("pexip", "pexschedd"))
"""Folders that are this service's own, in /var, which many share."""


def is_foreign(path: Path) -> bool:
    """Return whether a path, or what it is a link to, may be the system's or a
    person's, so that its owner or mode should not be changed for a service.

    Besides the well-known places these are a file system's root, folders for everybody,
    and what is neither a file nor a folder.
    """
    real = Path(os.path.realpath(path))
    if not any(place in real.parents for place in _SERVICES):
        _, *names = real.parts
        if len(names) < 2 or names[0] in _SYSTEMS:
            return True
        if names[0] == "var" and _OWN_NAMES.isdisjoint(names):
            return True
    try:
        mode = real.stat().st_mode
    except OSError:
        return False
    ordinary = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    return not ordinary or bool(mode & stat.S_ISVTX)


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
    closed = _closed_folder(path, may_enter)
    if closed is not None:
        remedy = (
            "Use a place outside of it"
            if is_foreign(closed)
            else f"Run: chmod a+x {quote(str(closed))}"
        )
        return f"Permission denied, for {name} may not enter {closed}. {remedy}"
    if not os.path.lexists(path):
        remedy = (
            "Use another place"
            if is_foreign(path)
            else f"Run: install -d -m 700 -o {name} {quote(str(path))}"
        )
        return f"Permission denied, for {name} may not create it. {remedy}"
    if is_foreign(path):
        return f"Permission denied, for {name} may not use it. Use another one"
    return f"Permission denied. Run: chown {name} {quote(str(path))}"


def output_text(path: Path, may_enter: MayEnter = _may_enter) -> str:
    """Return why this process may not make a file or folder, and missing folders above
    it. Nothing is to be changed for that: another place will do."""
    name = user_name(os.geteuid())
    closed = _closed_folder(path, may_enter)
    above = next(each for each in path.absolute().parents if os.path.lexists(each))
    what = f"write to {above}" if closed is None else f"enter {closed}"
    return f"Permission denied, for {name} may not {what}. Choose another place"


def copy_text(path: Path) -> str:
    """Return why a copy of the state may not be made at `path`. As root it is made as
    the owner of the state folder, whom the reason names."""
    return f"{output_text(path)}: a copy is made as the owner of the state folder"


def port_text(user: int) -> str:
    """Return why a user may not open a port or socket, and what to do instead."""
    return (
        f"Permission denied for {user_name(user)}. Have systemd open it, see "
        "docs/operations.md"
    )


def _closed_folder(path: Path, may_enter: MayEnter) -> Path | None:
    """The first folder on the way to `path` that may not be entered."""
    for folder in reversed(path.absolute().parents):
        if not os.path.lexists(folder):
            break
        if not may_enter(folder):
            return folder
    return None


def reason_of(error: OSError, path: Path) -> str:
    """Return why a file or folder cannot be used; for lack of permission with the
    command that mends it."""
    if isinstance(error, PermissionError):
        return permission_text(path)
    return error.strerror or str(error)
