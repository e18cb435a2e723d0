"""The administrator `admin`: made on the first start, let in again by a tool."""

from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe

from twisted.logger import Logger

from pexschedd.errors import ConfigError, InvalidFields
from pexschedd.history.actor import Actor, acting_as
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.initial_password import read_password, write_password

_log = Logger()

FIRST = "admin"
TOOL = "pexschedd-password"
"""The tool that changes the password, as the history has it."""
PASSWORD_FILE = "initial-admin-password"  # noqa: S105 - the name of a file


async def first_administrator(
    administrators: Administrators, state_dir: Path, password_file: Path | None = None
) -> None:
    """Create the administrator `admin` if there is none at all.

    The password is the first line of `password_file`. Without that it is random, and
    is written to `<state_dir>/initial-admin-password`, readable by the owner only.
    Raises `ConfigError` if `password_file` cannot be used.
    """
    await administrators.make_roles()
    if administrators.exist():
        return
    if password_file is not None:
        path, password = password_file, read_password(password_file)
    else:
        path, password = state_dir / PASSWORD_FILE, token_urlsafe(18)
        # First the file: after a crash, the password of an administrator is known.
        write_password(path, password)
    try:
        await administrators.set_password(FIRST, password)
    except InvalidFields as error:
        raise ConfigError(str(path), error.problems["password"]) from None
    _log.info(
        "administrator created name={name} password_file={path}",
        name=FIRST,
        path=str(path),
    )


async def change_password(
    administrators: Administrators,
    state_dir: Path,
    password: str,
    password_file: Path | None = None,
) -> None:
    """Set the password of the administrator `admin`, who has the role Full then.

    Durable when it returns. It is the way back in for those who run the machine, so
    an `admin` that was deleted is made again.
    The file with the initial password is removed because it is out of date, unless it
    is `password_file`, which the configuration names. Raises `InvalidFields` if the
    password is too short or too long.
    """
    with acting_as(Actor(TOOL)):
        await administrators.set_password(FIRST, password)
    _log.info("administrator password changed name={name}", name=FIRST)
    initial = state_dir / PASSWORD_FILE
    with suppress(OSError):
        if password_file is None or not initial.samefile(password_file):
            initial.unlink()
