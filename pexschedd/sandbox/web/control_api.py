"""The sandbox's own controls, as JSON, and the metadata document."""

import re
from http import HTTPStatus

import msgspec
from twisted.web.resource import Resource
from twisted.web.server import Request

from pexschedd.sandbox.faults.fault import BehaviourError
from pexschedd.sandbox.host_header import HOST
from pexschedd.sandbox.mailboxes.internet_mail import IcsError, receive
from pexschedd.sandbox.notifications.streaming import ACTIONS
from pexschedd.sandbox.notifications.subscriptions import (
    SubscriptionLimits,
)
from pexschedd.sandbox.service import EwsService
from pexschedd.sandbox.web import identity_tokens
from pexschedd.sandbox.web.path_segment import PathSegment


def add_controls(root: Resource, service: EwsService) -> None:
    """Put the controls and the metadata document under the root."""
    autodiscover, metadata, form = PathSegment(), PathSegment(), PathSegment()
    root.putChild(b"autodiscover", autodiscover)
    autodiscover.putChild(b"metadata", metadata)
    metadata.putChild(b"json", form)
    form.putChild(b"1", _Metadata(service))
    controls = PathSegment()
    root.putChild(b"sandbox", controls)
    controls.putChild(b"identity-tokens", _IdentityTokens(service))
    controls.putChild(b"behaviour", _Behaviour(service))
    controls.putChild(b"bearer-tokens", _BearerTokens(service))
    controls.putChild(b"calls", _Calls(service))
    controls.putChild(b"mail", _Mail(service))
    controls.putChild(b"moves", _Moves(service))
    controls.putChild(b"notifications", _Notifications(service))
    controls.putChild(b"streams", _Streams(service))


class JsonControl(Resource):
    """A leaf that answers with JSON."""

    isLeaf = True

    def __init__(self, service: EwsService) -> None:
        super().__init__()
        self._service = service

    def _answer(self, request: Request, document: object) -> bytes:
        request.setHeader("content-type", "application/json")
        request.setHeader("cache-control", "no-store")
        return msgspec.json.encode(document)

    def _refuse(
        self,
        request: Request,
        message: str,
        status: HTTPStatus = HTTPStatus.BAD_REQUEST,
    ) -> bytes:
        request.setResponseCode(status)
        return self._answer(request, {"error": message})

    def _base_url(self, request: Request, depth: int) -> str | None:
        """Return this server's address as the client knows it, up to the place where
        the sandbox is mounted; None if the Host header is unusable."""
        host = request.getHeader("host") or ""
        if not HOST.fullmatch(host):
            return None
        scheme = "http"
        if request.isSecure():
            scheme = "https"
            if re.search(r":\d+$", host) is None:
                host += ":443"
        above = (request.prepath or [])[:-depth]
        path = "".join("/" + part.decode("ascii", "replace") for part in above)
        return f"{scheme}://{host}{path}"


class _Metadata(JsonControl):
    def render_GET(self, request: Request) -> bytes:
        base = self._base_url(request, 4)
        if base is None:
            return self._refuse(request, "the Host header is missing or malformed")
        exchange = self._service.exchange
        realm = exchange.accounts[0].domain
        document = identity_tokens.metadata(exchange.certificate, realm, base)
        return self._answer(request, document)


class _TokenWanted(msgspec.Struct, forbid_unknown_fields=True):
    mailbox: str
    audience: str
    lifetime_s: int = identity_tokens.LIFETIME
    metadata_url: str | None = None
    """Another than this server's, as a server that is set up wrong would say."""


class _IdentityTokens(JsonControl):
    def render_POST(self, request: Request) -> bytes:
        base = self._base_url(request, 2)
        if base is None:
            return self._refuse(request, "the Host header is missing or malformed")
        try:
            wanted = msgspec.json.decode(content(request), type=_TokenWanted)
        except msgspec.DecodeError as error:
            return self._refuse(request, str(error))
        if not wanted.audience or abs(wanted.lifetime_s) > 10 * 365 * 86_400:
            return self._refuse(
                request, "audience must not be empty, lifetime_s within ten years"
            )
        if self._service.exchange.find(wanted.mailbox) is None:
            return self._refuse(
                request, f"no mailbox {wanted.mailbox!r}", HTTPStatus.NOT_FOUND
            )
        token = self._service.identity_token(
            wanted.mailbox,
            wanted.audience,
            base,
            wanted.lifetime_s,
            wanted.metadata_url,
        )
        return self._answer(request, {"token": token})


