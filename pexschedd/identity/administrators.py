"""Administrators: their names and passwords, verified without blocking the daemon."""

import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import DeferredSemaphore
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.crypto.password_hashes import SALT_BYTES, is_password, make_hash
from pexschedd.errors import ConfigError, InvalidFields, NotAuthenticated, Unavailable
from pexschedd.identity.initial_password import read_password, write_password
from pexschedd.model import tables
from pexschedd.model.administrator import Administrator
from pexschedd.store.store import Store

_log = Logger()

_MAX_HASHES = 2
"""Hashes computed at the same time."""
_MAX_WAITING = 50
"""Sign-ins and changes of passwords that wait for a hash; more are refused."""
_REMEMBERED_SECONDS = 300
_MAX_REMEMBERED = 100
_MIN_PASSWORD = 8
_MAX_PASSWORD = 1024
"""Characters."""


InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a slow function in a thread, like `deferToThread`."""

FIRST = "admin"
PASSWORD_FILE = "initial-admin-password"  # noqa: S105 - the name of a file


async def first_administrator(
    administrators: "Administrators", state_dir: Path, password_file: Path | None = None
) -> None:
    """Create the administrator `admin` if there is none at all.

    The password is the first line of `password_file`. Without that it is random, and
    is written to `<state_dir>/initial-admin-password`, readable by the owner only.
    Raises `ConfigError` if `password_file` cannot be used.
    """
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
    administrators: "Administrators",
    state_dir: Path,
    password: str,
    password_file: Path | None = None,
) -> None:
    """Set the password of the administrator `admin`, durably.

    The file with the initial password is removed because it is out of date, unless it
    is `password_file`, which the configuration names. Raises `InvalidFields` if the
    password is too short or too long.
    """
    await administrators.set_password(FIRST, password)
    _log.info("administrator password changed name={name}", name=FIRST)
    initial = state_dir / PASSWORD_FILE
    with suppress(OSError):
        if password_file is None or not initial.samefile(password_file):
            initial.unlink()


class Administrators:
    """Authenticates administrators and sets their passwords.

    A correct password is remembered for five minutes, as a digest with a key of this
    process: clients send the password with each request, and the slow hash is computed
    for the first one only.
    """

    def __init__(self, store: Store, now: Now, in_thread: InThread) -> None:
        self._store = store
        self._in_thread = in_thread
        self._now = now
        self._hashing = DeferredSemaphore(_MAX_HASHES)
        self._waiting = 0
        self._key = token_bytes(32)
        self._verified: OrderedDict[bytes, float] = OrderedDict()
        """The end of its five minutes (seconds since 1970), by digest."""
        self._decoy: str | None = None
        """The hash of no password: a request with an unknown name has to take as long
        as one with a known name."""

    def exist(self) -> bool:
        """Return whether there is any administrator."""
        return self._store.count(tables.ADMINISTRATOR) > 0

    async def authenticate(self, name: str, password: str) -> Administrator:
        """Return the administrator with this name and password.

        Raises `NotAuthenticated` if either is wrong, and `Unavailable` when too many
        sign in at the same time.
        """
        found = self._find(name)
        if found is not None and self._is_remembered(found, password):
            return found
        if len(password) > _MAX_PASSWORD:
            raise NotAuthenticated(_REFUSED)
        stored = await self._decoy_hash() if found is None else found.password_hash
        is_correct = await self._slowly(is_password, password, stored)
        if found is None or not is_correct or self._find(name) != found:
            raise NotAuthenticated(_REFUSED)
        self._remember(found, password)
        return found

    async def set_password(self, name: str, password: str) -> None:
        """Set the password of an administrator, who is created if necessary.

        Durable when it returns. Raises `InvalidFields` if the password is too short or
        too long, and `Unavailable` like `authenticate`.
        """
        _check_password(password)
        stored = await self._slowly(make_hash, password, token_bytes(SALT_BYTES))
        transaction = self._store.transaction(essential=True)
        found = self._find(name)
        if found is None:
            found = Administrator(
                id=transaction.new_id(tables.ADMINISTRATOR),
                name=name,
                password_hash=stored,
                created=self._now(),
            )
        transaction.put(tables.ADMINISTRATOR, replace(found, password_hash=stored))
        await transaction.commit()

    def _find(self, name: str) -> Administrator | None:
        administrators = self._store.all(tables.ADMINISTRATOR)
        return next((a for a in administrators if a.name == name), None)

    async def _decoy_hash(self) -> str:
        if self._decoy is None:
            self._decoy = await self._slowly(
                make_hash, token_bytes(16).hex(), token_bytes(SALT_BYTES)
            )
        return self._decoy

    async def _slowly(self, function: Callable[..., Any], *args: Any) -> Any:
        if self._waiting >= _MAX_WAITING:
            raise Unavailable("Too many sign-ins at once. Try again in a moment.")
        self._waiting += 1
        try:
            await self._hashing.acquire()
            try:
                return await self._in_thread(partial(function, *args))
            finally:
                self._hashing.release()
        finally:
            self._waiting -= 1

    def _is_remembered(self, administrator: Administrator, password: str) -> bool:
        until = self._verified.get(self._digest(administrator, password), 0.0)
        return self._now().timestamp() < until

    def _remember(self, administrator: Administrator, password: str) -> None:
        self._verified[self._digest(administrator, password)] = (
            self._now().timestamp() + _REMEMBERED_SECONDS
        )
        while len(self._verified) > _MAX_REMEMBERED:
            self._verified.popitem(last=False)

    def _digest(self, administrator: Administrator, password: str) -> bytes:
        """The digest by which a verified password is remembered.

        It covers the stored hash, so a new password invalidates it.
        """
        text = f"{administrator.id}\0{administrator.password_hash}\0{password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), sha256)


_REFUSED = "The name or the password is wrong."


def _check_password(password: str) -> None:
    if not _MIN_PASSWORD <= len(password) <= _MAX_PASSWORD:
        text = f"This must have {_MIN_PASSWORD} to {_MAX_PASSWORD} characters."
        raise InvalidFields({"password": [text]})
