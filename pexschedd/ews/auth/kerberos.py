"""Kerberos over HTTP (RFC 4559, as Windows does it).

A ticket for Exchange goes with the first request on a connection, bound to its TLS.
To get one, the library asks a domain controller and blocks, so it is called in threads.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
from twisted.internet.defer import DeferredLock

from pexschedd.clock import Now
from pexschedd.errors import SignInRefused
from pexschedd.ews.auth import Connection, HttpRequest, HttpResponse
from pexschedd.ews.auth import kerberos_tickets as tickets
from pexschedd.ews.auth.authenticated_connections import (
    NO_SIGN_IN_NEEDED,
    AuthenticatedConnections,
)
from pexschedd.ews.auth.challenges import offer
from pexschedd.ews.auth.channel_binding import channel_binding
from pexschedd.ews.auth.kerberos_config import KerberosRealm
from pexschedd.ews.auth.kerberos_faults import (
    MISSING,
    Circumstances,
    KerberosError,
    service_error,
    sign_in_error,
    ticket_error,
)
from pexschedd.ews.auth.kerberos_folder import KerberosFolder
from pexschedd.ews.auth.kerberos_names import KerberosClient, KerberosService

T = TypeVar("T")

EARLY = 600.0
"""Seconds before its end that a ticket is renewed."""


class InThread(Protocol):
    """Runs a function that blocks in another thread."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


class KerberosAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A service account, and the service it signs in to."""

    integration: int | str
    """The name of its files: the integration's id, or a deployment's after
    `one-touch-`."""
    username: str
    names: tuple[KerberosClient, ...]
    """The principals that the user name may stand for; see `kerberos_names.clients`."""
    password: str
    """Not used when there is a keytab."""
    service: KerberosService
    realm: KerberosRealm
    """The account's, and the way to its KDC."""
    every_request: bool = False
    tls: bool = True
    """True if Exchange is reached over TLS."""

    def __repr__(self) -> str:
        """Without the password."""
        return f"<KerberosAccount {self.username}>"


class KerberosAuthenticator:
    """Sends requests with Kerberos tickets.

    `in_thread` runs what blocks; `folder` holds configuration and keytabs.
    """

    def __init__(
        self,
        account: KerberosAccount,
        folder: KerberosFolder,
        *,
        in_thread: InThread,
        now: Now,
    ) -> None:
        self._account = account
        self._folder = folder
        self._in_thread = in_thread
        self._now = now
        self._sessions = AuthenticatedConnections(every_request=account.every_request)
        self._ticket: tickets.KerberosTicket | None = None
        self._used: deque[tickets.KerberosTicket] = deque()
        self._one_sign_in = DeferredLock()
        self._ahead: float | None = None

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Send a request, with a ticket where the connection needs one.

        Raises `SignInRefused` or `MailboxUnreachable` if no ticket can be obtained.
        """
        if not tickets.installed():
            raise SignInRefused(MISSING)
        if self._sessions.holds(connection):
            response = await connection.send(request)
            if response.status != 401:
                self._sessions.worked(connection)
                return response
            self._sessions.end(connection)
        if self._account.tls and connection.certificate() is None:
            # A ticket is bound to a certificate, and that is not known yet.
            response = await connection.send(HttpRequest(request.headers, b""))
            self._measure_skew(response)
            if response.status in NO_SIGN_IN_NEEDED:
                return await connection.send(request)
            if response.status != 401 or _negotiate(response) is None:
                return response
        return await self._prove(request, connection)

    async def _prove(
        self, request: HttpRequest, connection: Connection
    ) -> HttpResponse:
        while True:
            known = self._ticket
            ticket = await self._current_ticket()
            certificate = connection.certificate()
            proof, token = await self._in_thread(
                partial(self._begin, ticket, certificate)
            )
            headers = {**request.headers, "Authorization": f"Negotiate {_text(token)}"}
            response = await connection.send(HttpRequest(headers, request.body))
            self._measure_skew(response)
            if response.status != 401:
                self._sessions.begin(connection, response)
                return response
            answer = _negotiate(response)
            if answer:
                await self._in_thread(partial(self._explain, proof, answer))
            if ticket is not known:
                return response
            # Exchange's key or certificate may have changed since the ticket was
            # issued: the next one is new.
            self._drop(ticket)

    async def _current_ticket(self) -> tickets.KerberosTicket:
        """A valid ticket, which concurrent requests obtain once."""
        await self._one_sign_in.acquire()
        try:
            ticket = self._ticket
            if ticket is None or ticket.expires < self._now().timestamp() + EARLY:
                account = self._account
                contents = self._folder.contents(account.integration, account.realm)
                new = await self._in_thread(partial(self._sign_in, contents))
                self._used.append(new)
                self._ticket = ticket = new
            return ticket
        finally:
            self._one_sign_in.release()

    def _drop(self, ticket: tickets.KerberosTicket) -> None:
        if self._ticket is ticket:
            self._ticket = None

    # In threads

    def _sign_in(self, contents: Mapping[Path, bytes]) -> tickets.KerberosTicket:
        account = self._account
        keytab = self._folder.keytab(account.integration)
        try:
            self._folder.write(contents)
        except OSError as error:
            raise SignInRefused(
                f"Kerberos: {error.filename} cannot be written: {error.strerror}."
            ) from error
        # The last one may still be in use.
        while len(self._used) > 1:
            self._used.popleft().discard()
        if keytab is None and not account.password:
            raise SignInRefused(
                f"Kerberos: the account {account.username} has neither a password nor "
                f"a keytab (keytabs/{account.integration}.keytab in the state folder)."
            )
        try:
            config = self._folder.sign_in_config(account.integration)
            return tickets.sign_in(account.names, account.password, keytab, config)
        except KerberosError as error:
            raise sign_in_error(error, self._circumstances(keytab)) from error

    def _begin(
        self, ticket: tickets.KerberosTicket, certificate: bytes | None
    ) -> tuple[tickets.KerberosProof, bytes]:
        binding = None if certificate is None else channel_binding(certificate)
        try:
            proof = tickets.KerberosProof(ticket, self._account.service, binding)
            return proof, proof.step()
        except KerberosError as error:
            raise ticket_error(error, self._circumstances()) from error

    def _explain(self, proof: tickets.KerberosProof, answer: bytes) -> None:
        """Raise the reason for which the server refused a ticket, if it tells one."""
        try:
            proof.step(answer)
        except KerberosError as error:
            said = service_error(error, self._circumstances())
            if said is not None:
                raise said from error

    def _circumstances(self, keytab: Path | None = None) -> Circumstances:
        account = self._account
        return Circumstances(
            username=account.username,
            realm=account.names[0].realm,
            service=account.service,
            kdc=account.realm.proxy or account.realm.kdc,
            keytab=str(keytab or ""),
            ahead=self._ahead,
        )

    # On responses

    def _measure_skew(self, response: HttpResponse) -> None:
        try:
            there: datetime = parsedate_to_datetime(response.headers["date"])
            self._ahead = (self._now() - there).total_seconds()
        except (KeyError, ValueError, TypeError):
            self._ahead = None


def _text(token: bytes) -> str:
    return b64encode(token).decode("ascii")


def _negotiate(response: HttpResponse) -> bytes | None:
    """The token of Negotiate in a response; None if Negotiate is not offered."""
    found = offer(response.headers.get("www-authenticate", ""), "negotiate")
    if found is None:
        return None
    try:
        return b64decode(found.token, validate=True)
    except NotBase64:
        return b""
