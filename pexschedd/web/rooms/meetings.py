"""The meetings of a room for any other screen.

GET /v1/meetings     the list, with the token of one endpoint (RFC 6750)

The answer is

    {"room": {"name": "Oak", "email": "oak@example.com"},
     "now": "2026-12-01T08:00:00Z", "read_at": "2026-12-01T07:59:41Z" or null,
     "meetings": [ as in `onetouch.screen.screen_document` ]}

with an `ETag` of the room and its meetings, so that asking again costs nothing while
nothing has changed, and the header `Calendar-Read-At`, which a 304 has as well.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from klein import Klein
from twisted.web.http import datetimeToString
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import NotAuthenticated, PexscheddError, TooManyRequests
from pexschedd.history.audit_entries import SignInListener, ignore_sign_in
from pexschedd.identity.api_tokens import beginning_of
from pexschedd.identity.rooms.screen_tokens import ScreenTokens
from pexschedd.onetouch.screen.screen_document import entity_tag, meeting_documents
from pexschedd.util.token_bucket import Rate, TokenBuckets
from pexschedd.web.basic_auth import authorization
from pexschedd.web.rooms.exchange import MeetingLists
from pexschedd.web.rooms.sign_in import room_sign_in_heard
from pexschedd.web.routes import (
    ResponseBody,
    client_address,
    client_error,
    json_response,
    register_http_errors,
    route,
)

REQUESTS = Rate(20, 10)
"""Requests with one token: once a minute is enough, ten times is the bound."""


def meetings_error(
    request: Request, status: int, error: PexscheddError, correlation_id: str
) -> ResponseBody:
    """Return an error in JSON; one about the token asks for one."""
    if status == 401:
        request.responseHeaders.setRawHeaders(
            b"www-authenticate", [b'Bearer realm="meetings"']
        )
    return client_error(request, status, error, correlation_id)


class MeetingsApi:
    """The route of the module's docstring. `seconds` is a steady clock; `heard` hears
    of each request's sign-in."""

    app = Klein()

    def __init__(
        self,
        tokens: ScreenTokens,
        lists: MeetingLists,
        *,
        now: Now,
        seconds: Callable[[], float],
        heard: SignInListener = ignore_sign_in,
    ) -> None:
        self._heard = heard
        self._tokens = tokens
        self._lists = lists
        self._now = now
        self._seconds = seconds
        self._rates = TokenBuckets(REQUESTS.at_once, REQUESTS.per_minute)

    @route(app, "/v1/meetings", errors=meetings_error)
    def meetings(self, request: Request) -> ResponseBody:
        """Return the list of the token's endpoint."""
        scheme, credentials = authorization(request)
        if scheme != b"bearer":
            raise NotAuthenticated("Send the token of an endpoint (Bearer).")
        sent = credentials.decode("latin-1")
        account = beginning_of(sent)
        with room_sign_in_heard(request, account, "token", self._heard) as found:
            token, endpoint = self._tokens.authenticate(sent, client_address(request))
            found.append(endpoint)
        wait = self._rates.take(token.id, self._seconds())
        if wait:
            raise TooManyRequests(
                "This token asks too often: once a minute is enough.", retry_after=wait
            )
        now = self._now()
        read_at = self._lists.stale(endpoint.id)
        documents = meeting_documents(self._lists.of(endpoint.id))
        room = {"name": endpoint.name, "email": endpoint.room_resource_email}
        tag = entity_tag(f"{room['name']}\0{room['email']}", documents)
        set_header = request.responseHeaders.setRawHeaders
        set_header(b"etag", [tag.encode("ascii")])
        set_header(b"cache-control", [b"private, no-cache"])
        set_header(b"vary", [b"Authorization"])
        # Signs set their clocks by it, so it is the daemon's own time.
        set_header(b"date", [datetimeToString(now.timestamp())])
        if read_at is not None:
            set_header(b"calendar-read-at", [_stamp(read_at).encode("ascii")])
        if _has_it(request, tag):
            request.setResponseCode(304)
            return b""
        return json_response(
            request,
            {
                "room": room,
                "now": _stamp(now),
                "read_at": None if read_at is None else _stamp(read_at),
                "meetings": documents,
            },
        )

    register_http_errors(app, meetings_error)


def _has_it(request: Request, tag: str) -> bool:
    """Return whether the client has the list with this tag (RFC 9110, 13.1.2)."""
    given = ",".join(
        each.decode("latin-1")
        for each in request.requestHeaders.getRawHeaders(b"if-none-match") or []
    )
    tags = {each.strip().removeprefix("W/") for each in given.split(",")}
    return tag in tags or "*" in tags


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
