"""The look-up of a message before it is answered: where it lies, its event, and what an
answer by mail has to repeat. Pure.

Answers of Graph may hold anything: what is missing, or of another type than it should
be, reads as absent.
"""

import base64
import binascii
import re
from collections.abc import Generator
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec

from pexschedd.exchange.global_ids import canonical_uid, occurrence_date
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.model.meeting import Person

DECLINING = "pexschedd: declining "
"""The beginning of the category that a message gets before its event is declined: the
event is gone afterwards, and cannot say any more that it was. What follows tells that
event from one that Exchange makes of a newer message."""

ACCEPTING = "pexschedd: accepting after "
"""The beginning of the category that a message gets before an event is accepted which
may have been accepted for another message; what follows is the time of that answer."""

MAX_TEXT = 2000
"""Characters of a text that is kept."""

_CLEAN_ID = "Binary {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x23"
_GLOBAL_ID = "Binary {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x3"
_SEQUENCE = "Integer {00062002-0000-0000-C000-000000000046} Id 0x8201"
_REPLACE_TIME = "SystemTime {00062002-0000-0000-C000-000000000046} Id 0x8228"
_PROPERTIES = (_CLEAN_ID, _GLOBAL_ID, _SEQUENCE, _REPLACE_TIME)
"""Extended properties: MS-OXOCAL's clean and full global object id, sequence number,
and original start of an exception."""

