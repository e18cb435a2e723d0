"""Common parts of all routes: JSON in and out, errors to status, no cancelled writes.

A route parses the request, calls one use case and serialises its result. It raises
domain errors, and the one table here maps them to HTTP status codes. Anything else
becomes a logged traceback and a 500 that carries nothing but the request's id.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial, wraps
from inspect import iscoroutine
from math import ceil
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
from werkzeug.routing import IntegerConverter, Map, Rule, RuleFactory

from pexschedd.errors import (
    CommandRunning,
    InvalidFields,
    KeyReused,
    MailboxError,
    NotAuthenticated,
    NotFound,
    PexscheddError,
    RecordChanged,
    RecordInUse,
    RoomNotUsable,
    StoreError,
    StoreFull,
    TemplateError,
    TooManyRequests,
    Unavailable,
    UnknownUser,
)
from pexschedd.util.cancellation import shield
from pexschedd.util.client_network import network_of
from pexschedd.web.attachment import attachment
from pexschedd.web.refusals import INTERNAL, ErrorShape, client_shape

T = TypeVar("T")
ResponseBody = bytes
Handler = Callable[..., Any]
"""Takes the request and the segments of its path; returns a `ResponseBody`, or a
coroutine that does."""

log = Logger()


class ClientGone(PexscheddError):
    """The client disconnected before it was answered."""

    code = "client_gone"


class BadRequest(PexscheddError):
    """The request itself cannot be read."""

    code = "bad_request"


class Forbidden(PexscheddError):
    """The caller may not do this."""

    code = "forbidden"


class HttpError(PexscheddError):
    """An error of HTTP itself: no such path, wrong method."""

    code = "http"


class MethodNotPossible(HttpError):
    """The path exists, but not for this method. See `method_not_possible`."""


class UnsupportedMediaType(PexscheddError):
    """The request body is of a type that is not read here."""

    code = "unsupported_media_type"


STATUS: tuple[tuple[type[PexscheddError], int], ...] = (
    (InvalidFields, 400),
    (TemplateError, 400),
    (NotAuthenticated, 401),
    (Forbidden, 403),
    (UnknownUser, 403),
    (RoomNotUsable, 409),
    (RecordInUse, 409),
    (CommandRunning, 409),
    (NotFound, 404),
    (MethodNotPossible, 405),
    (RecordChanged, 412),
    (KeyReused, 422),
    (UnsupportedMediaType, 415),
    (TooManyRequests, 429),
    (ClientGone, 499),
    (Unavailable, 503),
    (StoreError, 503),
    (MailboxError, 502),
    (PexscheddError, 400),
)
"""The first class that fits gives the status; subclasses of these are in `errors`, such
as `InvalidToken` of `NotAuthenticated`."""


class ErrorResponder(Protocol):
    """Words an error for one side of the API, and sets the response's status and
    headers."""

    def __call__(
        self, request: Request, status: int, error: PexscheddError, correlation_id: str
    ) -> ResponseBody:
        """Return the body; `correlation_id` is the request's id, also in the log."""


