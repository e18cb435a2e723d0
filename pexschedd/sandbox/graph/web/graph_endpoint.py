"""The endpoint of Graph over HTTP: requests and their answers, whole or spoiled."""

import re
import uuid
from http import HTTPStatus
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.http import datetimeToString
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer, GraphRequest
from pexschedd.sandbox.host_header import HOST
from pexschedd.sandbox.service import EwsService
from pexschedd.sandbox.signin.negotiation import AuthenticationRequired
from pexschedd.sandbox.web import transport_faults

JSON = (
    "application/json;odata.metadata=minimal;odata.streaming=true;"
    "IEEE754Compatible=false;charset=utf-8"
)
_DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"1","ScaleUnit":"000",'
    '"RoleInstance":"SANDBOX"}}'
)
log = Logger()


class GraphEndpoint(Resource):
    """Everything below `/v1.0`."""

    isLeaf = True

    def __init__(self, service: EwsService, clock: IReactorTime) -> None:
        super().__init__()
        self._service = service
        self._clock = clock

    def render(self, request: Request) -> Any:
        """Answer a request, later."""
        base = base_url(request, len(request.prepath or ()))
        if base is None:
            request.setResponseCode(HTTPStatus.BAD_REQUEST)
            return b"the Host header is missing or malformed"
        path, _, query = request.uri.decode("latin-1").partition("?")
        depth = len(request.prepath or ())
        raw = "/".join(path.split("/")[depth + 1 :])
        asked = GraphRequest(
            (request.method or b"").decode("latin-1").upper(),
            raw,
            query,
            {
                name.decode("latin-1").lower(): ", ".join(
                    value.decode("latin-1") for value in values
                )
                for name, values in request.requestHeaders.getAllRawHeaders()
            },
            b"" if request.content is None else request.content.read(),
            base,
        )
        done = Deferred.fromCoroutine(self._serve(request, asked))
        done.addErrback(self._failed, request)
        # Also when the client goes away.
        request.notifyFinish().addErrback(lambda _: None)
        return NOT_DONE_YET

    async def _serve(self, request: Request, asked: GraphRequest) -> None:
        answer = await self._service.graph.serve(asked)
        now = self._service.now().timestamp()
        now += self._service.behaviour.clock_skew
        request.setHeader("date", datetimeToString(now))
        if answer.pace is not None:
            request.setHeader("content-type", JSON)
            transport_faults.apply_fault(
                request,
                (answer.status, answer.body),
                answer.pace,
                AuthenticationRequired(),
                self._clock,
                now,
                JSON,
            )
            return
        write(request, answer, asked.headers.get("client-request-id", ""))

    def _failed(self, failure: Any, request: Request) -> None:
        log.failure("sandbox failed to answer Graph request", failure)
        write(request, GraphAnswer(HTTPStatus.INTERNAL_SERVER_ERROR), "")


def write(request: Request, answer: GraphAnswer, client_id: str) -> None:
    """Write an answer with the headers that Graph sends, and end the response."""
    if request.finished or request.channel is None:
        return
    body = answer.body
    identifier = str(uuid.uuid4())
    request.setResponseCode(answer.status)
    request.setHeader("request-id", identifier)
    if re.fullmatch(r"[\w-]{1,100}", client_id):
        request.setHeader("client-request-id", client_id)
    else:
        request.setHeader("client-request-id", identifier)
    request.setHeader("x-ms-ags-diagnostic", _DIAGNOSTIC)
    request.setHeader("cache-control", "private")
    for name, value in answer.headers.items():
        request.setHeader(name, value)
    if body:
        request.setHeader("content-type", answer.content_type or JSON)
    else:
        request.defaultContentType = None
    if answer.status != HTTPStatus.NO_CONTENT:
        request.setHeader("content-length", str(len(body)))
    request.write(body)
    request.finish()


def base_url(request: Request, depth: int) -> str | None:
    """Return this server's address as the client knows it, with so many segments of
    the path; None if the Host header is unusable."""
    host = request.getHeader("host") or ""
    if not HOST.fullmatch(host):
        return None
    scheme = "https" if request.isSecure() else "http"
    path = request.uri.decode("latin-1").partition("?")[0]
    return f"{scheme}://{host}" + "/".join(path.split("/")[: depth + 1])