class _Bearer(msgspec.Struct, forbid_unknown_fields=True):
    token: str
    mailbox: str | None = None
    app: bool = False
    impersonates: tuple[str, ...] = ("*",)
    """The addresses that an application may act as."""
    expires_in_s: float | None = None
    """None: never."""


class _BearerTokens(JsonControl):
    def render_PUT(self, request: Request) -> bytes:
        try:
            wanted = msgspec.json.decode(content(request), type=_Bearer)
        except msgspec.DecodeError as error:
            return self._refuse(request, str(error))
        if not wanted.token or wanted.app == (wanted.mailbox is not None):
            return self._refuse(
                request, "token must not be empty, and either mailbox or app be given"
            )
        try:
            self._service.tokens.register(
                wanted.token,
                mailbox=wanted.mailbox,
                impersonates=wanted.impersonates,
                expires_in=wanted.expires_in_s,
            )
        except KeyError:
            return self._refuse(
                request, f"no mailbox {wanted.mailbox!r}", HTTPStatus.NOT_FOUND
            )
        return self._answer(request, {})


class _Behaviour(JsonControl):
    def render_GET(self, request: Request) -> bytes:
        return self._answer(request, self._service.behaviour.describe())

    def render_PUT(self, request: Request) -> bytes:
        try:
            self._service.behaviour.configure(msgspec.json.decode(content(request)))
        except (msgspec.DecodeError, BehaviourError) as error:
            return self._refuse(request, str(error))
        return self.render_GET(request)


class _Calls(JsonControl):
    def render_GET(self, request: Request) -> bytes:
        return self._answer(request, dict(sorted(self._service.calls.items())))

    def render_DELETE(self, request: Request) -> bytes:
        self._service.calls.clear()
        return self.render_GET(request)


class _MailWanted(msgspec.Struct, forbid_unknown_fields=True):
    to: str
    ics: str
    sender: str = ""


class _Mail(JsonControl):
    """Mail with a meeting in it, as it comes by SMTP."""

    def render_POST(self, request: Request) -> bytes:
        exchange = self._service.exchange
        try:
            wanted = msgspec.json.decode(content(request), type=_MailWanted)
            if exchange.find(wanted.to) is None:
                message = f"no mailbox {wanted.to!r}"
                return self._refuse(request, message, HTTPStatus.NOT_FOUND)
            arrived = receive(exchange, wanted.to, wanted.ics, wanted.sender)
        except (msgspec.DecodeError, IcsError) as error:
            return self._refuse(request, str(error))
        return self._answer(request, {"ids": [each.id for each in arrived]})


class _Move(msgspec.Struct, forbid_unknown_fields=True):
    mailbox: str
    for_s: float = 0


class _Moves(JsonControl):
    """Moves of mailboxes to another server."""

    def render_PUT(self, request: Request) -> bytes:
        try:
            wanted = msgspec.json.decode(content(request), type=_Move)
            self._service.move_mailbox(wanted.mailbox, wanted.for_s)
        except msgspec.DecodeError as error:
            return self._refuse(request, str(error))
        except KeyError as error:
            return self._refuse(request, f"no mailbox {error}", HTTPStatus.NOT_FOUND)
        return self._answer(request, {})


class _Notifications(JsonControl):
    """The limits and times of subscriptions and streams."""

    def render_GET(self, request: Request) -> bytes:
        return self._answer(request, self._service.subscriptions.limits)

    def render_PUT(self, request: Request) -> bytes:
        try:
            wanted = msgspec.json.decode(content(request), type=SubscriptionLimits)
        except msgspec.DecodeError as error:
            return self._refuse(request, str(error))
        self._service.subscriptions.limits = wanted
        return self.render_GET(request)


class _Action(msgspec.Struct, forbid_unknown_fields=True):
    action: str
    code: str = "ErrorInternalServerError"
    mailbox: str | None = None
    """Only streams that watch this one."""


class _Streams(JsonControl):
    """The open streams, and their misbehaviour."""

    def render_GET(self, request: Request) -> bytes:
        streams = self._service.streams()
        return self._answer(request, [{"mailboxes": s.mailboxes} for s in streams])

    def render_PUT(self, request: Request) -> bytes:
        try:
            wanted = msgspec.json.decode(content(request), type=_Action)
        except msgspec.DecodeError as error:
            return self._refuse(request, str(error))
        if wanted.action not in ACTIONS:
            return self._refuse(request, f"action: one of {', '.join(ACTIONS)}")
        for stream in self._service.streams():
            if wanted.mailbox in (None, *stream.mailboxes):
                stream.misbehave(wanted.action, wanted.code)
        return self.render_GET(request)


def content(request: Request) -> bytes:
    """Return the body of a request."""
    return b"" if request.content is None else request.content.read()