def status_of(error: PexscheddError) -> int:
    """Return the HTTP status of a domain error."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def client_error(
    request: Request, status: int, error: PexscheddError, correlation_id: str
) -> ResponseBody:
    """Word an error for the add-in and the conferencing nodes, whose callers are not
    administrators: `public` takes the place of the message where there is one."""
    text = error.public or error.message
    return json_response(
        request, client_shape(error.code, text, correlation_id), status
    )


def site_error(
    request: Request, status: int, error: PexscheddError, correlation_id: str
) -> ResponseBody:
    """Word an error in the shape of the side that is asked, for routes of both."""
    shape: ErrorShape = getattr(request.site, "shape", client_shape)
    text = error.public or error.message
    return json_response(request, shape(error.code, text, correlation_id), status)


def json_response(request: Request, payload: object, status: int = 200) -> ResponseBody:
    """Return `payload` as a JSON body, and set the status and the headers for it."""
    return encoded_json(request, msgspec.json.encode(payload), status)


def encoded_json(request: Request, body: bytes, status: int = 200) -> ResponseBody:
    """Return a body that is JSON already, and set the status and the headers for it."""
    request.setResponseCode(status)
    set_header = request.responseHeaders.setRawHeaders
    set_header(b"content-type", [b"application/json"])
    set_header(b"content-length", [b"%d" % len(body)])
    return body


def empty_response(request: Request, status: int) -> ResponseBody:
    """Return no body, and set the status."""
    request.setResponseCode(status)
    request.responseHeaders.setRawHeaders(b"content-type", [b"application/json"])
    return b""


def file_response(
    request: Request, content: bytes, content_type: str, name: str = ""
) -> ResponseBody:
    """Return a file's content; with a `name` browsers save it under that name."""
    set_header = request.responseHeaders.setRawHeaders
    set_header(b"content-type", [content_type.encode()])
    if name:
        set_header(b"content-disposition", [attachment(name).encode("ascii")])
    return content


def body_of(request: Request) -> bytes:
    """Return the whole body; `site.BoundedRequest` has limited its size."""
    return request.content.read() if request.content is not None else b""


class _PlainNumber(IntegerConverter):
    """A number in a path: without leading zeros and in ASCII, so that each path has one
    spelling."""

    regex = "0|[1-9][0-9]*"


class _MatchedRule(Rule):
    """A rule that finds the route of a path, and never makes a path for a route.

    Werkzeug writes and compiles two functions for the latter: most of what a hundred
    routes cost at each start.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., Any]:
        return _never_built


def _never_built(rule: Rule, **segments: Any) -> tuple[str, str]:
    raise NotImplementedError(f"{rule.rule} is a route to be found, not built")


class _MatchedRules(Map):
    """Rules of an application, none of which can be built."""

    def add(self, rulefactory: RuleFactory) -> None:
        for rule in rulefactory.get_rules(self):
            super().add(_MatchedRule(rule.rule, **rule.get_empty_kwargs()))


def new_app() -> Klein:
    """Return an application for routes."""
    app = Klein()
    app._url_map = _MatchedRules(converters={"int": _PlainNumber})
    return app


def route(
    app: Klein,
    url: str,
    *,
    methods: Sequence[str] = ("GET",),
    errors: ErrorResponder = client_error,
) -> Callable[[Handler], Handler]:
    """Declare a method of a class as a route of its Klein `app`; see `respond`."""

    def decorate(handler: Handler) -> Handler:
        @app.route(url, methods=list(methods))  # type: ignore[untyped-decorator,unused-ignore]
        @wraps(handler)
        def endpoint(self: object, request: Request, **segments: Any) -> Any:
            return respond(partial(handler, self), request, errors, segments)

        return handler

    return decorate


def respond(
    handler: Handler,
    request: Request,
    errors: ErrorResponder,
    segments: Mapping[str, Any],
) -> "ResponseBody | Deferred[ResponseBody]":
    """Return the answer of `handler`, which may be `async` and may raise.

    A client that disconnects does not cancel what the handler has begun: Klein would
    cancel the handler's Deferred, and with it a commit or a call to Exchange. Work that
    only reads, and takes long, belongs into `while_wanted`.

    `segments` are the variable parts of the path. One that is called `connector_id`
    is logged as the integration that a failed request was about.
    """
    integration = segments.get("connector_id")
    try:
        result = handler(request, **segments)
    except Exception as error:  # noqa: BLE001 - the one place for all errors
        return _error_answer(request, errors, Failure(error), integration)
    if not iscoroutine(result):
        body: ResponseBody = result
        return body
    deferred: Deferred[ResponseBody] = Deferred.fromCoroutine(result)
    return shield(
        deferred.addErrback(
            lambda failure: _error_answer(request, errors, failure, integration)
        )
    )


def register_http_errors(app: Klein, errors: ErrorResponder = client_error) -> None:
    """Make the 404 and 405 of a class's `app` come out in the API's own shape, not as
    HTML."""

    @app.handle_errors(HTTPException)  # type: ignore[untyped-decorator,unused-ignore]
    def http_error(self: object, request: IRequest, failure: Failure) -> ResponseBody:
        return http_error_answer(request, failure, errors)


def http_error_answer(
    request: IRequest, failure: Failure, errors: ErrorResponder, hint: str = ""
) -> ResponseBody:
    """Return the answer to a request for which there is no route; `hint` says where
    to look for what there is."""
    problem = failure.value
    assert isinstance(problem, HTTPException)  # noqa: S101 - the only registered kind
    assert isinstance(request, Request)  # noqa: S101 - the only kind there is
    status = problem.code or 500
    error: PexscheddError
    if isinstance(problem, MethodNotAllowed):
        methods = sorted({*(problem.valid_methods or ())} - {"HEAD"})
        error = method_not_possible(request, methods)
    elif status in (301, 302, 307, 308):
        location = _without_host(str(getattr(problem, "new_url", "")))
        request.responseHeaders.setRawHeaders(b"location", [location.encode()])
        error = HttpError(f"Ask {location} instead.")
    else:
        error = HttpError(f"There is nothing here.{hint}")
    return errors(request, status, error, correlation_id_of(request))


def _without_host(url: str) -> str:
    """A redirect stays on the host that was asked, whatever the Host header said."""
    parts = urlsplit(url)
    return urlunsplit(("", "", parts.path, parts.query, ""))


def method_not_possible(request: Request, methods: Iterable[str]) -> MethodNotPossible:
    """Return the error that names the methods that are possible, and set the `Allow`
    header that belongs to a 405."""
    possible = ", ".join(method.upper() for method in methods)
    request.responseHeaders.setRawHeaders(b"allow", [possible.encode("ascii")])
    return MethodNotPossible(f"This method is not allowed here, only {possible}.")


def client_address(request: Request) -> str:
    """Return the client's IP address; see `site.BoundedRequest.client_address`."""
    return str(getattr(request, "client_address", ""))


