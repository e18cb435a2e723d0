"""The requests to Microsoft Graph that only the doctor makes.

Each permission is tried with the least request that needs it. None sends or deletes
anything; what has to write, changes something that is not there, or sets what is set
already. Permissions are looked up before things are, so that a refusal tells the one
from the other.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from pexschedd.doctor import http_probes
from pexschedd.doctor.observations import (
    GraphResult,
    HttpResult,
    MailSample,
    ProcessingTraces,
    RequestTrace,
)
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.errors import MailboxError
from pexschedd.graph.client import ignore_body
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path

NO_ITEM = "AAMkADAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMAAAAAAA="
"""An id that no item has."""

_MESSAGE_CLASS = "String 0x001A"
"""A property that every message has."""
_MOST_REQUESTS = 3
_MOST_LISTED = 25
_LONGEST_ID = 1000

T = TypeVar("T")


class _Body(msgspec.Struct):
    content: str


class _Response(msgspec.Struct):
    response: str = ""


class _Event(msgspec.Struct, rename="camel"):
    id: str = ""
    is_organizer: bool | None = None
    response_status: _Response | None = None


class _Message(msgspec.Struct, rename="camel"):
    id: Annotated[str, msgspec.Meta(max_length=_LONGEST_ID)] = ""
    categories: list[str] | None = None
    body: _Body | None = None
    received: str = msgspec.field(name="receivedDateTime", default="")
    kind: str = msgspec.field(name="@odata.type", default="")
    event: _Event | None = None
    properties: list[Any] | None = msgspec.field(
        name="singleValueExtendedProperties", default=None
    )


class _Messages(msgspec.Struct):
    value: list[_Message]


class _Events(msgspec.Struct):
    value: list[_Event]


class _Settings(msgspec.Struct, rename="camel"):
    user_purpose: str = ""


async def unauthenticated_get(context: ProbeContext) -> HttpResult:
    """Ask Graph for something without a token."""
    url = f"{context.case.connector.mailbox_server}/v1.0/users"
    return await http_probes.request(context.exchange, context.now, url)


async def open_inbox(context: ProbeContext) -> GraphResult:
    """Sign in as the application, and open the equipment mailbox's inbox."""
    path = user_path(_mailbox(context), "mailFolders", "inbox", select="id")
    return await _ask(context, "mailFolders/get", path, ignore_body)


async def read_mail(context: ProbeContext) -> GraphResult:
    """Read one message with its body and an extended property: from the inbox, or from
    anywhere in the mailbox if that is empty."""
    asked = GraphResult()
    for folder in (("mailFolders", "inbox"), ()):
        path = user_path(
            _mailbox(context),
            *folder,
            "messages",
            top=1,
            select="id,categories,body",
            expand=f"singleValueExtendedProperties($filter=id eq '{_MESSAGE_CLASS}')",
        )
        asked = await _ask(context, "messages/list", path, _read_sample)
        if not asked.went_well or asked.result.id:
            break
    return asked


async def write_mail(context: ProbeContext) -> GraphResult:
    """Give a message the categories that it has; without one, a message that is not
    there."""
    seen = context.seen.get("mail_read")
    sample = seen.result if seen is not None and seen.went_well else MailSample()
    path = user_path(_mailbox(context), "messages", sample.id or NO_ITEM)
    body = {"categories": list(sample.categories)}
    return await _ask(context, "messages/update", path, ignore_body, "PATCH", body)


async def write_calendar(context: ProbeContext) -> GraphResult:
    """Change an event that is not there."""
    return await _write_event(context, _mailbox(context))


async def write_users_calendar(context: ProbeContext) -> GraphResult | None:
    """Change an event that is not there in the calendar of the user under test; None if
    there is no such user."""
    user = context.case.user
    return await _write_event(context, user) if user else None


async def mailbox_purpose(context: ProbeContext) -> GraphResult:
    """Read what kind of mailbox it is; the result is a word of Graph's."""
    path = user_path(_mailbox(context), "mailboxSettings", select="userPurpose")
    return await _ask(context, "mailboxSettings/get", path, _read_purpose)


async def processing_traces(context: ProbeContext) -> GraphResult:
    """Look at what Exchange made of the newest requests in the inbox, and of others'
    meetings in the calendar."""
    listed = await _ask(
        context,
        "messages/list",
        user_path(
            _mailbox(context),
            *("mailFolders", "inbox", "messages"),
            top=_MOST_LISTED,
            select="id,receivedDateTime",
            orderby="receivedDateTime desc",
        ),
        _read_request_ids,
    )
    if not listed.went_well:
        return listed
    requests = []
    for id in listed.result[:_MOST_REQUESTS]:
        path = user_path(
            _mailbox(context),
            "messages",
            id,
            expand="microsoft.graph.eventMessage/event",
        )
        found = await _ask(context, "messages/get", path, _read_request)
        if found.went_well:
            requests.append(_trace(found.result, context.now()))
    path = user_path(
        _mailbox(context),
        "events",
        top=_MOST_LISTED,
        select="isOrganizer,responseStatus",
    )
    calendar = await _ask(context, "events/list", path, _read_responses)
    responses = calendar.result if calendar.went_well else ()
    return GraphResult(result=ProcessingTraces(tuple(requests), responses))


async def requests_so_far(context: ProbeContext) -> list[GraphResult]:
    """Return the results of this examination's requests to Graph so far."""
    return [each for each in context.seen.values() if isinstance(each, GraphResult)]


def _mailbox(context: ProbeContext) -> str:
    return context.case.connector.mailbox_address


async def _write_event(context: ProbeContext, mailbox: str) -> GraphResult:
    path = user_path(mailbox, "events", NO_ITEM)
    return await _ask(
        context, "events/update", path, ignore_body, "PATCH", {"categories": []}
    )


async def _ask(
    context: ProbeContext,
    name: str,
    path: str,
    read: Callable[[bytes], Any],
    method: str = "GET",
    body: Any = None,
) -> GraphResult:
    request = ApiRequest(name=name, method=method, path=path, body=body)
    await context.graph_turn.acquire()
    try:
        found = await context.graph.look(request, read)
    except MailboxError as error:
        return GraphResult(refused=error.code, refusal=error.message)
    finally:
        context.graph_turn.release()
    if isinstance(found, GraphProblem):
        return GraphResult(problem=found)
    return GraphResult(result=found)


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _read_sample(body: bytes) -> MailSample:
    found = _decoded(body, _Messages).value
    if not found:
        return MailSample()
    message = found[0]
    return MailSample(
        message.id,
        tuple(message.categories or ()),
        has_body=message.body is not None,
        has_extended_property=bool(message.properties),
    )


def _read_purpose(body: bytes) -> str:
    return _decoded(body, _Settings).user_purpose


def _read_request_ids(body: bytes) -> list[str]:
    found = _decoded(body, _Messages).value
    return [each.id for each in found if each.kind.endswith(".eventMessageRequest")]


def _read_request(body: bytes) -> _Message:
    return _decoded(body, _Message)


def _read_responses(body: bytes) -> tuple[str, ...]:
    found = _decoded(body, _Events).value
    return tuple(_response(each) for each in found if each.is_organizer is False)


def _trace(message: _Message, now: datetime) -> RequestTrace:
    try:
        age = (now - datetime.fromisoformat(message.received)).total_seconds()
    except (ValueError, TypeError):
        age = 0.0
    event = message.event
    if event is None or not event.id:
        return RequestTrace(age, has_event=False)
    return RequestTrace(age, has_event=True, response=_response(event))


def _response(event: _Event) -> str:
    return event.response_status.response if event.response_status else ""
