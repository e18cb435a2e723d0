"""NTLMv2 over HTTP (MS-NTHT, MS-NLMP), bare or inside Negotiate (MS-SPNG).

The handshake belongs to one TCP connection: the client announces itself, the server
sends a challenge, the client responds. Only the response to the challenge carries the
request's body, so that no body is sent twice or in vain.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64

import spnego
from spnego._ntlm_raw.crypto import ntowfv1  # the only way to a hash; see `__init__`
from spnego.channel_bindings import GssChannelBindings

from pexschedd.errors import SignInRefused
from pexschedd.ews.auth import Connection, HttpRequest, HttpResponse
from pexschedd.ews.auth.authenticated_connections import (
    NO_SIGN_IN_NEEDED,
    AuthenticatedConnections,
)
from pexschedd.ews.auth.challenges import offer
from pexschedd.ews.auth.channel_binding import channel_binding
from pexschedd.ews.envelope import MAX_TEXT
from pexschedd.net.errors import NeverAnsweredError

ATTEMPTS = 3
"""A connection that is lost during a handshake needs another handshake."""

_SCHEMES = ("NTLM", "Negotiate")


class _HandshakeLost(Exception):
    """The connection was lost in the middle of a handshake."""


class NtlmAuthenticator:
    """Signs in as `DOMAIN\\name` or `name@example.com`; `host` is that of the URL."""

    def __init__(self, username: str, password: str, host: str) -> None:
        # A hash can be used for NTLM alone; with a password the library would first
        # look for a Kerberos realm when the server asks for Negotiate.
        self._credential = spnego.NTLMHash(username, nt_hash=ntowfv1(password).hex())
        self._host = host
        self._scheme = _SCHEMES[0]
        self._sessions = AuthenticatedConnections()

    async def send(self, request: HttpRequest, connection: Connection) -> HttpResponse:
        """Send a request, after a handshake where the connection needs one.

        Raises `SignInRefused` if every handshake is broken off.
        """
        if self._sessions.holds(connection):
            response = await connection.send(request)
            if response.status != 401:
                self._sessions.worked(connection)
                return response
            self._sessions.end(connection)
        for _ in range(ATTEMPTS):
            try:
                return await self._handshake(request, connection)
            except _HandshakeLost:
                continue
        raise SignInRefused(
            f"{self._host} closes the connection in the middle of the NTLM handshake, "
            "which has to stay on one connection. Something between this machine and "
            "Exchange (a proxy, a load balancer) breaks NTLM: let it keep connections "
            "open, or use another authentication method."
        )

    async def _handshake(
        self, request: HttpRequest, connection: Connection
    ) -> HttpResponse:
        challenge = await self._challenge(request, connection, self._scheme)
        if isinstance(challenge, HttpResponse) and challenge.status == 401:
            other = self._other_scheme(challenge)
            if other is None:
                return challenge
            self._scheme = other
            challenge = await self._challenge(request, connection, other)
        if isinstance(challenge, HttpResponse):
            if challenge.status in NO_SIGN_IN_NEEDED:
                return await connection.send(request)
            return challenge
        return await self._answer(request, connection, *challenge)

    def _other_scheme(self, refusal: HttpResponse) -> str | None:
        """The scheme to try instead of one that the server has not taken up."""
        offered = refusal.headers.get("www-authenticate", "")
        if offer(offered, self._scheme.lower()) is not None:
            return None
        return next(
            (each for each in _SCHEMES if offer(offered, each.lower()) is not None),
            None,
        )

    async def _challenge(
        self, request: HttpRequest, connection: Connection, scheme: str
    ) -> tuple[spnego.ContextProxy, bytes, int] | HttpResponse:
        """The handshake so far, the server's challenge and the connection's serial;
        or a response without a challenge."""
        client = self._client(connection, scheme)
        try:
            hello = client.step()
            response = await connection.send(
                HttpRequest(_with(request, scheme, hello), b"")
            )
        except NeverAnsweredError:
            # The kept connection was lost. Nothing has been asked for yet.
            raise _HandshakeLost from None
        token = _token(response, scheme)
        if response.status != 401 or token is None:
            return response
        return client, token, connection.serial

    async def _answer(
        self,
        request: HttpRequest,
        connection: Connection,
        client: spnego.ContextProxy,
        challenge: bytes,
        serial: int,
    ) -> HttpResponse:
        try:
            proof = client.step(challenge, channel_bindings=_bindings(connection))
        except Exception as error:  # of many kinds, for bad input
            raise SignInRefused(
                f"{self._host} began an NTLM handshake that cannot be followed: "
                f"{str(error)[:MAX_TEXT]}"
            ) from error
        if not _is_version_2(proof):
            raise SignInRefused(
                "NTLMv1 is not secure and not used. Remove LM_COMPAT_LEVEL from the "
                "environment of the service, or set it to 3 or more."
            )
        response = await connection.send(
            HttpRequest(_with(request, self._scheme, proof), request.body)
        )
        if response.status != 401:
            self._sessions.begin(connection, response)
        elif connection.serial != serial:
            # The proof went to a connection without a challenge: it proves nothing.
            raise _HandshakeLost
        return response

    def _client(self, connection: Connection, scheme: str) -> spnego.ContextProxy:
        return spnego.client(
            self._credential,
            hostname=self._host,
            service="http",
            protocol=scheme.lower(),
            options=spnego.NegotiateOptions.use_ntlm
            if scheme == "NTLM"
            else spnego.NegotiateOptions.use_negotiate,
        )


def _with(request: HttpRequest, scheme: str, token: bytes | None) -> dict[str, str]:
    proof = f"{scheme} {b64encode(token or b'').decode('ascii')}"
    return {**request.headers, "Authorization": proof}


def _token(response: HttpResponse, scheme: str) -> bytes | None:
    found = offer(response.headers.get("www-authenticate", ""), scheme.lower())
    if found is None or not found.token:
        return None
    try:
        return b64decode(found.token, validate=True)
    except NotBase64:
        return None


def _bindings(connection: Connection) -> GssChannelBindings | None:
    """The channel bindings of a TLS connection; None without TLS.

    A server that does not ask for them ignores them.
    """
    certificate = connection.certificate()
    if certificate is None:
        return None
    return GssChannelBindings(application_data=channel_binding(certificate))


def _is_version_2(token: bytes | None) -> bool:
    """Return whether an AUTHENTICATE message holds an NTLMv2 response.

    The older one has 24 bytes. Its length is at offset 20 (MS-NLMP 2.2.1.3).
    """
    start = (token or b"").find(b"NTLMSSP\0\3\0\0\0")
    if token is None or start < 0:
        return False
    return int.from_bytes(token[start + 20 : start + 22], "little") > 24
