"""Events of a room's calendar: from JSON to the port's words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.graph.rooms.room_events import (
    LISTED,
    WHOLE,
    parse_event,
    parse_listing,
    read_instant,
)
from pexschedd.graph.rooms.rooms import build_get, build_listing
from pexschedd.model.meeting import MessageRef, Person
from pexschedd.onetouch.invitation.invitation import LONGEST_BODY
from pexschedd.onetouch.ports.room_mailboxes import RoomItem

START = datetime(2026, 12, 1, 9, tzinfo=UTC)
PREFIX = "040000008200E00074C5B7101A82E008"
TAIL = "00" * 16 + "10000000" + "AB" * 16
CLEAN = f"{PREFIX}00000000{TAIL}"
OF_A_DAY = f"{PREFIX}07EA0C01{TAIL}"
"""The same meeting's on 1 December 2026."""
EVENT: dict[str, Any] = {
    "@odata.etag": 'W/"key"',
    "id": "AAMk1=",
    "changeKey": "key",
    "iCalUId": CLEAN,
    "type": "singleInstance",
    "subject": "Plan",
    "sensitivity": "normal",
    "isAllDay": False,
    "isCancelled": False,
    "lastModifiedDateTime": "2026-11-30T08:00:00.1234567Z",
    "originalStartTimeZone": "W. Europe Standard Time",
    "start": {"dateTime": "2026-12-01T09:00:00.0000000", "timeZone": "UTC"},
    "end": {"dateTime": "2026-12-01T10:00:00.0000000", "timeZone": "UTC"},
    "location": {"displayName": " Oak "},
    "organizer": {
        "emailAddress": {"name": "Alice Archer", "address": "alice@example.test"}
    },
    "body": {"contentType": "html", "content": "<p>Agenda</p>"},
}


def event(**changes: Any) -> RoomItem:
    """The event as it is read, with other values."""
    found = parse_event(msgspec.json.encode(EVENT | changes))
    assert found is not None
    return found.item


def test_an_event_is_read_as_it_is() -> None:
    """It has all that rules and screens ask for."""
    assert event() == RoomItem(
        ref=MessageRef("AAMk1=", "key"),
        uid=CLEAN,
        start=START,
        end=START + timedelta(hours=1),
        changed=datetime(2026, 11, 30, 8, 0, 0, 123456, tzinfo=UTC),
        subject="Plan",
        location="Oak",
        html="<p>Agenda</p>",
        organizer=Person("Alice Archer", "alice@example.test"),
    )


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"sensitivity": "private"}, "is_private", True),
        ({"sensitivity": "confidential"}, "is_private", True),
        ({"sensitivity": "personal"}, "is_private", False),
        ({"sensitivity": None}, "is_private", False),
        ({"isCancelled": True}, "is_cancelled", True),
        ({"isAllDay": True}, "is_all_day", True),
        ({"subject": None}, "subject", ""),
        ({"subject": "\u200b"}, "subject", ""),
        ({"subject": "x" * 5000}, "subject", "x" * 1000),
        ({"location": None}, "location", ""),
        ({"location": {"displayName": None}}, "location", ""),
        ({"organizer": None}, "organizer", Person("", "")),
        ({"organizer": {"emailAddress": None}}, "organizer", Person("", "")),
        (
            {"organizer": {"emailAddress": {"name": "A", "address": "/o=X/cn=a"}}},
            "organizer",
            Person("A", ""),
        ),
        ({"iCalUId": OF_A_DAY}, "uid", CLEAN),
        ({"iCalUId": OF_A_DAY.lower()}, "uid", CLEAN),
        ({"iCalUId": "abc@google.com"}, "uid", "abc@google.com"),
        ({"iCalUId": None}, "uid", ""),
        ({"changeKey": None}, "ref", MessageRef("AAMk1=", 'W/"key"')),
        ({"lastModifiedDateTime": "yesterday"}, "changed", None),
        ({"type": "occurrence"}, "recurrence_id", START),
        ({"type": "exception"}, "recurrence_id", START),
        (
            {"type": "exception", "originalStart": "2026-11-30T10:00:00+01:00"},
            "recurrence_id",
            START - timedelta(days=1),
        ),
        ({"type": "singleInstance", "originalStart": None}, "recurrence_id", None),
        ({"body": {"contentType": "text", "content": "plain"}}, "text", "plain"),
        ({"body": {"contentType": "text", "content": "plain"}}, "html", ""),
        ({"body": {"contentType": "html", "content": None}}, "html", ""),
    ],
)
def test_what_a_field_means(
    changes: dict[str, Any], field: str, expected: object
) -> None:
    """Each property has its meaning; what is missing or odd reads as empty."""
    assert getattr(event(**changes), field) == expected


@pytest.mark.parametrize(
    ("zone", "own_zone", "expected"),
    [
        ("UTC", "W. Europe Standard Time", START),
        ("Europe/Berlin", None, START - timedelta(hours=1)),
        ("Eastern Standard Time", None, START + timedelta(hours=5)),
        ("Customized Time Zone", None, START),
        (None, None, START),
    ],
)
def test_times(zone: str | None, own_zone: str | None, expected: datetime) -> None:
    """A time is in the zone that stands beside it: by Windows' name or IANA's, else
    UTC."""
    moment = {"dateTime": "2026-12-01T09:00:00.0000000", "timeZone": zone}
    assert event(start=moment, originalStartTimeZone=own_zone).start == expected


