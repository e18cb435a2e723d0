"""Faults below EWS: of connections, of HTTP, of bodies."""

from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.http import datetimeToString
from twisted.web.server import Request

from pexschedd.sandbox.faults import spoiled_answers
from pexschedd.sandbox.faults.fault import Fault
from pexschedd.sandbox.signin.negotiation import AuthenticationRequired
from pexschedd.sandbox.web import responses
from pexschedd.sandbox.web.paced_bodies import OversizedBody, SlowBody

_LOGIN = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>"
    b'<form action="/owa/auth.owa" method="post"><input name="username">'
    b'<input name="password" type="password"></form></body></html>'
)
_SERVER_ERROR = (
    b"<!DOCTYPE html><html><head><title>Runtime Error</title></head><body><h1>"
    b"Server Error in '/EWS' Application.</h1><h2><i>Runtime Error</i></h2>"
    b"</body></html>"
)


def apply_fault(
    request: Request,
    answer: tuple[int, bytes],
    fault: Fault,
    challenge: AuthenticationRequired,
    clock: IReactorTime,
    now: float,
    content_type: str = responses.XML,
) -> None:
    """Spoil a response as the fault says; `challenge` is for status 401, `now` the
    server's own time as a timestamp, `content_type` the right answer's."""
    if request.channel is None or request.finished:
        return
    channel: Any = request.channel
    if fault.status is not None:
        _status(request, fault, fault.status, challenge, now)
    elif fault.kind == "login-page":
        request.setHeader("content-type", responses.HTML)
        responses.finish(request, _LOGIN)
    elif fault.kind == "garbage":
        request.setHeader("content-type", responses.XML)
        responses.finish(request, b"<s:Envelope <<\x00\xff this is not XML")
    elif fault.kind == "redirect":
        request.setResponseCode(HTTPStatus.FOUND)
        request.setHeader("location", fault.location)
        responses.finish(request, b"")
    elif fault.kind == "wrong-content":
        request.setResponseCode(HTTPStatus.INTERNAL_SERVER_ERROR)
        request.setHeader("content-type", responses.HTML)
        responses.finish(request, _SERVER_ERROR)
    elif fault.kind in ("reset", "close", "cut-headers"):
        _break_off(channel.transport, fault.kind)
    elif fault.kind != "hang":
        _spoil(request, answer, fault, clock, content_type)


def _break_off(transport: Any, kind: str) -> None:
    if kind == "reset":
        transport.abortConnection()
        return
    if kind == "cut-headers":
        transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; chars")
    transport.loseConnection()


def _spoil(
    request: Request,
    answer: tuple[int, bytes],
    fault: Fault,
    clock: IReactorTime,
    content_type: str,
) -> None:
    """Begin as the right answer would, and spoil the rest."""
    status, body = answer
    channel: Any = request.channel
    request.setResponseCode(status)
    responses.common_headers(request)
    request.setHeader("content-type", content_type)
    if fault.kind == "truncate":
        request.setHeader("content-length", str(len(body)))
        request.write(body[: len(body) // 2])
        channel.transport.loseConnection()
    elif fault.kind == "slow":
        SlowBody(request, body, fault.bytes_per_s, clock).start()
    elif fault.kind == "huge":
        OversizedBody(request, fault.bytes, compressed=fault.gzip).start()
    elif fault.kind in spoiled_answers.KINDS:
        responses.finish(request, spoiled_answers.KINDS[fault.kind](body))
    else:
        request.responseHeaders.removeHeader("content-type")
        request.defaultContentType = None
        responses.finish(request, body)


def _status(
    request: Request,
    fault: Fault,
    status: int,
    challenge: AuthenticationRequired,
    now: float,
) -> None:
    request.setResponseCode(status)
    if fault.retry_after_s is not None:
        request.setHeader("retry-after", str(fault.retry_after_s))
    if fault.retry_after_date_s is not None:
        until = datetimeToString(now + fault.retry_after_date_s)
        request.setHeader("retry-after", until)
    if fault.no_date:
        request.responseHeaders.removeHeader("date")
    if status == HTTPStatus.UNAUTHORIZED:
        responses.unauthorized(request, challenge)
        return
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        request.setHeader("location", fault.location)
    request.setHeader("content-type", responses.HTML)
    text = f"<html><body><h1>{status}</h1></body></html>"
    responses.finish(request, text.encode())
