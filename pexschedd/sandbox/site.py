"""The HTTP side: EWS, the metadata document, and the sandbox's own controls."""

import re
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from pexschedd.sandbox import signin, tokens
from pexschedd.sandbox.behaviour import BehaviourError, Fault

if TYPE_CHECKING:
    from pexschedd.sandbox.server import Answer, Sandbox

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes; more is answered with 413."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_XML = "text/xml; charset=utf-8"
_LOGIN = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>"
    b'<form action="/owa/auth.owa" method="post"><input name="username">'
    b'<input name="password" type="password"></form></body></html>'
)
log = Logger()


def make_resource(sandbox: "Sandbox", clock: IReactorTime) -> Resource:
    root = _Folder()
    ews, autodiscover, metadata, form = _Folder(), _Folder(), _Folder(), _Folder()
    root.putChild(b"ews", ews)
    ews.putChild(b"exchange.asmx", _Ews(sandbox, clock))
    root.putChild(b"autodiscover", autodiscover)
    autodiscover.putChild(b"metadata", metadata)
    metadata.putChild(b"json", form)
    form.putChild(b"1", _Metadata(sandbox))
    controls = _Folder()
    root.putChild(b"sandbox", controls)
    controls.putChild(b"identity-tokens", _IdentityTokens(sandbox))
    controls.putChild(b"behaviour", _Behaviour(sandbox))
    controls.putChild(b"calls", _Calls(sandbox))
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


class _Folder(Resource):
    """Finds its children whatever their case, as IIS does."""

    def getChild(self, path: bytes, request: Any) -> Any:
        child = self.children.get(path.lower())
        return child if child is not None else super().getChild(path, request)