_CAST = "microsoft.graph.eventMessage"
_MESSAGE_SELECT = (
    "id,parentFolderId,receivedDateTime,categories,subject,from,sender,"
    f"internetMessageId,{_CAST}/meetingMessageType,{_CAST}/isDelegated,{_CAST}/type,"
    f"{_CAST}/isOutOfDate"
)
_TIMES_SELECT = f",{_CAST}/startDateTime,{_CAST}/endDateTime,{_CAST}/isAllDay"
_EVENT = f"{_CAST}/event"
_EVENT_SELECT = (
    "id,responseStatus,isCancelled,isOrganizer,organizer,type,createdDateTime,"
    "lastModifiedDateTime,originalStart"
)
_PROPERTY_ID = re.compile(r"\{([0-9a-f-]{36})\} id 0x0*([0-9a-f]{1,8})", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?")
_NEVER = 1900
"""Exchange's years for no time at all are before it."""


class FoundEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The event that a meeting message is about, in the mailbox's own calendar."""

    id: str
    response: str = ""
    """The mailbox's answer: accepted, declined, notResponded, organizer, ..."""
    responded: datetime | None = None
    response_time: str = ""
    """The same as Graph writes it, with fractions of seconds."""
    cancelled: bool = False
    organized: bool = False
    """The mailbox organizes the meeting itself."""
    organizer: str = ""
    """The organizer's address, to which answers to the event go."""
    kind: str = ""
    """singleInstance, occurrence, exception or seriesMaster."""
    created: datetime | None = None
    modified: datetime | None = None
    original: datetime | None = None
    """The original start of an occurrence."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a look-up's answer; that of any other request is empty."""

    id: str = ""
    count: int = 0
    """The number of things in a list."""
    folder: str = ""
    received: datetime | None = None
    subject: str = ""
    author: Person = Person("", "")
    """The principal: who the message says it is from."""
    message_id: str = ""
    marks: tuple[str, ...] = ()
    """Its categories that we gave it, see `DECLINING` and `ACCEPTING`."""
    is_meeting: bool = False
    outdated: bool = False
    """A newer message about the meeting has come, which is answered instead."""
    delegated: bool = False
    """It is a copy for a delegate of the one who was invited."""
    kind: str = ""
    """As `FoundEvent.kind`."""
    organizes: bool = False
    event: FoundEvent | None = None
    start: datetime | None = None
    end: datetime | None = None
    all_day: bool = False
    has_properties: bool = False
    """Extended properties came with it."""
    uid: str = ""
    sequence: int = 0
    recurrence_id: datetime | date | None = None
    """The original start of the occurrence that the message is about, or its day."""

    @property
    def declining(self) -> str | None:
        """Return what follows `DECLINING` in its category; None if it has none."""
        return self._marked(DECLINING)

    @property
    def accepting(self) -> str | None:
        """Return what follows `ACCEPTING` in its category; None if it has none."""
        return self._marked(ACCEPTING)

    def _marked(self, beginning: str) -> str | None:
        marks = (each for each in self.marks if each.startswith(beginning))
        return next((each.removeprefix(beginning) for each in marks), None)


T = TypeVar("T")

Steps = Generator[ApiRequest, Found | GraphProblem, T]
"""The steps of one thing that needs several requests: they yield a request, get its
result, and return what came of it in the end."""

# Requests


def look_up(
    address: str, item_id: str, *, details: bool, selected: bool = True
) -> ApiRequest:
    """Return the request for a message and its event; `details` adds what a mail has
    to repeat. Without `selected` it asks for all properties and no extended ones."""
    query = {"expand": _EVENT}
    if selected:
        query = {
            "select": _MESSAGE_SELECT + (_TIMES_SELECT if details else ""),
            "expand": f"{_EVENT}($select={_EVENT_SELECT})",
        }
        if details:
            query["expand"] += f",{_expanded_properties()}"
    return ApiRequest(
        name="messages/event",
        method="GET",
        path=user_path(address, "messages", item_id, **query),
    )


def look_up_properties(address: str, item_id: str) -> ApiRequest:
    """Return the request for a message's extended properties."""
    return ApiRequest(
        name="messages/properties",
        method="GET",
        path=user_path(
            address, "messages", item_id, select="id", expand=_expanded_properties()
        ),
    )


def find_mail(address: str, message_id: str) -> ApiRequest:
    """Return the request for mails with this Message-ID, in whatever folder: one that
    is being sent may not lie in Sent Items yet."""
    return ApiRequest(
        name="messages/find-sent",
        method="GET",
        path=user_path(
            address,
            "messages",
            filter=f"internetMessageId eq '{message_id}'",
            select="id",
            top=1,
        ),
    )


def look_up_folder(address: str, name: str) -> ApiRequest:
    """Return the request for the id of a well-known folder."""
    return ApiRequest(
        name="mailFolders/get",
        method="GET",
        path=user_path(address, "mailFolders", name, select="id"),
    )


def _expanded_properties() -> str:
    wanted = " or ".join(f"id eq '{each}'" for each in _PROPERTIES)
    return f"singleValueExtendedProperties($filter={wanted})"


# Answers


def parse_found(body: bytes) -> Found:
    """Read the answer to any request of an answer; raises `ValueError` for what is not
    JSON."""
    try:
        found = msgspec.json.decode(body or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    document = _object(found)
    values = document.get("value")
    if isinstance(values, list):
        return Found(count=len(values))
    event = _event(_object(document.get("event")))
    kind = _text(document.get("@odata.type")).lower()
    properties = _extended(document.get("singleValueExtendedProperties"))
    return Found(
        id=_text(document.get("id")),
        folder=_text(document.get("parentFolderId")),
        received=read_time(document.get("receivedDateTime")),
        subject=_text(document.get("subject")),
        author=_author(document),
        message_id=_text(document.get("internetMessageId")),
        marks=_marks(document.get("categories")),
        is_meeting="eventmessage" in kind
        or event is not None
        or _text(document.get("meetingMessageType")) not in ("", "none"),
        outdated=document.get("isOutOfDate") is True,
        delegated=document.get("isDelegated") is True,
        kind=_text(document.get("type")),
        organizes=document.get("isOrganizer") is True,
        event=event,
        start=_zoned(document.get("startDateTime")),
        end=_zoned(document.get("endDateTime")),
        all_day=document.get("isAllDay") is True,
        has_properties=bool(properties),
        uid=_uid(properties),
        sequence=_number(properties.get(_key(_SEQUENCE), "")),
        recurrence_id=_recurrence_id(properties, document, event),
    )


def read_time(value: object) -> datetime | None:
    """Read a time with its offset, as aware UTC; None for what is none, and for the
    years that stand for no time."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat(match[1] + (match[2] or "Z"))
        return moment.astimezone(UTC) if moment.year > _NEVER else None
    except (ValueError, OverflowError):
        return None


def _event(document: dict[str, Any]) -> FoundEvent | None:
    identifier = _text(document.get("id"))
    if not identifier:
        return None  # null and {} both mean that there is none
    status = _object(document.get("responseStatus"))
    response = _text(status.get("response"))
    return FoundEvent(
        id=identifier,
        response=response,
        responded=read_time(status.get("time")),
        response_time=_text(status.get("time")),
        organizer=_person(document.get("organizer")).email,
        created=read_time(document.get("createdDateTime")),
        cancelled=document.get("isCancelled") is True,
        organized=document.get("isOrganizer") is True or response == "organizer",
        kind=_text(document.get("type")),
        modified=read_time(document.get("lastModifiedDateTime")),
        original=read_time(document.get("originalStart")),
    )


def _marks(value: object) -> tuple[str, ...]:
    texts = (_text(each) for each in _list(value)[:50])
    return tuple(each for each in texts if each.startswith((DECLINING, ACCEPTING)))


def _recurrence_id(
    properties: dict[tuple[str, int], str],
    document: dict[str, Any],
    event: FoundEvent | None,
) -> datetime | date | None:
    day = occurrence_date(_binary(properties.get(_key(_GLOBAL_ID), "")))
    if day is None and _text(document.get("type")) not in ("occurrence", "exception"):
        return None
    replaced = read_time(properties.get(_key(_REPLACE_TIME)))
    if replaced is not None:
        return replaced
    if event is not None and event.original is not None:
        return event.original
    return day


def _uid(properties: dict[tuple[str, int], str]) -> str:
    for identifier in (_CLEAN_ID, _GLOBAL_ID):
        uid = canonical_uid(_binary(properties.get(_key(identifier), "")))
        if uid:
            return uid
    return ""


def _extended(value: object) -> dict[tuple[str, int], str]:
    """Return the values by set and number: ids come back in another spelling."""
    found = {}
    for each in _list(value)[:50]:
        entry = _object(each)
        key = _key(_text(entry.get("id")))
        text = entry.get("value")
        if key is not None and isinstance(text, str) and len(text) <= 4 * MAX_TEXT:
            found[key] = text
    return found


def _key(identifier: str) -> Any:
    match = _PROPERTY_ID.search(identifier.lower())
    return (match[1], int(match[2], 16)) if match is not None else None


def _binary(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) else 0


def _zoned(value: object) -> datetime | None:
    """Return the time of a dateTimeTimeZone in UTC, in which it is asked for."""
    document = _object(value)
    if document.get("timeZone") != "UTC":
        return None
    return read_time(document.get("dateTime"))


def _author(document: dict[str, Any]) -> Person:
    author = _person(document.get("from"))
    return author if author.email else _person(document.get("sender"))


def _person(value: object) -> Person:
    address = _object(_object(value).get("emailAddress"))
    email = _text(address.get("address"))
    return Person(_text(address.get("name")), email if "@" in email else "")


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""
