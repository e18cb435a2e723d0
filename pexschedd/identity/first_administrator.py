"""The first start: somebody has to be able to sign in."""

import os
from pathlib import Path
from secrets import token_hex, token_urlsafe

from twisted.logger import Logger

from pexschedd.errors import ConfigError, InvalidFields, StoreError
from pexschedd.identity.administrators import Administrators
from pexschedd.model import tables
from pexschedd.store.store import Store

NAME = "admin"
FILE = "initial-admin-password"

_log = Logger()


async def first_administrator(
    store: Store,
    administrators: Administrators,
    *,
    state_dir: Path,
    password_file: Path | None = None,
) -> None:
    """Creates `admin` if there is no administrator at all.

    The password is the first line of `password_file`, or a random one that is left in
    `<state_dir>/initial-admin-password`, for its owner only. Raises `ConfigError` for
    a file that cannot be used.
    """
    if store.count(tables.ADMINISTRATOR):
        return
    if password_file is not None:
        password = _read(password_file)
        place = password_file
    else:
        password = token_urlsafe(18)
        place = state_dir / FILE
        # Before the administrator: one whose password nobody knows helps nobody.
        _leave(place, password)
    try:
        await administrators.set_password(NAME, password)
    except InvalidFields as error:
        raise ConfigError(str(place), error.problems["password"]) from None
    _log.info(
        "created the administrator {name}; the password is in {place}",
        name=NAME,
        place=str(place),
    )


def _read(path: Path) -> str:
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


def _leave(path: Path, password: str) -> None:
    """Atomically; what a start that failed has left is replaced."""
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with open(temporary, "x", encoding="utf-8", opener=_private) as file:
            file.write(password + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
