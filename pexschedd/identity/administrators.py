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
from pexschedd.errors import (
    ConfigError,
    InvalidFields,
    NotAuthenticated,
    PexscheddError,
    TooManyRequests,
    Unavailable,
)
from pexschedd.identity.initial_password import read_password, write_password
from pexschedd.identity.known_addresses import KnownAddresses
from pexschedd.identity.sign_in_backoff import SignInBackOff
from pexschedd.model import tables
from pexschedd.model.administrator import Administrator
from pexschedd.store.store import Store
from pexschedd.util.single_flight import SingleFlight

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
    for the first one only. Failed sign-ins are delayed: see `sign_in_backoff`. Whoever
    has the password of an earlier sign-in is never delayed, and is verified anew
    after the five minutes, however many others are waiting. The failures of others
    delay nobody at an address that the administrator has signed in from before, even
    before a restart.

    `seconds` is a steady clock; `counted` is told "accepted", "refused" or "put_off"
    of each sign-in that is not remembered.
    """

    def __init__(
        self,
        store: Store,
        now: Now,
        in_thread: InThread,
        *,
        seconds: Callable[[], float],
        counted: Callable[[str], object] = lambda outcome: None,
    ) -> None:
        self._store = store
        self._in_thread = in_thread
        self._now = now
        self._hashing = DeferredSemaphore(_MAX_HASHES)
        self._waiting = 0
        self._seconds = seconds
        self._counted = counted
        self._back_off = SignInBackOff()
        self._addresses = KnownAddresses(store, seconds)
        self._under_way: dict[bytes, SingleFlight[Administrator]] = {}
        """The verifications of a name and a password, by digest."""
        self._key = token_bytes(32)
        self._verified: OrderedDict[bytes, float] = OrderedDict()
        """The end of its five minutes (seconds since 1970), by digest. It is kept
        longer: nobody else knows a password that was once right."""
        self._decoy: str | None = None
        """The hash of no password: a request with an unknown name has to take as long
        as one with a known name."""

    def exist(self) -> bool:
        """Return whether there is any administrator."""
        return self._store.count(tables.ADMINISTRATOR) > 0

    async def authenticate(
        self, name: str, password: str, address: str = ""
    ) -> Administrator:
        """Return the administrator with this name and password.

        `address` is the client's. Raises `NotAuthenticated` if either is wrong,
        `TooManyRequests` if an attempt has to wait because others failed, and
        `Unavailable` when too many sign in at the same time.
        """
        found = await self._authenticated(name, password, address)
        self._remember_address(found, address)
        return found

    async def _authenticated(
        self, name: str, password: str, address: str
    ) -> Administrator:
        found = self._find(name)
        digest = self._digest(name, found, password)
        until = self._verified.get(digest)
        if found is not None and until is not None and self._time() < until:
            return found
        same = self._under_way.get(digest)
        if same is not None:
            return await same.run(partial(self._verify, name, password))
        if until is not None:
            return await self._alone(digest, name, password, urgent=True)
        known = found is not None and self._addresses.knows(found, address)
        if known:
            self._back_off.recognise(name, address)
        wait = self._back_off.begin(name, address, self._seconds())
        if wait:
            self._counted("put_off")
            raise TooManyRequests(
                "Too many sign-ins have failed. Wait, then try again.", retry_after=wait
            )
        try:
            found = await self._alone(digest, name, password, urgent=known)
        except NotAuthenticated:
            raise
        except PexscheddError:
            self._back_off.withdrawn(name, address)
            raise
        self._back_off.succeeded(name, address)
        return found

    def _remember_address(self, verified: Administrator, address: str) -> None:
        """Keep the address of a sign-in, unless the account has changed since."""
        found = self._find(verified.name)
        if found is not None and found.password_hash == verified.password_hash:
            self._addresses.remember(found, address)

    async def _alone(
        self, digest: bytes, name: str, password: str, *, urgent: bool = False
    ) -> Administrator:
        """Verify, so that the same name and password are verified once at a time."""
        flight = self._under_way[digest] = SingleFlight()
        try:
            found = await flight.run(
                partial(self._verify, name, password, urgent=urgent)
            )
        except NotAuthenticated:
            self._counted("refused")
            raise
        finally:
            del self._under_way[digest]
        self._counted("accepted")
        return found

    async def _verify(
        self, name: str, password: str, *, urgent: bool = False
    ) -> Administrator:
        if len(password) > _MAX_PASSWORD:
            raise NotAuthenticated(_REFUSED)
        found = self._find(name)
        stored = await self._decoy_hash() if found is None else found.password_hash
        is_correct = await self._slowly(is_password, password, stored, urgent=urgent)
        now = self._find(name)
        is_same = now is not None and now.password_hash == stored
        if found is None or not is_correct or not is_same:
            raise NotAuthenticated(_REFUSED)
        self._remember(self._digest(name, found, password))
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

    async def _slowly(
        self, function: Callable[..., Any], *args: Any, urgent: bool = False
    ) -> Any:
        if self._waiting >= _MAX_WAITING and not urgent:
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

    def _time(self) -> float:
        return self._now().timestamp()

    def _remember(self, digest: bytes) -> None:
        self._verified[digest] = self._time() + _REMEMBERED_SECONDS
        self._verified.move_to_end(digest)
        while len(self._verified) > _MAX_REMEMBERED:
            self._verified.popitem(last=False)

    def _digest(
        self, name: str, administrator: Administrator | None, password: str
    ) -> bytes:
        """The digest by which a verified password is remembered.

        It covers the stored hash, so a new password invalidates it.
        """
        stored = "" if administrator is None else administrator.password_hash
        text = f"{len(name)}\0{name}\0{stored}\0{password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), sha256)


_REFUSED = "The name or the password is wrong."


def _check_password(password: str) -> None:
    if not _MIN_PASSWORD <= len(password) <= _MAX_PASSWORD:
        text = f"This must have {_MIN_PASSWORD} to {_MAX_PASSWORD} characters."
        raise InvalidFields({"password": [text]})
