"""What goes wrong below EWS: connections, HTTP, bodies."""

from http import HTTPStatus
from typing import Any

from twisted.web.server import Request

from pexschedd.sandbox import respond
from pexschedd.sandbox.behaviour import Fault
from pexschedd.sandbox.negotiation import Challenge

_LOGIN = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>"
    b'<form action="/owa/auth.owa" method="post"><input name="username">'
    b'<input name="password" type="password"></form></body></html>'
)


def misbehave(
    request: Request,
    answer: tuple[HTTPStatus, bytes],
    fault: Fault,
    challenge: Challenge,
) -> None:
    """Does to a request what the fault says; `challenge` is for status 401."""
    channel: Any = request.channel
    if fault.status is not None:
        _status(request, fault, fault.status, challenge)
    elif fault.kind == "login-page":
        request.setHeader("content-type", respond.HTML)
        respond.finish(request, _LOGIN)
    elif fault.kind == "garbage":
        request.setHeader("content-type", respond.XML)
        respond.finish(request, b"<s:Envelope <<\x00\xff this is not XML")
    elif channel is None:
        return
    elif fault.kind == "reset":
        channel.transport.abortConnection()
    elif fault.kind == "truncate":
        _, body = answer
        request.setHeader("content-type", respond.XML)
        request.setHeader("content-length", str(len(body)))
        request.write(body[: len(body) // 2])
        channel.transport.loseConnection()
    # "hang": no answer, ever.


def _status(request: Request, fault: Fault, status: int, challenge: Challenge) -> None:
    request.setResponseCode(status)
    if fault.retry_after_s is not None:
        request.setHeader("retry-after", str(fault.retry_after_s))
    if status == HTTPStatus.UNAUTHORIZED:
        respond.unauthorized(request, challenge)
        return
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        request.setHeader("location", "/ews/genericerrorpage.htm")
    request.setHeader("content-type", respond.HTML)
    text = f"<html><body><h1>{status}</h1></body></html>"
    respond.finish(request, text.encode())
