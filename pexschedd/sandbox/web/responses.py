"""HTTP responses: the status, the headers of real servers, the body."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus

from twisted.web.server import Request

from pexschedd.sandbox.signin.negotiation import AuthenticationRequired
from pexschedd.sandbox.signin.settings import HandshakeClosing

XML = "text/xml; charset=utf-8"
HTML = "text/html; charset=utf-8"


def write_answer(
    request: Request,
    answer: tuple[HTTPStatus, bytes],
    cookies: Mapping[str, str] | None = None,
) -> None:
    """Write an EWS answer, and end the response."""
    status, body = answer
    request.setResponseCode(status)
    request.setHeader("content-type", XML if body else HTML)
    for name, value in (cookies or {}).items():
        # A client sends back a secure cookie over TLS only.
        request.addCookie(
            name, value, path="/", secure=request.isSecure(), httpOnly=True
        )
    finish(request, body)


def finish(request: Request, body: bytes) -> None:
    """Write the common headers and the body, and end the response."""
    if request.finished or request.channel is None:
        return
    common_headers(request)
    request.setHeader("content-length", str(len(body)))
    request.write(body)
    request.finish()


def common_headers(request: Request) -> None:
    """Set the headers that Exchange sends with every response."""
    request.setHeader("server", "Microsoft-IIS/10.0")
    request.setHeader("request-id", str(uuid.uuid4()))
    request.setHeader("x-feserver", "SANDBOX")
    request.setHeader("x-beserver", "SANDBOX")
    request.setHeader("x-calculatedbetarget", "sandbox.sandbox.example")
    request.setHeader("x-diaginfo", "SANDBOX")
    request.setHeader("x-powered-by", "ASP.NET")
    theirs = request.getHeader("client-request-id") or ""
    if request.getHeader("return-client-request-id") == "true" and len(theirs) < 99:
        request.setHeader("client-request-id", theirs)


def unauthorized(request: Request, challenge: AuthenticationRequired) -> None:
    """Write a response with status 401, and close the connection if that is wanted."""
    request.setResponseCode(HTTPStatus.UNAUTHORIZED)
    request.responseHeaders.removeHeader("www-authenticate")
    for each in challenge.challenges:
        request.responseHeaders.addRawHeader("www-authenticate", each)
    if challenge.diagnostics:
        request.setHeader("x-ms-diagnostics", challenge.diagnostics)
    request.setHeader("content-type", HTML)
    channel = request.channel
    if challenge.close_after is HandshakeClosing.CHALLENGE:
        request.setHeader("connection", "close")
    finish(request, b"<html><body>401 - Unauthorized</body></html>")
    if challenge.close_after is not HandshakeClosing.NEVER and channel is not None:
        channel.loseConnection()
