"""The accounts with which room systems sign in for their meetings: each endpoint has
one of its own.

Failed sign-ins are delayed by account and by address, as those of administrators are;
see `sign_in_backoff`. The address from which a system has signed in last is stored:
after a restart, too, it is not delayed because others guess.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256

from msgspec.structs import replace

from pexschedd.crypto.ntlm import NtlmProof, is_proven
from pexschedd.errors import NotAuthenticated, StoreError, StoreFull, TooManyRequests
from pexschedd.identity.sign_in_backoff import SignInBackOff
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import POLY, Endpoint
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.store.store import Store
from pexschedd.util.client_network import network_of

_DECOY = "a password that no account has, of a usual length"
_LONGEST_NAME = 320
_ADDRESS_CONTEXT = "mjx_endpoint/known_address"

IsRight = Callable[[str], bool]
"""Tells whether a password is the one that a client has shown to know."""


class EndpointAccounts:
    """Tells which endpoint a name and a password belong to.

    `seconds` is a steady clock; `counted` is told "accepted", "refused" or "put_off"
    of each sign-in.
    """

    def __init__(
        self,
        store: Store,
        seconds: Callable[[], float],
        counted: Callable[[str], object] = lambda outcome: None,
    ) -> None:
        self._store = store
        self._seconds = seconds
        self._counted = counted
        self._back_off = SignInBackOff()

    def by_password(self, name: str, password: str, address: str) -> Endpoint:
        """Return the endpoint of a name and a password.

        The name may have a domain before or behind it that the account's does not have.
        Raises `NotAuthenticated`, and `TooManyRequests` after failures.
        """
        given = sha256(password.encode("utf-8", "surrogatepass")).digest()

        def is_right(stored: str) -> bool:
            kept = sha256(stored.encode("utf-8", "surrogatepass")).digest()
            return hmac.compare_digest(given, kept)

        return self._verified(_names(name), is_right, address)

    def by_proof(self, message: NtlmProof, challenge: bytes, address: str) -> Endpoint:
        """Return the endpoint whose password an answer to a challenge was made with.

        Raises as `by_password`.
        """

        def is_right(stored: str) -> bool:
            return is_proven(message, challenge, stored)

        names = message.names if message.domain else _names(message.user)
        return self._verified(names, is_right, address)

    def current(self, id: int, credentials: bytes) -> Endpoint | None:
        """Return an endpoint that has signed in before on the same connection; None if
        its account is not the same any more. See `credentials_of`."""
        endpoint = self._store.get(tables.MJX_ENDPOINT, id)
        if endpoint is None or endpoint.endpoint_type != POLY:
            return None
        return endpoint if credentials_of(endpoint) == credentials else None

    def _verified(
        self, names: tuple[str, ...], is_right: IsRight, address: str
    ) -> Endpoint:
        # Of all spellings the plain one: another domain begins no new count.
        account = names[-1][:_LONGEST_NAME].strip().casefold()
        endpoint = self._find(names)
        if endpoint is not None and self._knows(endpoint, address):
            self._back_off.recognise(account, address)
        wait = self._back_off.begin(account, address, self._seconds())
        if wait:
            self._counted("put_off")
            raise TooManyRequests(
                "Too many sign-ins have failed. Wait, then try again.", retry_after=wait
            )
        if not is_right(self._password(endpoint)) or endpoint is None:
            self._counted("refused")
            raise NotAuthenticated("The name or the password is wrong.")
        self._back_off.succeeded(account, address)
        self._counted("accepted")
        self._remember(endpoint, address)
        return endpoint

    def _knows(self, endpoint: Endpoint, address: str) -> bool:
        """Return whether an endpoint has signed in from an address the last time."""
        state = self._store.find(tables.ENDPOINT_STATE_BY_ENDPOINT, endpoint.id)
        known = "" if state is None else state.known_address
        return bool(known) and known == self._digest(endpoint, address)

    def _remember(self, endpoint: Endpoint, address: str) -> None:
        """Store an address that is new, soon rather than now."""
        if not address or self._knows(endpoint, address):
            return
        with self._store.transaction(deferrable=True) as change:
            state = self._store.find(tables.ENDPOINT_STATE_BY_ENDPOINT, endpoint.id)
            state = state or EndpointState(
                id=change.new_id(tables.ENDPOINT_STATE), endpoint=endpoint.id
            )
            digest = self._digest(endpoint, address)
            change.put(tables.ENDPOINT_STATE, replace(state, known_address=digest))
            durable = change.commit()
        # A disk that takes no writes keeps no system out.
        durable.addErrback(lambda failure: failure.trap(StoreError, StoreFull) and None)

    def _digest(self, endpoint: Endpoint, address: str) -> str:
        text = f"{endpoint.id}/{network_of(address)}"
        return self._store.vault.digest(text, _ADDRESS_CONTEXT)

    def _find(self, names: tuple[str, ...]) -> Endpoint | None:
        for name in names:
            key = name[:_LONGEST_NAME].strip().casefold()
            found = self._store.find(tables.MJX_ENDPOINT_BY_POLY_USERNAME, key)
            if key and found is not None and found.endpoint_type == POLY:
                return found
        return None

    def _password(self, endpoint: Endpoint | None) -> str:
        """The endpoint's password; without any, one that nobody has."""
        if endpoint is None or not endpoint.poly_password:
            return _DECOY
        context = f"{tables.MJX_ENDPOINT.name}/{endpoint.id}/poly_password"
        try:
            return self._store.vault.unseal(endpoint.poly_password, context)
        except StoreError:
            return _DECOY


def credentials_of(endpoint: Endpoint) -> bytes:
    """Return a digest of an endpoint's account: another one if that was changed."""
    text = f"{endpoint.poly_username}\0{endpoint.poly_password}"
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _names(name: str) -> tuple[str, ...]:
    domain, backslash, user = name.rpartition("\\")
    if backslash and user:
        return name, f"{user}@{domain}", user
    user, at, _ = name.rpartition("@")
    return (name, user) if at and user else (name,)
