"""Signing in over HTTP as IIS does it: offers, and handshakes on connections."""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from cryptography import x509
from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.sandbox.host_header import HOST
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.signin import bearer_tokens, callers, ntlm
from pexschedd.sandbox.signin.ntlm import NtlmHandshake, NtlmRefused
from pexschedd.sandbox.signin.settings import HandshakeClosing, SignIn

log = Logger()
_HANDSHAKES = ("NTLM", "Negotiate")


class _Connection:
    """The state of one TCP connection."""

    def __init__(self) -> None:
        self.handshake: NtlmHandshake | None = None
        self.caller: SandboxMailbox | None = None


class AuthenticationRequired(Exception):
    """A request that is to be answered with 401 and these challenges."""

    def __init__(self, *challenges: str, diagnostics: str = "") -> None:
        self.challenges = challenges
        self.diagnostics = diagnostics
        self.close_after = HandshakeClosing.NEVER
        super().__init__("401")


class Negotiation:
    """The handshakes of all connections, and the callers who have signed in on them."""

    def __init__(self, exchange: Exchange, tokens: bearer_tokens.BearerTokens) -> None:
        self._exchange = exchange
        self._tokens = tokens
        self._connections: WeakKeyDictionary[Any, _Connection] = WeakKeyDictionary()
        self._closed = 0
        self._rules = SignIn()

    def caller(self, request: Request, rules: SignIn) -> SandboxMailbox:
        """Return the mailbox of the account that has signed in.

        With other rules than before everybody has to sign in again. Raises
        `AuthenticationRequired`.
        """
        if rules != self._rules:
            self._connections.clear()
            self._closed, self._rules = 0, rules
        scheme, _, rest = (request.getHeader("authorization") or "").partition(" ")
        method = {name.casefold(): name for name in rules.methods}.get(
            scheme.casefold()
        )
        if method is None:
            known = self._connections.get(request.channel)
            if scheme or known is None or known.caller is None:
                raise self.challenge(request, rules)
            return self._admit(request, rules, known)
        if method in _HANDSHAKES:
            return self._handshake(request, rules, method, rest.strip())
        if method == "Bearer":
            return self._bearer(request, rules, rest.strip())
        found = callers.sign_in(self._exchange, f"Basic {rest}")
        if found is None:
            raise self.challenge(request, rules)
        return found

    def _bearer(self, request: Request, rules: SignIn, token: str) -> SandboxMailbox:
        try:
            return self._tokens.owner(token)
        except bearer_tokens.InvalidBearerToken as error:
            raise self.challenge(request, rules, str(error)) from None

    def _handshake(
        self, request: Request, rules: SignIn, method: str, text: str
    ) -> SandboxMailbox:
        connection = self._connections.setdefault(request.channel, _Connection())
        try:
            token = base64.b64decode(text, validate=True)
        except binascii.Error:
            token = b""
        if connection.handshake is None or ntlm.starts_handshake(token):
            connection.caller = None
            connection.handshake = NtlmHandshake(
                token,
                lambda user: callers.find_user(self._exchange, user),
                rules.channel_binding,
                server_certificate(request),
            )
        try:
            answer, caller = connection.handshake.step(token)
        except NtlmRefused as error:
            log.debug(
                "sandbox refused NTLM handshake reason={reason}", reason=str(error)
            )
            connection.handshake = None
            raise self.challenge(request, rules) from None
        encoded = base64.b64encode(answer).decode()
        if caller is None:
            challenge = AuthenticationRequired(f"{method} {encoded}")
            challenge.close_after = self._closing(rules)
            raise challenge
        connection.handshake = None
        connection.caller = None if rules.single_request else caller
        if method == "Negotiate" and encoded:
            request.setHeader("www-authenticate", f"{method} {encoded}")
        return self._admit(request, rules, connection, caller)

    @staticmethod
    def _admit(
        request: Request,
        rules: SignIn,
        connection: _Connection,
        caller: SandboxMailbox | None = None,
    ) -> SandboxMailbox:
        found = caller or connection.caller
        if found is None:
            raise AuthenticationRequired()
        if not rules.single_request:
            request.setHeader("persistent-auth", "true")
        return found

    def _closing(self, rules: SignIn) -> HandshakeClosing:
        times = rules.closing_times
        if rules.closing is HandshakeClosing.NEVER or (
            times is not None and self._closed >= times
        ):
            return HandshakeClosing.NEVER
        self._closed += 1
        return rules.closing

    @staticmethod
    def challenge(
        request: Request, rules: SignIn, bad_token: str = ""
    ) -> AuthenticationRequired:
        """Return the answer that begins a handshake, or refuses a caller: all that is
        offered."""
        offered = []
        for method in () if rules.silent else rules.methods:
            if method == "Basic":
                host = (request.getHeader("host") or "").partition(":")[0]
                host = host if HOST.fullmatch(host) else "localhost"
                offered.append(f'Basic realm="{host}"')
            elif method == "Bearer":
                error = ', error="invalid_token"' if bad_token else ""
                offered.append(bearer_tokens.CHALLENGE + error)
            else:
                offered.append(method)
        reason = f'2000003;reason="{bad_token}"' if bad_token else ""
        return AuthenticationRequired(*offered, diagnostics=reason)


def server_certificate(request: Request) -> x509.Certificate | None:
    """Return the certificate that this connection was made with; None without TLS."""
    channel: Any = request.channel
    handle: Callable[[], Any] | None = getattr(channel.transport, "getHandle", None)
    own = getattr(handle() if handle else None, "get_certificate", None)
    certificate = own() if own is not None else None
    return None if certificate is None else certificate.to_cryptography()
