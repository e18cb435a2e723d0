"""What every route shares: JSON in and out, errors to status, no cancelled writes.

A route is `parse, call one use case, serialise`; it raises domain errors, and the one
table here says which HTTP status they are. Anything else is a logged traceback and a
500 that carries nothing but an incident id.
"""

from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import wraps
from inspect import iscoroutine
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec
from klein import Klein
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from pexschedd.errors import (
    InvalidFields,
    MailboxError,
    NotAuthenticated,
    NotFound,
    PexscheddError,
    StoreError,
    TemplateError,
    Unavailable,
)

T = TypeVar("T")
Payload = bytes
Handler = Callable[..., Any]

log = Logger()


class ClientGone(PexscheddError):
    """Nobody waits for the answer any more."""

    code = "client_gone"


class UnsupportedMediaType(PexscheddError):
    """The request body is of a type that is not read here."""

    code = "unsupported_media_type"


STATUS: tuple[tuple[type[PexscheddError], int], ...] = (
    (InvalidFields, 400),
    (TemplateError, 400),
    (NotAuthenticated, 401),
    (NotFound, 404),
    (UnsupportedMediaType, 415),
    (ClientGone, 499),
    (Unavailable, 503),
    (StoreError, 503),
    (MailboxError, 502),
    (PexscheddError, 400),
)
"""The first class that fits gives the status."""


class Responder(Protocol):
    """How one side of the API words an error. Sets nothing but what it returns."""

    def __call__(
        self, request: Request, status: int, error: PexscheddError, incident: str
    ) -> Payload: ...


class BadRequest(PexscheddError):
    """The request itself cannot be read."""

    code = "bad_request"


class HttpError(PexscheddError):
    """A status of HTTP's own: no such path, wrong method."""

    code = "http"


def status_of(error: PexscheddError) -> int:
    return next(status for kind, status in STATUS if isinstance(error, kind))


def client_error(
    request: Request, status: int, error: PexscheddError, incident: str
) -> Payload:
    """The add-in's and the conferencing nodes' side: anybody's."""
    return json_response(
        request,
        {
            "status": "error",
            "code": error.code,
            "message": error.public or error.message,
            "correlation_id": incident,
        },
        status,
    )


def json_response(request: Request, payload: object, status: int = 200) -> Payload:
    body = msgspec.json.encode(payload)
    request.setResponseCode(status)
    set_header = request.responseHeaders.setRawHeaders
    set_header(b"content-type", [b"application/json"])
    set_header(b"content-length", [b"%d" % len(body)])
    return body


def body_of(request: Request) -> bytes:
    """The whole body; `site.Request` has bounded it."""
    return request.content.read() if request.content is not None else b""


