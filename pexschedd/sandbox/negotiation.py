"""Signing in over HTTP as IIS does it: offers, and handshakes on connections."""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from cryptography import x509
from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.sandbox import bearer, ntlm, signin
from pexschedd.sandbox.controls import HOST
from pexschedd.sandbox.exchange import Exchange
from pexschedd.sandbox.installation import Closing, SignIn
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.ntlm import Handshake, Refused

log = Logger()
_HANDSHAKES = ("NTLM", "Negotiate")


class _Connection:
    """What is known of one TCP connection."""

    def __init__(self) -> None:
        self.handshake: Handshake | None = None
        self.caller: SandboxMailbox | None = None


class HandshakeOffer(Exception):
    """Answer with 401 and these header fields."""

    def __init__(self, *challenges: str, diagnostics: str = "") -> None:
        self.challenges = challenges
        self.diagnostics = diagnostics
        self.close_after = Closing.NEVER
        super().__init__("401")


class Negotiation:
    """Who calls, by what they send or by what their connection remembers."""

    def __init__(self, exchange: Exchange, tokens: bearer.BearerTokens) -> None:
        self._exchange = exchange
        self._tokens = tokens
        self._connections: WeakKeyDictionary[Any, _Connection] = WeakKeyDictionary()
        self._closed = 0
        self._rules = SignIn()

    def caller(self, request: Request, rules: SignIn) -> SandboxMailbox:
        """Raises `HandshakeOffer`. With other rules than before all sign in again."""
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
            return self._let_in(request, rules, known)
        if method in _HANDSHAKES:
            return self._handshake(request, rules, method, rest.strip())
        if method == "Bearer":
            return self._bearer(request, rules, rest.strip())
        found = signin.sign_in(self._exchange, f"Basic {rest}")
        if found is None:
            raise self.challenge(request, rules)
        return found

    def _bearer(self, request: Request, rules: SignIn, token: str) -> SandboxMailbox:
        try:
            return self._tokens.owner(token)
        except bearer.BadToken as error:
            raise self.challenge(request, rules, str(error)) from None

    def _handshake(
        self, request: Request, rules: SignIn, method: str, text: str
    ) -> SandboxMailbox:
        connection = self._connections.setdefault(request.channel, _Connection())
        try:
            token = base64.b64decode(text, validate=True)
        except binascii.Error:
            token = b""
        if connection.handshake is None or ntlm.begins(token):
            connection.caller = None
            connection.handshake = Handshake(
                token,
                lambda user: signin.named(self._exchange, user),
                rules.channel_binding,
                server_certificate(request),
            )
        try:
            answer, caller = connection.handshake.step(token)
        except Refused as error:
            log.debug("NTLM: {error}", error=error)
            connection.handshake = None
            raise self.challenge(request, rules) from None
        encoded = base64.b64encode(answer).decode()
        if caller is None:
            challenge = HandshakeOffer(f"{method} {encoded}")
            challenge.close_after = self._closing(rules)
            raise challenge
        connection.handshake = None
        connection.caller = None if rules.single_request else caller
        if method == "Negotiate" and encoded:
            request.setHeader("www-authenticate", f"{method} {encoded}")
        return self._let_in(request, rules, connection, caller)

    @staticmethod
    def _let_in(
        request: Request,
        rules: SignIn,
        connection: _Connection,
        caller: SandboxMailbox | None = None,
    ) -> SandboxMailbox:
        found = caller or connection.caller
        if found is None:
            raise HandshakeOffer()
        if not rules.single_request:
            request.setHeader("persistent-auth", "true")
        return found

    def _closing(self, rules: SignIn) -> Closing:
        times = rules.closing_times
        if rules.closing is Closing.NEVER or (
            times is not None and self._closed >= times
        ):
            return Closing.NEVER
        self._closed += 1
        return rules.closing

    @staticmethod
    def challenge(
        request: Request, rules: SignIn, bad_token: str = ""
    ) -> HandshakeOffer:
        """The first leg, or a refusal: everything that is offered."""
        offered = []
        for method in () if rules.silent else rules.methods:
            if method == "Basic":
                host = (request.getHeader("host") or "").partition(":")[0]
                host = host if HOST.fullmatch(host) else "localhost"
                offered.append(f'Basic realm="{host}"')
            elif method == "Bearer":
                error = ', error="invalid_token"' if bad_token else ""
                offered.append(bearer.CHALLENGE + error)
            else:
                offered.append(method)
        reason = f'2000003;reason="{bad_token}"' if bad_token else ""
        return HandshakeOffer(*offered, diagnostics=reason)


def server_certificate(request: Request) -> x509.Certificate | None:
    """The one that this connection was made with; None without TLS."""
    channel: Any = request.channel
    handle: Callable[[], Any] | None = getattr(channel.transport, "getHandle", None)
    own = getattr(handle() if handle else None, "get_certificate", None)
    certificate = own() if own is not None else None
    return None if certificate is None else certificate.to_cryptography()
