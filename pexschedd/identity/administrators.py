"""Administrators: their names and passwords, verified without blocking the daemon."""

import hmac
import unicodedata
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from secrets import token_bytes
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import DeferredSemaphore

from pexschedd.clock import Now
from pexschedd.crypto.password_hashes import (
    SALT_BYTES,
    is_outdated,
    is_password,
    make_hash,
)
from pexschedd.errors import (
    InvalidFields,
    NotAuthenticated,
    PexscheddError,
    StoreError,
    StoreFull,
    TooManyRequests,
    Unavailable,
)
from pexschedd.history.recorder import record_changes, settle
from pexschedd.identity.known_addresses import KnownAddresses
from pexschedd.identity.sign_in_backoff import SignInBackOff
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import (
    MAX_PASSWORD,
    MIN_PASSWORD,
    ROLES,
    Administrator,
    RoleLevel,
)
from pexschedd.model.blank_text import is_blank
from pexschedd.store.store import Store
from pexschedd.util.single_flight import SingleFlight

_MAX_HASHES = 2
"""Hashes computed at the same time."""
_MAX_WAITING = 50
"""Sign-ins and changes of passwords that wait for a hash; more are refused."""
_REMEMBERED_SECONDS = 60
_MAX_REMEMBERED = 1_000

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Calls a slow function in a thread, like `deferToThread`."""


class Administrators:
    """Authenticates administrators and sets their passwords.

    A correct password is remembered for a minute, as a digest with a key of this
    process: clients send the password with each request, and the slow hash is computed
    for the first one only. Failed sign-ins are delayed: see `sign_in_backoff`. Whoever
    has the password of an earlier sign-in is never delayed, and is verified anew
    after the minute, however many others are waiting. The failures of others
    delay nobody at an address that the administrator has signed in from before, even
    before a restart.

    `seconds` is a steady clock; `counted` is told "accepted", "refused" or "put_off"
    of each sign-in that is not remembered. A hash with the costs of
    an earlier version is replaced when its password is next seen.
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
        """The end of its minute (seconds since 1970), by digest. It is kept
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

    def count_failure(self, account: str, address: str) -> None:
        """Count a credential other than a password that was refused.

        Raises `TooManyRequests` if others from this address, or for this account,
        were refused just before.
        """
        wait = self._back_off.begin(account, address, self._seconds())
        if wait:
            self._counted("put_off")
            raise _too_many(wait)
        self._counted("refused")

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
            raise _too_many(wait)
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
        if found is not None and found.password == verified.password:
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
        if len(password) > MAX_PASSWORD:
            raise NotAuthenticated(_REFUSED)
        found = self._find(name)
        stored = await self._decoy_hash() if found is None else found.password
        is_correct = await self._slowly(is_password, password, stored, urgent=urgent)
        better = ""
        if found is not None and is_outdated(stored):
            # Also of a wrong password, so that it takes as long as an unknown name.
            better = await self._make_hash(password, urgent=urgent)
        now = self._find(name)
        if found is None or not is_correct or now is None or now.password != stored:
            raise NotAuthenticated(_REFUSED)
        if better:
            now = replace(now, password=better)
            self._keep_quietly(now)
        self._remember(self._digest(name, now, password))
        return now

    def _keep_quietly(self, administrator: Administrator) -> None:
        """Store an account soon. A disk that takes no writes keeps no one out."""
        with self._store.transaction(deferrable=True) as transaction:
            transaction.put(tables.ADMINISTRATOR, administrator)
            durable = transaction.commit()
        durable.addErrback(lambda failure: failure.trap(StoreError, StoreFull))

    async def make_roles(self) -> None:
        """Store the roles, unless they are there as this version has them."""
        if tuple(self._store.all(tables.ROLE)) == ROLES:
            return
        transaction = self._store.transaction(essential=True)
        for role in ROLES:
            transaction.put(tables.ROLE, role)
        await transaction.commit()

    async def set_password(self, name: str, password: str) -> None:
        """Set an administrator's password, and give the role Full.

        An administrator of this name is made if there is none. Durable when it returns.
        Raises `InvalidFields` if the password is too short or too long, and
        `Unavailable` like `authenticate`.
        """
        _check_password(password)
        stored = await self.make_hash(password)
        with self._store.transaction(essential=True) as transaction:
            found = self._find(name)
            if found is None:
                found = Administrator(
                    id=transaction.new_id(tables.ADMINISTRATOR),
                    name=name,
                    password=stored,
                    role=int(RoleLevel.FULL),
                    created=self._now(),
                )
            changed = replace(found, password=stored, role=int(RoleLevel.FULL))
            transaction.put(tables.ADMINISTRATOR, changed)
            record_changes(self._store, transaction, self._now())
            durable = transaction.commit()
        await durable
        await settle(self._store, tables.ADMINISTRATOR.document)

    async def change_own_password(
        self, id: int, old: str, new: str, address: str
    ) -> Administrator:
        """Set the password of an administrator who knows the one there is.

        Returns the account, durable. Raises like `authenticate` if `old` is wrong,
        which is counted like a sign-in, and `InvalidFields` if `new` will not do.
        """
        _check_password(new)
        found = self._store.get(tables.ADMINISTRATOR, id)
        if found is None:
            raise NotAuthenticated(_REFUSED)
        await self._authenticated(found.name, old, address)
        if new == old:
            raise InvalidFields({"password": ["This is the password already."]})
        stored = await self.make_hash(new)
        with self._store.transaction(essential=True) as transaction:
            now = self._store.get(tables.ADMINISTRATOR, id)
            if now is None or now.password != found.password:
                raise NotAuthenticated(_REFUSED)
            changed = replace(now, password=stored)
            transaction.put(tables.ADMINISTRATOR, changed)
            record_changes(self._store, transaction, self._now())
            durable = transaction.commit()
        await durable
        await settle(self._store, tables.ADMINISTRATOR.document)
        return changed

    async def make_hash(self, password: str) -> str:
        """Return the hash by which a password is kept; raises `Unavailable`."""
        return await self._make_hash(password)

    async def _make_hash(self, password: str, *, urgent: bool = False) -> str:
        salt = token_bytes(SALT_BYTES)
        made: str = await self._slowly(make_hash, password, salt, urgent=urgent)
        return made

    def _find(self, name: str) -> Administrator | None:
        # The index takes upper and lower case for the same, a sign-in does not.
        same = self._store.find_all(tables.ADMINISTRATOR_BY_NAME, name.casefold())
        return next((each for each in same if each.name == name), None)

    async def _decoy_hash(self) -> str:
        if self._decoy is None:
            self._decoy = await self._make_hash(token_bytes(16).hex())
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
        stored = "" if administrator is None else administrator.password
        text = f"{len(name)}\0{name}\0{stored}\0{password}"
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), sha256)


def _too_many(wait: float) -> TooManyRequests:
    return TooManyRequests(
        "Too many sign-ins have failed. Wait, then try again.", retry_after=wait
    )


_REFUSED = "The name or the password is wrong."


def _check_password(password: str) -> None:
    if is_blank(password) or not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        text = f"This must have {MIN_PASSWORD} to {MAX_PASSWORD} characters."
        raise InvalidFields({"password": [text]})
    if any(unicodedata.category(character) == "Cc" for character in password):
        text = "Control characters are not accepted here: clients cannot send them."
        raise InvalidFields({"password": [text]})
