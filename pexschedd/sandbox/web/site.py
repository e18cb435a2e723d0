"""The EWS endpoint over HTTP: signing in, limits, the call, and its response."""

from http import HTTPStatus
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.http import datetimeToString
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.graph.web.graph_controls import add_graph_controls
from pexschedd.sandbox.graph.web.graph_endpoint import GraphEndpoint
from pexschedd.sandbox.graph.web.graph_root import GraphRoot
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.notifications.subscriptions import RequestRouting
from pexschedd.sandbox.operations import envelope
from pexschedd.sandbox.service import CallOutcome, EwsService
from pexschedd.sandbox.signin.negotiation import AuthenticationRequired
from pexschedd.sandbox.web import responses, transport_faults
from pexschedd.sandbox.web.autodiscover import add_autodiscover
from pexschedd.sandbox.web.control_api import add_controls, content
from pexschedd.sandbox.web.path_segment import PathSegment

BODY_LIMIT = 16 * 1024 * 1024
"""The most bytes of a request body; longer ones are answered with 413."""
log = Logger()


def make_resource(service: EwsService, clock: IReactorTime) -> Resource:
    """Return the root of the HTTP side: EWS, Graph with its tokens, the controls."""
    root, ews = GraphRoot(service), PathSegment()
    root.putChild(b"ews", ews)
    ews.putChild(b"exchange.asmx", _Ews(service, clock))
    add_controls(root, service)
    add_autodiscover(root.children[b"autodiscover"], service)
    root.putChild(b"v1.0", GraphEndpoint(service, clock))
    add_graph_controls(root.children[b"sandbox"], service)
    return root


def make_site(root: Resource, clock: IReactorTime) -> Site:
    """Return a Site that limits request bodies, parses no forms, and writes no access
    log."""
    site = _QuietSite(
        root,
        requestFactory=_LimitedRequest,
        reactor=clock,
        # A form can be made so that its parsing takes seconds, and nobody reads one.
        parsePOSTFormSubmission=False,
    )
    site.displayTracebacks = False
    return site


class _QuietSite(Site):
    def log(self, request: object) -> None:
        """Write nothing: tests and demos make too many requests."""


class _LimitedRequest(Request):
    """A request that is refused if its body is too long, before it is in memory."""

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

    def __init__(self, service: EwsService, clock: IReactorTime) -> None:
        super().__init__()
        self._service = service
        self._clock = clock

    def render_GET(self, request: Request) -> object:
        self._date(request)
        try:
            self._caller(request)
        except AuthenticationRequired as challenge:
            responses.unauthorized(request, challenge)
            return NOT_DONE_YET
        request.setHeader("content-type", "text/html; charset=utf-8")
        return b"<html><body><h1>Exchange Web Services</h1></body></html>"

    def render_POST(self, request: Request) -> object:
        self._date(request)
        done = Deferred.fromCoroutine(self._post(request))
        done.addErrback(self._failed, request)
        return NOT_DONE_YET

    def _date(self, request: Request) -> None:
        """Set the date of the server's own clock, which may be wrong."""
        request.setHeader("date", datetimeToString(self._time()))
        for line in self._service.behaviour.cookies:
            request.responseHeaders.addRawHeader("set-cookie", line)

    def _time(self) -> float:
        """The server's own time."""
        now = self._service.now().timestamp()
        return now + self._service.behaviour.clock_skew

    def _caller(self, request: Request) -> SandboxMailbox:
        service = self._service
        return service.negotiation.caller(request, service.behaviour.sign_in)

    async def _post(self, request: Request) -> None:
        gone = request.notifyFinish()
        gone.addErrback(lambda _: None)
        service = self._service
        try:
            caller = self._caller(request)
        except AuthenticationRequired as challenge:
            responses.unauthorized(request, challenge)
            return
        body = content(request)
        try:
            leave = service.admit(caller, body)
        except EwsError as error:
            responses.write_answer(request, envelope.fault(error))
            return
        request.notifyFinish().addBoth(lambda _: leave())
        if service.behaviour.latency:
            await deferLater(self._clock, service.behaviour.latency)
        outcome = service.serve(caller, body, _routing(request))
        fault = outcome.fault
        if fault is not None and not (fault.is_code or fault.stream_action):
            refusal = service.negotiation.challenge(request, service.behaviour.sign_in)
            transport_faults.apply_fault(
                request, outcome.answer, fault, refusal, self._clock, self._time()
            )
        elif outcome.stream is not None:
            self._stream(request, outcome)
        else:
            responses.write_answer(request, outcome.answer, outcome.cookies)

    def _stream(self, request: Request, outcome: CallOutcome) -> None:
        stream, fault = outcome.stream, outcome.fault
        if stream is None or request.channel is None:
            return
        responses.common_headers(request)
        request.setHeader("content-type", responses.XML)
        request.setHeader("x-nobuffering", "1")
        stream.open(request)
        if fault is not None and fault.stream_action:
            code = fault.code or "ErrorInternalServerError"
            stream.misbehave_later(fault.after_s, fault.stream_action, code)

    def _failed(self, failure: Any, request: Request) -> None:
        log.failure("sandbox failed to answer EWS request", failure)
        request.setResponseCode(HTTPStatus.INTERNAL_SERVER_ERROR)
        responses.finish(request, b"")


def _routing(request: Request) -> RequestRouting:
    cookie = request.getCookie(b"X-BackEndOverrideCookie") or b""
    return RequestRouting(
        request.getHeader("x-anchormailbox") or "",
        request.getHeader("x-preferserveraffinity") == "true",
        cookie.decode("ascii", "replace"),
    )
