"""The sign-in of room systems: HTTP Basic, or NTLM on a connection.

NTLM proves something about the connection, not about a request. It is offered only to
clients that are connected to this daemon itself: a proxy gives one connection to many.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.crypto.ntlm import (
    CHALLENGE_BYTES,
    NtlmMessageError,
    challenge_message,
    is_negotiate_message,
    read_proof,
)
from pexschedd.errors import NotAuthenticated, TooManyRequests
from pexschedd.history.audit_entries import (
    ACCEPTED,
    LOCKED_OUT,
    REFUSED,
    ROOM_SYSTEM,
    HeardSignIn,
    SignInListener,
    ignore_sign_in,
)
from pexschedd.identity.rooms.accounts import EndpointAccounts, credentials_of
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.web.basic_auth import authorization, basic_credentials
from pexschedd.web.routes import client_address, correlation_id_of

_log = Logger(namespace="room.sign_in")

_SERVER_NAME = "ROOMS"
_LONGEST_TOKEN = 16_384


class SignInChallenge(NotAuthenticated):
    """A request that is answered with 401 and a challenge."""

    def __init__(self, message: str, *challenges: str) -> None:
        super().__init__(message)
        self.challenges = challenges


class _Handshakes:
    """The state of one connection."""

    def __init__(self) -> None:
        self.challenge = b""
        """The challenge that the client has been given; empty if there is none."""
        self.endpoint = 0
        self.credentials = b""


class RoomSignIn:
    """Tells which endpoint has sent a request."""

    def __init__(
        self,
        accounts: EndpointAccounts,
        now: Now,
        random: Callable[[int], bytes],
        heard: SignInListener = ignore_sign_in,
    ) -> None:
        """`heard` hears of each sign-in; a request on a connection that has signed in
        before is none."""
        self._heard = heard
        self._accounts = accounts
        self._now = now
        self._random = random
        self._connections: WeakKeyDictionary[Any, _Handshakes] = WeakKeyDictionary()

    def endpoint(self, request: Request) -> Endpoint:
        """Return the endpoint; raises `SignInChallenge`, and `TooManyRequests`."""
        scheme, credentials = authorization(request)
        if scheme == b"ntlm" and _is_direct(request):
            return self._by_ntlm(request, credentials)
        if scheme == b"basic":
            try:
                name, password = basic_credentials(request, "", older_clients=True)
            except NotAuthenticated as error:
                raise _needed(request, str(error)) from None
            return self._counted(
                request,
                name,
                "basic",
                lambda address: self._accounts.by_password(name, password, address),
            )
        known = self._connections.get(request.channel)
        if known is not None and known.endpoint and not scheme and _is_direct(request):
            found = self._accounts.current(known.endpoint, known.credentials)
            if found is not None:
                return found
        raise _needed(request, "Sign in with the account of the endpoint.")

    def _by_ntlm(self, request: Request, credentials: bytes) -> Endpoint:
        connection = self._connections.setdefault(request.channel, _Handshakes())
        connection.endpoint = 0
        try:
            token = b64decode(credentials[:_LONGEST_TOKEN], validate=True)
        except NotBase64:
            token = b""
        if is_negotiate_message(token):
            connection.challenge = self._random(CHALLENGE_BYTES)
            answer = challenge_message(connection.challenge, _SERVER_NAME, self._now())
            encoded = b64encode(answer).decode("ascii")
            raise SignInChallenge("The sign-in goes on.", f"NTLM {encoded}")
        challenge, connection.challenge = connection.challenge, b""
        try:
            message = read_proof(token)
        except NtlmMessageError as error:
            raise _needed(request, str(error)) from None
        if not challenge:
            raise _needed(request, "The sign-in has to begin again.")
        endpoint = self._counted(
            request,
            message.names[0],
            "ntlm",
            lambda address: self._accounts.by_proof(message, challenge, address),
        )
        connection.endpoint = endpoint.id
        connection.credentials = credentials_of(endpoint)
        return endpoint

    def _counted(
        self,
        request: Request,
        name: str,
        method: str,
        verify: Callable[[str], Endpoint],
    ) -> Endpoint:
        try:
            with room_sign_in_heard(request, name, method, self._heard) as found:
                found.append(verify(client_address(request)))
            return found[0]
        except NotAuthenticated as error:
            raise _needed(request, str(error)) from None


@contextmanager
def room_sign_in_heard(
    request: Request, account: str, method: str, heard: SignInListener
) -> Iterator[list[Endpoint]]:
    """Log a sign-in within this that is refused or put off, and tell `heard` of any.

    `account` is what it was for: no secret. The endpoint that has signed in is to be
    added to the list.
    """
    found: list[Endpoint] = []

    def tell(outcome: str) -> None:
        heard(_heard_of(request, account, method, outcome, found))

    keys = {
        "address": client_address(request) or "-",
        "account": quote(account[:100], safe="@+\\"),
        "correlation_id": correlation_id_of(request),
    }
    try:
        yield found
    except TooManyRequests as error:
        tell(LOCKED_OUT)
        _log.info(
            "room sign-in put off address={address} account={account} "
            "seconds={seconds}",
            seconds=ceil(error.retry_after),
            **keys,
        )
        raise
    except NotAuthenticated:
        tell(REFUSED)
        # docs/operations.md names this line for filters.
        _log.warn("room sign-in refused address={address} account={account}", **keys)
        raise
    tell(ACCEPTED)


def _heard_of(
    request: Request, account: str, method: str, outcome: str, found: list[Endpoint]
) -> HeardSignIn:
    return HeardSignIn(
        kind=ROOM_SYSTEM,
        outcome=outcome,
        account=account,
        method=method,
        resource=tables.MJX_ENDPOINT.name if found else "",
        object_id=found[0].id if found else 0,
        object_name=found[0].name if found else "",
        address=client_address(request),
        correlation_id=correlation_id_of(request),
    )


def _is_direct(request: Request) -> bool:
    return not request.requestHeaders.hasHeader(b"x-forwarded-for")


def _needed(request: Request, message: str) -> SignInChallenge:
    """Basic stands first: clients that know both may take the first one."""
    offered = ['Basic realm="rooms", charset="UTF-8"']
    if _is_direct(request):
        offered.append("NTLM")
    return SignInChallenge(message, *offered)
