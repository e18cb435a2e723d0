"""The emulated Exchange over HTTP, for room systems that ask Exchange for meetings.

POST /EWS/Exchange.asmx                  SOAP: see `onetouch.emulation`
POST /autodiscover/autodiscover.xml      Autodiscover, plain
POST /autodiscover/autodiscover.svc      Autodiscover, SOAP

Upper and lower case are the same in these addresses, as at Exchange. Each endpoint
signs in with its own account and is given its own room. What is not answered is logged
whole, without credentials: what such systems ask for is not documented.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from klein import Klein
from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import NotFound, PexscheddError, TooManyRequests
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.onetouch.contacts import EndpointContacts
from pexschedd.onetouch.emulation.autodiscover import (
    DiscoverAnswer,
    answer_pox,
    answer_soap,
)
from pexschedd.onetouch.emulation.emulated_exchange import (
    EmulatedAnswer,
    EmulatedExchange,
    refused_answer,
)
from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.soap import ExchangeRefusal
from pexschedd.onetouch.emulation.support_log import (
    LoggedRequests,
    without_credentials,
)
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting
from pexschedd.util.token_bucket import Rate, TokenBuckets
from pexschedd.web.rooms.sign_in import RoomSignIn, SignInChallenge
from pexschedd.web.routes import (
    ResponseBody,
    body_of,
    correlation_id_of,
    register_http_errors,
    route,
)

_log = Logger(namespace="room.exchange")

EWS_PATH = "/EWS/Exchange.asmx"
FIRST_PARTS = (
    *(b"EWS", b"ews", b"Ews"),
    *(b"autodiscover", b"Autodiscover", b"AutoDiscover", b"AUTODISCOVER"),
)
"""The first parts of this API's paths, as clients write them."""

LARGEST = 256 * 1024
"""Bytes of a request; those of clients have a few thousand."""
REQUESTS = Rate(240, 120)
"""Requests of one endpoint. One asks every half minute, a few things each time."""

_XML = [b"text/xml; charset=utf-8"]


class MeetingLists(Protocol):
    """The lists of the screens: see `onetouch.room_lists.RoomLists`."""

    def of(self, endpoint_id: int) -> tuple[ScreenMeeting, ...]:
        """Return an endpoint's list as it is now."""

    def stale(self, endpoint_id: int) -> datetime | None:
        """Return when the endpoint's room was last read; None if it never was."""


def exchange_error(
    request: Request, status: int, error: PexscheddError, correlation_id: str
) -> ResponseBody:
    """Word an error for a client that expects Exchange: a server that is busy has the
    status 503."""
    del correlation_id
    request.setResponseCode(503 if status == 429 else status)
    request.responseHeaders.setRawHeaders(b"content-type", [b"text/plain"])
    return (error.public or error.message).encode()


