"""Administrators: names and passwords, checked without stopping the daemon."""

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
from pexschedd.crypto.password_hashes import SALT_BYTES, fits, make_hash
from pexschedd.errors import ConfigError, InvalidFields, NotAuthenticated, Unavailable
from pexschedd.identity.initial_password import leave_password, read_password
from pexschedd.model import tables
from pexschedd.model.administrator import Administrator
from pexschedd.store.store import Store

_log = Logger()

_AT_ONCE = 2
_WAITING = 50
"""Sign-ins that wait for their turn; more are sent away."""
_REMEMBERED_SECONDS = 300
_REMEMBERED = 100
_LONGEST_PASSWORD = 1024
_SHORTEST_PASSWORD = 8


InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a slow function in a thread: `deferToThread`."""

FIRST = "admin"
PASSWORD_FILE = "initial-admin-password"  # noqa: S105 - the name of a file


async def first_administrator(
    administrators: "Administrators", state_dir: Path, password_file: Path | None = None
) -> None:
    """Creates `admin` if there is no administrator at all.

    The password is the first line of `password_file`, or a random one that is left in
    `<state_dir>/initial-admin-password`, for its owner only. Raises `ConfigError` for
    a file that cannot be used.
    """
    if administrators.exist():
        return
    if password_file is not None:
        place, password = password_file, read_password(password_file)
    else:
        place, password = state_dir / PASSWORD_FILE, token_urlsafe(18)
        # Before the administrator: one whose password nobody knows helps nobody.
        leave_password(place, password)
    try:
        await administrators.set_password(FIRST, password)
    except InvalidFields as error:
        raise ConfigError(str(place), error.problems["password"]) from None
    _log.info(
        "created the administrator {name}; the password is in {place}",
        name=FIRST,
        place=str(place),
    )


async def change_password(
    administrators: "Administrators",
    state_dir: Path,
    password: str,
    password_file: Path | None = None,
) -> None:
    """Gives `admin` another password, durably; the old one counts no more.

    A file that was left with the first one goes: it would only mislead. Not so if it is
    `password_file`, without which the configuration is wrong. Raises `InvalidFields`
    for a password that will not do.
    """
    await administrators.set_password(FIRST, password)
    _log.info("the password of the administrator {name} was changed", name=FIRST)
    left = state_dir / PASSWORD_FILE
    with suppress(OSError):
        if password_file is None or not left.samefile(password_file):
            left.unlink()


class Administrators:
    """Signs administrators in and sets their passwords.

    A password that was right is remembered for a few minutes, as a keyed digest that
    is worth nothing outside of this process: a client that sends it with each request
    need not wait for the slow hash each time.
    """

    def __init__(self, store: Store, now: Now, in_thread: InThread) -> None:
        self._store = store
        self._in_thread = in_thread
        self._now = now
        self._slots = DeferredSemaphore(_AT_ONCE)
        self._waiting = 0
        self._key = token_bytes(32)
        self._verified: OrderedDict[bytes, float] = OrderedDict()
        # Somebody whom nobody can be: unknown names take as long as known ones.
        self._nobody: str | None = None

    def exist(self) -> bool:
        return self._store.count(tables.ADMINISTRATOR) > 0

    async def authenticate(self, name: str, password: str) -> Administrator:
        """Raises `NotAuthenticated`, whatever is wrong, and `Unavailable` when too
        many sign in at once."""
        found = self._find(name)
        if found is not None and self._is_remembered(found, password):
            return found
        if len(password) > _LONGEST_PASSWORD:
            raise NotAuthenticated(_REFUSED)
        stored = await self._stand_in() if found is None else found.password_hash
        right = await self._slowly(fits, password, stored)
        if found is None or not right or self._find(name) != found:
            raise NotAuthenticated(_REFUSED)
        self._remember(found, password)
        return found

    async def set_password(self, name: str, password: str) -> None:
        """Sets the password of an administrator, who is created if need be.

        Durable when it returns. Raises `InvalidFields` for a password that will not
        do.
        """
        _check_password(password)
        stored = await self._slowly(make_hash, password, token_bytes(SALT_BYTES))
        change = self._store.transaction(essential=True)
        found = self._find(name)
        if found is None:
            found = Administrator(
                id=change.new_id(tables.ADMINISTRATOR),
                name=name,
                password_hash=stored,
                created=self._now(),
            )
        change.put(tables.ADMINISTRATOR, replace(found, password_hash=stored))
        await change.commit()

    def _find(self, name: str) -> Administrator | None:
        everybody = self._store.all(tables.ADMINISTRATOR)
        return next((a for a in everybody if a.name == name), None)

    async def _stand_in(self) -> str:
        if self._nobody is None:
            self._nobody = await self._slowly(
                make_hash, token_bytes(16).hex(), token_bytes(SALT_BYTES)
            )
        return self._nobody

    async def _slowly(self, function: Callable[..., Any], *args: Any) -> Any:
        if self._waiting >= _WAITING:
            raise Unavailable("Too many sign-ins at once. Try again in a moment.")
        self._waiting += 1
        try:
            await self._slots.acquire()
            try:
                return await self._in_thread(partial(function, *args))
            finally:
                self._slots.release()
        finally:
            self._waiting -= 1

    def _is_remembered(self, who: Administrator, password: str) -> bool:
        until = self._verified.get(self._digest(who, password), 0.0)
        return self._now().timestamp() < until

    def _remember(self, who: Administrator, password: str) -> None:
        self._verified[self._digest(who, password)] = (
            self._now().timestamp() + _REMEMBERED_SECONDS
        )
        while len(self._verified) > _REMEMBERED:
            self._verified.popitem(last=False)

    def _digest(self, who: Administrator, password: str) -> bytes:
        """Holds the stored hash too: a new password makes us forget the old one."""
        text = f"{who.id}\0{who.password_hash}\0{password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), sha256)


_REFUSED = "The name or the password is wrong."


def _check_password(password: str) -> None:
    if not _SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        text = f"This must have {_SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} characters."
        raise InvalidFields({"password": [text]})