def read_json(request: Request, kind: type[T]) -> T:
    """The body as `kind`; raises `BadRequest` that says where it is wrong, and
    `UnsupportedMediaType` for one that calls itself something else than JSON."""
    _require_json(request)
    try:
        return msgspec.json.decode(body_of(request), type=kind)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The request body is not as it should be: {error}") from None
    except RecursionError:
        raise BadRequest("The request body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"The request body is not valid JSON: {error}") from None


def _require_json(request: Request) -> None:
    """A client that names no type is taken at the body's word."""
    for value in request.requestHeaders.getRawHeaders(b"content-type") or []:
        kind = value.partition(b";")[0].strip().lower()
        if kind not in (b"application/json", b"text/json") and not kind.endswith(
            b"+json"
        ):
            shown = kind[:100].decode("ascii", "replace")
            raise UnsupportedMediaType(
                f"The request body must be application/json, not {shown}."
            )


def route(
    app: Klein,
    url: str,
    *,
    methods: Sequence[str] = ("GET",),
    errors: Responder = client_error,
) -> Callable[[Handler], Handler]:
    """Declares a Klein route whose handler may be `async` and may raise.

    A client that goes away does not cancel what the handler has begun: Klein would
    cancel the handler's Deferred, and with it a commit or a call to Exchange. What
    only reads, and takes long, belongs into `while_wanted`.
    """

    def decorate(handler: Handler) -> Handler:
        @app.route(url, methods=list(methods))  # type: ignore[untyped-decorator,unused-ignore]
        @wraps(handler)
        def endpoint(self: object, request: Request, *args: Any, **kwargs: Any) -> Any:
            try:
                result = handler(self, request, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - the one place for all errors
                return _fail(request, errors, error)
            if not iscoroutine(result):
                return result
            deferred: Deferred[Payload] = Deferred.fromCoroutine(result)
            return shield(deferred.addErrback(failed, request))

        def failed(failure: Failure, request: Request) -> Payload:
            return _fail(request, errors, failure.value, failure)

        return handler

    return decorate


def register_http_errors(app: Klein, errors: Responder = client_error) -> None:
    """Makes 404 and 405 come out in the API's own shape, not as HTML."""

    @app.handle_errors(HTTPException)  # type: ignore[untyped-decorator,unused-ignore]
    def http_error(self: object, request: IRequest, failure: Failure) -> Payload:
        problem = failure.value
        assert isinstance(problem, HTTPException)  # noqa: S101 - what was asked for
        status = problem.code or 500
        assert isinstance(request, Request)  # noqa: S101 - the only kind there is
        if isinstance(problem, MethodNotAllowed):
            methods = sorted({*(problem.valid_methods or ())} - {"HEAD"})
            error = method_not_possible(request, methods)
        elif status in (301, 302, 307, 308):
            location = _without_host(str(getattr(problem, "new_url", "")))
            request.responseHeaders.setRawHeaders(b"location", [location.encode()])
            error = HttpError(f"Ask {location} instead.")
        else:
            error = HttpError("There is nothing here.")
        return errors(request, status, error, incident_of(request))


def _without_host(url: str) -> str:
    """A redirect stays on the host that was asked, whatever the Host header said."""
    parts = urlsplit(url)
    return urlunsplit(("", "", parts.path, parts.query, ""))


def method_not_possible(request: Request, methods: Iterable[str]) -> HttpError:
    """Which ones are: for people, and in the header that belongs to a 405."""
    possible = ", ".join(method.upper() for method in methods)
    request.responseHeaders.setRawHeaders(b"allow", [possible.encode("ascii")])
    return HttpError(f"This method is not possible here: only {possible}.")


def incident_of(request: Request) -> str:
    return str(getattr(request, "request_id", ""))


def _fail(
    request: Request,
    errors: Responder,
    error: BaseException | None,
    failure: Failure | None = None,
) -> Payload:
    incident = incident_of(request)
    if isinstance(error, PexscheddError):
        status = status_of(error)
        level = log.info if status < 500 else log.warn
        level(
            "{correlation_id}: {code}: {reason}",
            correlation_id=incident,
            code=error.code,
            reason=error.message,
        )
        return errors(request, status, error, incident)
    log.failure(
        "{correlation_id}: unexpected error",
        failure or Failure(error),
        correlation_id=incident,
    )
    internal = PexscheddError(
        "Something went wrong inside. The log has more under this correlation id."
    )
    return errors(request, 500, internal, incident)


async def while_wanted(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, which is cancelled when the client goes away."""
    working = Deferred.fromCoroutine(work)
    request.notifyFinish().addErrback(lambda _: working.cancel())
    try:
        return await working
    except CancelledError:
        raise ClientGone("The client went away before it was answered.") from None


def shield(deferred: "Deferred[T]") -> "Deferred[T]":
    """A Deferred with the same outcome that ignores being cancelled."""
    outer: Deferred[T] = Deferred()

    def deliver(result: T | Failure) -> None:
        # A cancelled Deferred swallows the one result that still comes.
        outer.callback(result)

    deferred.addBoth(deliver)
    return outer