class _Ews(Resource):
    isLeaf = True

    def __init__(self, sandbox: "Sandbox", clock: IReactorTime) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._clock = clock

    def render_GET(self, request: Request) -> bytes:
        if self._caller(request) is None:
            return _unauthorized(request)
        request.setHeader("content-type", "text/html; charset=utf-8")
        return b"<html><body><h1>Exchange Web Services</h1></body></html>"

    def render_POST(self, request: Request) -> object:
        done = Deferred.fromCoroutine(self._post(request))
        done.addErrback(self._failed, request)
        return NOT_DONE_YET

    def _caller(self, request: Request) -> Any:
        header = request.getHeader("authorization") or ""
        return signin.sign_in(self._sandbox.exchange, header)

    async def _post(self, request: Request) -> None:
        gone = request.notifyFinish()
        gone.addErrback(lambda _: None)
        if self._sandbox.behaviour.latency:
            await deferLater(self._clock, self._sandbox.behaviour.latency)
        caller = self._caller(request)
        if caller is None:
            self._finish(request, _unauthorized(request))
            return
        answer, fault = self._sandbox.handle(caller, _content(request))
        if fault is None or fault.is_code:
            self._give(request, answer)
        else:
            self._misbehave(request, answer, fault)

    def _failed(self, failure: Any, request: Request) -> None:
        log.failure("the sandbox broke down", failure)
        request.setResponseCode(HTTPStatus.INTERNAL_SERVER_ERROR)
        self._finish(request, b"")

    def _give(self, request: Request, answer: "Answer") -> None:
        status, body = answer
        request.setResponseCode(status)
        request.setHeader("content-type", _XML)
        self._finish(request, body)

    def _misbehave(self, request: Request, answer: "Answer", fault: Fault) -> None:
        channel: Any = request.channel
        if fault.status is not None:
            request.setResponseCode(fault.status)
            if fault.retry_after_s is not None:
                request.setHeader("retry-after", str(fault.retry_after_s))
            if fault.status == HTTPStatus.UNAUTHORIZED:
                self._finish(request, _unauthorized(request))
                return
            if HTTPStatus.MULTIPLE_CHOICES <= fault.status < HTTPStatus.BAD_REQUEST:
                request.setHeader("location", "/ews/genericerrorpage.htm")
            request.setHeader("content-type", "text/html; charset=utf-8")
            text = f"<html><body><h1>{fault.status}</h1></body></html>"
            self._finish(request, text.encode())
        elif fault.kind == "login-page":
            request.setHeader("content-type", "text/html; charset=utf-8")
            self._finish(request, _LOGIN)
        elif fault.kind == "garbage":
            request.setHeader("content-type", _XML)
            self._finish(request, b"<s:Envelope <<\x00\xff this is not XML")
        elif channel is None:
            return
        elif fault.kind == "reset":
            channel.transport.abortConnection()
        elif fault.kind == "truncate":
            _, body = answer
            request.setHeader("content-type", _XML)
            request.setHeader("content-length", str(len(body)))
            request.write(body[: len(body) // 2])
            channel.transport.loseConnection()
        # "hang": no answer, ever.

    @staticmethod
    def _finish(request: Request, body: bytes) -> None:
        if request.finished or request.channel is None:
            return
        request.setHeader("server", "Microsoft-IIS/10.0")
        request.setHeader("request-id", str(uuid.uuid4()))
        request.setHeader("x-feserver", "SANDBOX")
        theirs = request.getHeader("client-request-id") or ""
        if request.getHeader("return-client-request-id") == "true" and len(theirs) < 99:
            request.setHeader("client-request-id", theirs)
        request.setHeader("x-powered-by", "ASP.NET")
        request.setHeader("content-length", str(len(body)))
        request.write(body)
        request.finish()


def _content(request: Request) -> bytes:
    return b"" if request.content is None else request.content.read()


def _unauthorized(request: Request) -> bytes:
    request.setResponseCode(HTTPStatus.UNAUTHORIZED)
    host = (request.getHeader("host") or "localhost").partition(":")[0]
    host = host if _HOST.fullmatch(host) else "localhost"
    request.setHeader("www-authenticate", f'Basic realm="{host}"')
    request.setHeader("content-type", "text/html; charset=utf-8")
    return b"<html><body>401 - Unauthorized</body></html>"


class _Json(Resource):
    """A leaf that speaks JSON."""

    isLeaf = True

    def __init__(self, sandbox: "Sandbox") -> None:
        super().__init__()
        self._sandbox = sandbox

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
        """This server's address as the client knows it, up to where the sandbox is
        mounted; None if the Host header is unusable."""
        host = request.getHeader("host") or ""
        if not _HOST.fullmatch(host):
            return None
        scheme = "http"
        if request.isSecure():
            scheme = "https"
            if re.search(r":\d+$", host) is None:
                host += ":443"
        above = (request.prepath or [])[:-depth]
        path = "".join("/" + part.decode("ascii", "replace") for part in above)
        return f"{scheme}://{host}{path}"


class _Metadata(_Json):
    def render_GET(self, request: Request) -> bytes:
        base = self._base_url(request, 4)
        if base is None:
            return self._refuse(request, "the Host header is missing or malformed")
        exchange = self._sandbox.exchange
        realm = exchange.accounts[0].domain
        document = tokens.metadata(exchange.certificate, realm, base)
        return self._answer(request, document)


class _TokenWanted(msgspec.Struct, forbid_unknown_fields=True):
    mailbox: str
    audience: str
    lifetime_s: int = tokens.LIFETIME


class _IdentityTokens(_Json):
    def render_POST(self, request: Request) -> bytes:
        base = self._base_url(request, 2)
        if base is None:
            return self._refuse(request, "the Host header is missing or malformed")
        try:
            wanted = msgspec.json.decode(_content(request), type=_TokenWanted)
        except msgspec.DecodeError as error:
            return self._refuse(request, str(error))
        if not wanted.audience or abs(wanted.lifetime_s) > 10 * 365 * 86_400:
            return self._refuse(
                request, "audience must not be empty, lifetime_s within ten years"
            )
        if self._sandbox.exchange.find(wanted.mailbox) is None:
            return self._refuse(
                request, f"no mailbox {wanted.mailbox!r}", HTTPStatus.NOT_FOUND
            )
        token = self._sandbox.identity_token(
            wanted.mailbox, wanted.audience, base, wanted.lifetime_s
        )
        return self._answer(request, {"token": token})


class _Behaviour(_Json):
    def render_GET(self, request: Request) -> bytes:
        return self._answer(request, self._sandbox.behaviour.describe())

    def render_PUT(self, request: Request) -> bytes:
        try:
            self._sandbox.behaviour.configure(msgspec.json.decode(_content(request)))
        except (msgspec.DecodeError, BehaviourError) as error:
            return self._refuse(request, str(error))
        return self.render_GET(request)


class _Calls(_Json):
    def render_GET(self, request: Request) -> bytes:
        return self._answer(request, dict(sorted(self._sandbox.calls.items())))

    def render_DELETE(self, request: Request) -> bytes:
        self._sandbox.calls.clear()
        return self.render_GET(request)