def client_network(request: Request) -> str:
    """Return what a client is counted by: see `client_network`."""
    return network_of(client_address(request))


def correlation_id_of(request: Request) -> str:
    """Return the request's id: the correlation id of its errors and log lines."""
    return str(getattr(request, "request_id", ""))


def _error_answer(
    request: Request,
    errors: ErrorResponder,
    failure: Failure,
    integration: int | None,
) -> ResponseBody:
    """Log why a request was not served, and return the answer that says so."""
    correlation_id = correlation_id_of(request)
    keys: dict[str, Any] = {"correlation_id": correlation_id}
    if integration is not None:
        keys["integration"] = integration
    error = failure.value
    if isinstance(error, PexscheddError):
        status = status_of(error)
        level = log.info if status < 500 else log.warn
        level(
            "request refused status={status} code={code} reason={reason}",
            status=status,
            code=error.code,
            reason=error.message,
            **keys,
        )
        if isinstance(error, TooManyRequests | StoreFull):
            seconds = b"%d" % max(1, ceil(error.retry_after))
            request.responseHeaders.setRawHeaders(b"retry-after", [seconds])
        return errors(request, status, error, correlation_id)
    log.failure("request failed status=500", failure, **keys)
    return errors(request, 500, PexscheddError(INTERNAL), correlation_id)


async def while_wanted(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, which is cancelled if the client disconnects.

    Raises `ClientGone` then.
    """
    working = Deferred.fromCoroutine(work)
    request.notifyFinish().addErrback(lambda _: working.cancel())
    try:
        return await working
    except CancelledError:
        raise ClientGone("The client disconnected before it was answered.") from None
