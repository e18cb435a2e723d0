"""The HTTP side: who may come in, and what goes out."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.http import datetimeToString
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from pexschedd.sandbox import envelope, respond, trouble
from pexschedd.sandbox.controls import add_controls, content
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.folder import PathSegment
from pexschedd.sandbox.mailbox import SandboxMailbox
from pexschedd.sandbox.negotiation import HandshakeOffer
from pexschedd.sandbox.subscriptions import Route

if TYPE_CHECKING:
    from pexschedd.sandbox.server import CallOutcome, Sandbox

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes; more is answered with 413."""
log = Logger()


def make_resource(sandbox: "Sandbox", clock: IReactorTime) -> Resource:
    root, ews = PathSegment(), PathSegment()
    root.putChild(b"ews", ews)
    ews.putChild(b"exchange.asmx", _Ews(sandbox, clock))
    add_controls(root, sandbox)
    return root


def make_site(root: Resource, clock: IReactorTime) -> Site:
    site = _QuietSite(root, requestFactory=_LimitedRequest, reactor=clock)
    site.displayTracebacks = False
    return site


class _QuietSite(Site):
    def log(self, request: object) -> None:
        """Nothing: tests and demos make too many lines."""


class _LimitedRequest(Request):
    """Refuses bodies that are too long before they are in memory."""

    _received = 0

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > BODY_LIMIT:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > BODY_LIMIT:
            self._refuse()
        else:
            super().handleContentChunk(data)

    def _refuse(self) -> None:
        channel: Any = self.channel
        channel.transport.write(
            b"HTTP/1.1 413 Request Entity Too Large\r\n"
            b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        )
        channel.loseConnection()


class _Ews(Resource):
    isLeaf = True

    def __init__(self, sandbox: "Sandbox", clock: IReactorTime) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._clock = clock

    def render_GET(self, request: Request) -> object:
        self._date(request)
        try:
            self._caller(request)
        except HandshakeOffer as challenge:
            respond.unauthorized(request, challenge)
            return NOT_DONE_YET
        request.setHeader("content-type", "text/html; charset=utf-8")
        return b"<html><body><h1>Exchange Web Services</h1></body></html>"

    def render_POST(self, request: Request) -> object:
        self._date(request)
        done = Deferred.fromCoroutine(self._post(request))
        done.addErrback(self._failed, request)
        return NOT_DONE_YET

    def _date(self, request: Request) -> None:
        """The server's own clock, which may be wrong."""
        now = self._sandbox.exchange.now().timestamp()
        shown = now + self._sandbox.behaviour.clock_skew
        request.setHeader("date", datetimeToString(shown))

    def _caller(self, request: Request) -> SandboxMailbox:
        sandbox = self._sandbox
        return sandbox.negotiation.caller(request, sandbox.behaviour.sign_in)

    async def _post(self, request: Request) -> None:
        gone = request.notifyFinish()
        gone.addErrback(lambda _: None)
        sandbox = self._sandbox
        try:
            caller = self._caller(request)
        except HandshakeOffer as challenge:
            respond.unauthorized(request, challenge)
            return
        body = content(request)
        try:
            leave = sandbox.admit(caller, body)
        except EwsError as error:
            respond.give(request, envelope.fault(error))
            return
        request.notifyFinish().addBoth(lambda _: leave())
        if sandbox.behaviour.latency:
            await deferLater(self._clock, sandbox.behaviour.latency)
        outcome = sandbox.serve(caller, body, _route(request))
        fault = outcome.fault
        if fault is not None and not (fault.is_code or fault.stream_action):
            refusal = sandbox.negotiation.challenge(request, sandbox.behaviour.sign_in)
            trouble.misbehave(request, outcome.answer, fault, refusal, self._clock)
        elif outcome.stream is not None:
            self._stream(request, outcome)
        else:
            respond.give(request, outcome.answer, outcome.cookies)

    def _stream(self, request: Request, outcome: "CallOutcome") -> None:
        stream, fault = outcome.stream, outcome.fault
        if stream is None or request.channel is None:
            return
        respond.common_headers(request)
        request.setHeader("content-type", respond.XML)
        request.setHeader("x-nobuffering", "1")
        stream.open(request)
        if fault is not None and fault.stream_action:
            code = fault.code or "ErrorInternalServerError"
            stream.misbehave_later(fault.after_s, fault.stream_action, code)

    def _failed(self, failure: Any, request: Request) -> None:
        log.failure("the sandbox broke down", failure)
        request.setResponseCode(HTTPStatus.INTERNAL_SERVER_ERROR)
        respond.finish(request, b"")


def _route(request: Request) -> Route:
    cookie = request.getCookie(b"X-BackEndOverrideCookie") or b""
    return Route(
        request.getHeader("x-anchormailbox") or "",
        request.getHeader("x-preferserveraffinity") == "true",
        cookie.decode("ascii", "replace"),
    )