class EmulatedExchangeApi:
    """The routes of the module's docstring.

    `given` is told of each request for meetings: the endpoint, and why it was given
    nothing, empty if it was. `seconds` is a steady clock.
    """

    app = Klein()

    def __init__(
        self,
        sign_in: RoomSignIn,
        lists: MeetingLists,
        contacts: EndpointContacts,
        *,
        now: Now,
        seconds: Callable[[], float],
        given: Callable[[Endpoint, str], object],
    ) -> None:
        self._sign_in = sign_in
        self._lists = lists
        self._contacts = contacts
        self._now = now
        self._seconds = seconds
        self._given = given
        self._exchange = EmulatedExchange()
        self._logged = LoggedRequests()
        self._rates = TokenBuckets(REQUESTS.at_once, REQUESTS.per_minute)

    @route(
        app,
        "/<any(EWS,ews,Ews):folder>/<string:name>",
        methods=("POST", "GET"),
        errors=exchange_error,
    )
    def ews(self, request: Request, folder: str, name: str) -> ResponseBody:
        """Answer a request for the calendar."""
        del folder
        if name.casefold() != "exchange.asmx":
            raise NotFound("There is nothing here.")
        try:
            endpoint = self._endpoint(request)
        except SignInChallenge as needed:
            return _unauthorized(request, needed)
        if request.method != b"POST":
            # Clients try an address out; Exchange answers with a page.
            return _xml(request, 200, b"")
        body = body_of(request)
        answer = self._answer(endpoint, body)
        if answer.refused:
            self._log_refused(request, endpoint, body, answer.operation, answer.refused)
        return _xml(request, answer.status, answer.body)

    @route(
        app,
        "/<any(autodiscover,Autodiscover,AutoDiscover,AUTODISCOVER):folder>/"
        "<string:name>",
        methods=("POST", "GET"),
        errors=exchange_error,
    )
    def autodiscover(self, request: Request, folder: str, name: str) -> ResponseBody:
        """Tell an endpoint the address of its calendar."""
        del folder
        answer = {
            "autodiscover.xml": answer_pox,
            "autodiscover.svc": answer_soap,
        }.get(name.casefold())
        if answer is None:
            raise NotFound("There is nothing here.")
        try:
            endpoint = self._endpoint(request)
        except SignInChallenge as needed:
            return _unauthorized(request, needed)
        body = body_of(request)[:LARGEST]
        found: DiscoverAnswer = answer(
            body, self._room(endpoint, ()), _own_url(request)
        )
        if found.refused:
            self._log_refused(request, endpoint, body, "Autodiscover", found.refused)
        return _xml(request, 200, found.body)

    register_http_errors(app, exchange_error)

    def _endpoint(self, request: Request) -> Endpoint:
        endpoint = self._sign_in.endpoint(request)
        wait = self._rates.take(endpoint.id, self._seconds())
        if wait:
            raise TooManyRequests(
                "The endpoint asks too often. Wait, then try again.", retry_after=wait
            )
        return endpoint

    def _answer(self, endpoint: Endpoint, body: bytes) -> EmulatedAnswer:
        if len(body) > LARGEST:
            return refused_answer(ExchangeRefusal("ErrorRequestStreamTooBig"))
        if self._lists.stale(endpoint.id) is None:
            refusal = ExchangeRefusal("ErrorMailboxStoreUnavailable")
            self._contacts.note(endpoint.id, 0)
            self._given(endpoint, _never_read(endpoint))
            return refused_answer(refusal)
        meetings = self._lists.of(endpoint.id)
        room = self._room(endpoint, meetings)
        answer = self._exchange.answer(body, room, endpoint.id)
        self._contacts.note(endpoint.id, len(meetings))
        self._given(endpoint, "")
        return answer

    def _room(
        self, endpoint: Endpoint, meetings: tuple[ScreenMeeting, ...]
    ) -> EmulatedRoom:
        return EmulatedRoom(
            email=endpoint.room_resource_email.strip().casefold(),
            name=endpoint.name,
            meetings=meetings,
            now=self._now(),
        )

    def _log_refused(
        self,
        request: Request,
        endpoint: Endpoint,
        body: bytes,
        operation: str,
        reason: str,
    ) -> None:
        if not self._logged.is_due(endpoint.id, f"{operation} {reason}", self._now()):
            return
        _log.warn(
            "emulated exchange refused operation={operation} endpoint={endpoint} "
            "reason={reason} agent={agent} request={request}",
            operation=operation or "-",
            endpoint=endpoint.name,
            reason=reason,
            agent=(request.getHeader("user-agent") or "-")[:200],
            request=without_credentials(body),
            correlation_id=correlation_id_of(request),
        )


def _never_read(endpoint: Endpoint) -> str:
    if endpoint.mjx_endpoint_group is None:
        return (
            f"The endpoint {endpoint.name!r} asks for its meetings and cannot be given "
            "any: it is in no endpoint group. Set its mjx_endpoint_group."
        )
    return (
        f"The endpoint {endpoint.name!r} asks for its meetings and cannot be given "
        f"any: the calendar of {endpoint.room_resource_email} was never read. Look at "
        "the alarms of its profile and of the deployment that reads the room."
    )


def _unauthorized(request: Request, needed: SignInChallenge) -> ResponseBody:
    """Ask for the sign-in. A handshake passes here: it is no error to log."""
    request.setResponseCode(401)
    challenges = [each.encode("ascii") for each in needed.challenges]
    request.responseHeaders.setRawHeaders(b"www-authenticate", challenges)
    request.responseHeaders.setRawHeaders(b"content-type", [b"text/plain"])
    return needed.message.encode()


def _xml(request: Request, status: int, body: bytes) -> ResponseBody:
    request.setResponseCode(status)
    request.responseHeaders.setRawHeaders(b"content-type", _XML)
    return body


def _own_url(request: Request) -> str:
    """The address of the calendar, on the host that the client has asked. Behind a
    proxy it is https unless the proxy says otherwise."""
    host = (request.getHeader("host") or "localhost").strip()
    is_secure = request.isSecure()
    client = getattr(request, "caller", None)
    if client is not None and client.is_forwarded and not client.scheme:
        is_secure = True
    return f"{'https' if is_secure else 'http'}://{host}{EWS_PATH}"