@pytest.mark.parametrize(
    ("own_zone", "hours"),
    [
        ("W. Europe Standard Time", -1),
        ("America/New_York", 5),
        ("tzone://Microsoft/Custom", 0),
        ("tzone://Microsoft/Utc", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_an_all_day_event(own_zone: str | None, hours: int) -> None:
    """Its midnight is that of the zone it was made in."""
    midnight = {"dateTime": "2026-12-01T00:00:00.0000000", "timeZone": "UTC"}
    item = event(isAllDay=True, start=midnight, originalStartTimeZone=own_zone)
    assert item.start == datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=hours)


def test_a_long_body_is_bounded() -> None:
    """The beginning and the end of it are handed on."""
    content = "first" + "x" * 50_000_000 + "last"
    html = event(body={"contentType": "html", "content": content}).html
    assert len(html) <= LONGEST_BODY + 1
    assert html.startswith("first")
    assert html.endswith("last")


def test_an_event_without_a_body_is_told_from_one_with_an_empty_body() -> None:
    """A missing property is a missing permission."""
    empty = parse_event(msgspec.json.encode(EVENT | {"body": {"content": ""}}))
    assert empty is not None
    assert empty.has_body
    without = {name: value for name, value in EVENT.items() if name != "body"}
    missing = parse_event(msgspec.json.encode(without))
    assert missing is not None
    assert not missing.has_body


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "x" * 5000},
        {"id": 7},
        {"start": None},
        {"start": {"dateTime": "soon", "timeZone": "UTC"}},
        {"start": {"dateTime": "0001-01-01T00:00:00", "timeZone": "Asia/Tokyo"}},
        {"end": {"dateTime": "9999-12-31T23:59:59", "timeZone": "America/Lima"}},
        {"end": {}},
        {"subject": ["a"]},
        {"organizer": "Alice"},
    ],
)
def test_what_is_no_meeting(changes: dict[str, Any]) -> None:
    """An event without an id or times, or with properties of other types, is left out;
    the others of the list stay."""
    odd = EVENT | changes
    assert parse_event(msgspec.json.encode(odd)) is None
    page = parse_listing(msgspec.json.encode({"value": [odd, EVENT, None, 3]}))
    assert [each.ref.item_id for each in page.meetings] == ["AAMk1="]


def test_a_list() -> None:
    """Occurrences that are as their series has them are told from all others."""
    kinds = ("singleInstance", "occurrence", "exception")
    document = {
        "value": [EVENT | {"id": kind, "type": kind} for kind in kinds],
        "@odata.nextLink": "https://graph.microsoft.com/v1.0/next",
    }
    page = parse_listing(msgspec.json.encode(document))
    assert [each.is_plain for each in page.meetings] == [False, True, False]
    assert {each.uid for each in page.meetings} == {CLEAN}
    assert page.next_link == "https://graph.microsoft.com/v1.0/next"
    last = parse_listing(msgspec.json.encode({"value": [], "@odata.nextLink": None}))
    assert (last.meetings, last.next_link) == ((), "")


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"{}", b'{"value": 3}', b"<html>", b'{"value":' * 99_999],
)
def test_what_is_no_list(data: bytes) -> None:
    """An answer that is no list is said to be none."""
    with pytest.raises(ValueError, match="no page"):
        parse_listing(data)


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 99_999])
def test_what_is_no_json(data: bytes) -> None:
    """An answer that is no JSON is said to be none."""
    with pytest.raises(ValueError, match="no JSON"):
        parse_event(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(EVENT)) | st.text(), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(EVENT)), JSON))
def test_whatever_comes(changes: dict[str, Any]) -> None:
    """No value of any property leads to anything but an item or none."""
    data = msgspec.json.encode(EVENT | changes)
    found = parse_event(data)
    assert found is None or isinstance(found.item, RoomItem)
    assert len(parse_listing(b'{"value":[' + data + b"]}").meetings) <= 1


@given(st.text(max_size=50))
def test_any_text_as_a_time(text: str) -> None:
    """It is an aware time, or none."""
    found = read_instant(text)
    assert found is None or found.tzinfo is UTC


def test_requests() -> None:
    """A list asks for the least that it needs, in order; every part is quoted."""
    since, until = START, START + timedelta(days=7)
    request = build_listing("o'ak@example.test", since, until, 500)
    path, _, query = request.path.partition("?")
    assert path == "users/o%27ak%40example.test/calendarView"
    assert query.split("&") == [
        "startDateTime=2026-12-01T09%3A00%3A00Z",
        "endDateTime=2026-12-08T09%3A00%3A00Z",
        "%24select=" + "%2C".join(LISTED),
        "%24orderby=start%2FdateTime",
        "%24top=500",
    ]
    got = build_get("oak@example.test", MessageRef("AAMk/1="), WHOLE).path
    assert got.startswith("users/oak%40example.test/events/AAMk%2F1%3D?%24select=")
    assert "body" in got.split("%2C")
