"""Graph's documents, read as messages and meetings: also odd and hostile ones."""

import base64
import pickle
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.exchange.global_ids import clean_global_id
from pexschedd.graph.entities.events import (
    EVENT_EXPAND,
    parse_changed,
    parse_event,
    parse_events,
    uid_of,
)
from pexschedd.graph.entities.extended_properties import (
    APPOINTMENT_END,
    APPOINTMENT_RECUR,
    APPOINTMENT_SEQUENCE,
    APPOINTMENT_START,
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    MAX_BINARY,
    MESSAGE_CLASS,
    OWNER_CRITICAL_CHANGE,
    ZONE_OF_START,
    ExtendedProperties,
    ExtendedProperty,
)
from pexschedd.graph.entities.messages import (
    MESSAGE_EXPAND,
    WITHOUT_BODY,
    WITHOUT_PROPERTIES,
    parse_message,
    read_listed,
)
from pexschedd.graph.entities.times import (
    DateTimeTimeZone,
    read_date,
    read_zoned,
    zone_called,
)
from pexschedd.graph.entities.zone_definitions import read_zone_definition
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.recurrence import (
    ClockChange,
    CustomZone,
    Daily,
    DayOfWeek,
    Era,
    Moved,
    RelativeMonthly,
    Weekly,
    Which,
)
from pexschedd.scheduling.ports.mailbox import Blame, Unreadable
from pexschedd.scheduling.recurrence.timezone_rules import tzinfo_of
from tests.graph.test_msgraph_appointment_recurrence import DAILY_4_1_1_3

Document = dict[str, Any]
UID = "040000008200E00074C5B7101A82E00800000000801124C578DD0100000000000000001000000001"


def graph_id(identifier: str) -> str:
    """An id as Graph answers it: sets in lower case, numbers without zeros."""
    kind, _, rest = identifier.partition(" ")
    return f"{kind} {rest.lower().replace('id 0x', 'Id 0x')}"


def extended(**more: str) -> list[Document]:
    values = {
        CLEAN_GLOBAL_ID: base64.b64encode(clean_global_id("abc@x.test")).decode(),
        GLOBAL_ID: base64.b64encode(clean_global_id("abc@x.test")).decode(),
        APPOINTMENT_SEQUENCE: "3",
        MESSAGE_CLASS: "IPM.Schedule.Meeting.Request",
        OWNER_CRITICAL_CHANGE: "2026-11-20T08:00:01Z",
        **more,
    }
    return [{"id": graph_id(name), "value": value} for name, value in values.items()]


def zoned(text: str, zone: str | None = "UTC") -> Document:
    return {"dateTime": f"{text}.0000000", "timeZone": zone}


def request(**changed: Any) -> Document:
    return {
        "@odata.type": "#microsoft.graph.eventMessageRequest",
        "id": "AAMk=",
        "parentFolderId": "inbox-id",
        "receivedDateTime": "2026-11-20T08:00:02Z",
        "subject": "Weekly",
        "body": {"contentType": "html", "content": "<p>Hi</p>"},
        "from": {"emailAddress": {"name": "Alice", "address": "alice@x.test"}},
        "sender": {"emailAddress": {"name": "Bob", "address": "bob@x.test"}},
        "toRecipients": [{"emailAddress": {"name": "", "address": "room@x.test"}}],
        "ccRecipients": [],
        "meetingMessageType": "meetingRequest",
        "meetingRequestType": "newMeetingRequest",
        "type": "singleInstance",
        "isOutOfDate": False,
        "isAllDay": False,
        "startDateTime": zoned("2026-12-01T09:00:00"),
        "endDateTime": zoned("2026-12-01T10:00:00"),
        "recurrence": None,
        "location": {"displayName": [1, 2]},
        "singleValueExtendedProperties": extended(),
        **changed,
    }


def read(document: Any) -> MeetingMessage | Unreadable:
    return parse_message(msgspec.json.encode(document)).message


def understood(**changed: Any) -> MeetingMessage:
    found = read(request(**changed))
    assert isinstance(found, MeetingMessage), found
    return found


def test_a_whole_request() -> None:
    """Every field has its place; the sender is not the organizer."""
    found = parse_message(msgspec.json.encode(request()))
    assert found.folder == "inbox-id"
    message = found.message
    assert isinstance(message, MeetingMessage)
    assert (message.ref.item_id, message.ref.uid) == ("AAMk=", "abc@x.test")
    assert message.kind is MessageKind.REQUEST
    assert message.start == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert (message.sequence, message.has_sequence) == (3, True)
    assert message.changed == datetime(2026, 11, 20, 8, 0, 1, tzinfo=UTC)
    assert message.organizer.email == "alice@x.test"
    assert message.attendees == ("room@x.test",)
    assert (message.html, message.text) == ("<p>Hi</p>", "")
    assert message.names_its_part
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own


def test_a_body_that_came_as_text() -> None:
    """A text is a text, and its tags are found."""
    tag = "PXPS:-6fbb0f35-9b1e-4f05-9a2f-3b8f2d3b0c11#"
    found = understood(body={"contentType": "text", "content": tag})
    assert (found.html, found.text) == ("", tag)
    assert found.tags is not None
    assert found.tags.pxps


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"body": None}, WITHOUT_BODY),
        ({"singleValueExtendedProperties": None}, WITHOUT_PROPERTIES),
        ({"singleValueExtendedProperties": []}, WITHOUT_PROPERTIES),
    ],
)
def test_a_permission_that_is_missing(changed: Document, reason: str) -> None:
    """What the application may not see is no empty meeting; the role is named, and the
    message is not to blame."""
    found = read(request(**changed))
    assert isinstance(found, Unreadable)
    assert (found.reason, found.blame) == (reason, Blame.SERVER)
    assert "Application Mail.ReadWrite" in reason
    without = request()
    for name in changed:
        del without[name]
    assert read(without) == found


def test_without_its_body_on_purpose() -> None:
    """A message that was asked for without its body is read without one."""
    document = request()
    del document["body"]
    found = parse_message(msgspec.json.encode(document), head_only=True).message
    assert isinstance(found, MeetingMessage)
    assert found.html == ""


def test_ordinary_mail() -> None:
    """Other mail has no properties of meetings and needs none."""
    document = {"id": "x", "body": {"contentType": "html", "content": ""}}
    found = read(document)
    assert isinstance(found, MeetingMessage)
    assert found.kind is MessageKind.OTHER
    assert not found.names_its_part


FIELDS = sorted(set(request()) - {"id", "sender", "location"})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [7], [None], {"a": []}, True])
def test_a_field_of_another_kind(field: str, value: Any) -> None:
    """Whatever a field holds, that message is read or unreadable by itself, and both
    know its id."""
    found = read(request(**{field: value}))
    assert found.ref.item_id == "AAMk="
    if isinstance(found, Unreadable) and found.blame is Blame.MESSAGE:
        assert "$" in found.reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"id":7}',
        b'{"id":""}',
        b"<html>",
        b'{"id":"\xff"}',
    ],
)
def test_what_is_no_message(data: bytes) -> None:
    """An answer without an id is no message: the whole answer is in doubt."""
    with pytest.raises(ValueError, match=r"."):
        parse_message(data)
    with pytest.raises(ValueError, match=r"."):
        parse_event(data)


def test_documents_that_are_nested_without_end() -> None:
    """Nesting does not break the reader, in what is read and in what is skipped."""
    deep = b"[" * 200_000 + b"]" * 200_000
    for name in (b"x", b"recurrence", b"body"):
        with pytest.raises(ValueError, match=r"nested|maximum"):
            parse_message(b'{"id":"a","' + name + b'":' + deep + b"}")
        with pytest.raises(ValueError, match=r"nested|maximum"):
            parse_event(b'{"id":"a","' + name + b'":' + deep + b"}")


NAMES = (
    *("dateTime", "timeZone", "pattern", "range", "type", "interval", "id"),
    *("startDate", "daysOfWeek", "value", "emailAddress", "address"),
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(
        ["2026-12-01", "9999-12-31T23:59:59.9999999", "0001-01-01T00:00:00", "weekly"]
    )
    | st.sampled_from(["monday", "noEnd", "numbered", "endDate", "seriesMaster"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "dateTime",
                    "timeZone",
                    "pattern",
                    "range",
                    "type",
                    "interval",
                    "id",
                    "startDate",
                    "daysOfWeek",
                    "value",
                    "emailAddress",
                    "address",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_any_message_is_read(changed: Document) -> None:
    """Any JSON in any field leads to a message or to an unreadable one."""
    read({**request(type="seriesMaster"), **changed})


PATTERN = {
    "type": "daily",
    "interval": 1,
    "month": 0,
    "dayOfMonth": 0,
    "firstDayOfWeek": "sunday",
    "index": "first",
}
RANGE = {
    "type": "noEnd",
    "startDate": "2026-12-01",
    "endDate": "0001-01-01",
    "recurrenceTimeZone": "W. Europe Standard Time",
    "numberOfOccurrences": 0,
}


def series(
    pattern: Document | None = None, more: dict[str, str] | None = None, **span: Any
) -> MeetingMessage:
    return understood(
        type="seriesMaster",
        recurrence={"pattern": {**PATTERN, **(pattern or {})}, "range": RANGE | span},
        singleValueExtendedProperties=extended(**(more or {})),
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"interval": 4}, Daily(interval=4)),
        (
            {"type": "weekly", "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday"},
            Weekly(days=(DayOfWeek.TUESDAY,), first_day=DayOfWeek.MONDAY),
        ),
        (
            {"type": "Weekly", "daysOfWeek": ["Wednesday", "Tuesday"]},
            Weekly(days=(DayOfWeek.TUESDAY, DayOfWeek.WEDNESDAY)),
        ),
        (
            {
                "type": "relativeMonthly",
                "daysOfWeek": ["friday", "monday", "tuesday", "thursday", "wednesday"],
            },
            RelativeMonthly(which=Which.FIRST, day=DayOfWeek.WEEKDAY),
        ),
    ],
)
def test_patterns(pattern: Document, expected: Any) -> None:
    """Patterns in whatever case; several days are the group that they make."""
    found = series(pattern).recurrence
    assert found is not None
    assert found.pattern == expected


@pytest.mark.parametrize(
    ("pattern", "span"),
    [
        ({"type": "hourly"}, {}),
        ({"interval": 0}, {}),
        ({"interval": "1"}, {}),
        ({"type": None}, {}),
        ({"type": "weekly"}, {}),
        ({"type": "weekly", "daysOfWeek": ["moonday"]}, {}),
        ({"type": "weekly", "daysOfWeek": ["wednesday"], "interval": 2}, {}),
        ({"type": "relativeMonthly", "daysOfWeek": ["monday", "friday"]}, {}),
        ({"type": "absoluteYearly", "dayOfMonth": 1, "month": 13}, {}),
        ({}, {"type": "sometime"}),
        ({}, {"startDate": None}),
        ({}, {"startDate": "2026-13-01"}),
        ({}, {"startDate": "2026-11-30"}),
        ({}, {"type": "numbered"}),
        ({}, {"recurrenceTimeZone": "Mitteleuropa"}),
    ],
)
def test_series_that_are_not_understood(pattern: Document, span: Document) -> None:
    """It is still known to be a series, and nothing is known of how it repeats."""
    found = series(pattern, **span)
    assert found.is_series
    assert found.recurrence is None


@pytest.mark.parametrize("value", ["AAAA", "no base64!", "A" * (MAX_BINARY * 2)])
def test_changed_occurrences_that_are_not_understood(value: str) -> None:
    """A series of which the changes cannot be read is not understood."""
    assert series(more={APPOINTMENT_RECUR: value}).recurrence is None


def test_changes_by_another_clock() -> None:
    """Deleted occurrences of a series at another time of day are not its own."""
    blob = base64.b64encode(bytes.fromhex(DAILY_4_1_1_3)).decode()
    assert series(more={APPOINTMENT_RECUR: blob}).recurrence is None


def test_a_pattern_from_the_property_alone() -> None:
    """Where Graph has no document, AppointmentRecur has the pattern as well."""
    blob = base64.b64encode(bytes.fromhex(DAILY_4_1_1_3)).decode()
    found = understood(
        type="seriesMaster",
        startDateTime=zoned("2011-04-07T08:00:00"),
        endDateTime=zoned("2011-04-07T08:30:00"),
        singleValueExtendedProperties=extended(**{APPOINTMENT_RECUR: blob}),
    )
    assert found.recurrence is not None
    assert found.recurrence.pattern == Daily(interval=3)
    assert found.recurrence.deleted == (
        datetime(2011, 4, 19, 8, tzinfo=UTC),
        datetime(2011, 4, 22, 8, tzinfo=UTC),
    )


# Times and zones


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-12-01T09:00:00.0000000", "UTC", "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00", None, "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00", "", "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00Z", "Tokyo Standard Time", "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00+01:00", "UTC", "2026-12-01T08:00:00"),
        ("2026-12-01T09:00:00.1", "Tokyo Standard Time", "2026-12-01T00:00:00"),
        ("2026-07-01T09:00:00", "Europe/Berlin", "2026-07-01T07:00:00"),
        ("2026-12-01T09:00:00", "tzone://Microsoft/Utc", "2026-12-01T09:00:00"),
        ("2026-12-01T09:00:00", "tzone://Microsoft/Custom", None),
        ("2026-12-01T09:00:00", "Customized Time Zone", None),
        ("2026-12-01T09:00:00", "../../etc/passwd", None),
        ("2026-12-01T25:00:00", "UTC", None),
        ("2026-12-01", "UTC", None),
        ("0001-01-01T00:00:00", "Tokyo Standard Time", None),
        ("", "UTC", None),
    ],
)
def test_times_with_zones(text: str, zone: str | None, expected: str | None) -> None:
    """Wall clocks of named zones, and what has an offset already."""
    found = read_zoned(DateTimeTimeZone(text, zone))
    wanted = expected and datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert found == (wanted or None)


def test_names_of_zones() -> None:
    """Windows' names, IANA's, and those that name nothing."""
    assert zone_called("W. Europe Standard Time") == "Europe/Berlin"
    assert zone_called("Asia/Tokyo") == "Asia/Tokyo"
    assert [zone_called(name) for name in ("", None, "Customized Time Zone")] == [
        *(None, None, None)
    ]
    assert read_date("2026-12-01") == date(2026, 12, 1)
    assert read_date("2026-02-30") is None


# The example of MS-OXOCAL 4.1.4.
PACIFIC = (
    "0201300002001500500061006300690066006900630020005300740061006E006400610072006400"
    "2000540069006D006500020002013E000000D6070000000000000000000000000000E00100000000"
    "0000C4FFFFFF00000A000000050002000000000000000000040000000100020000000000000002013"
    "E000200D7070000000000000000000000000000E001000000000000C4FFFFFF00000B00000001000"
    "20000000000000000000300000002000200000000000000"
)


def test_the_specifications_zone() -> None:
    """The name and both rules, of which the first holds before its year as well."""
    found = read_zone_definition(bytes.fromhex(PACIFIC))
    assert found is not None
    assert found.clock() == "America/Los_Angeles"
    sunday = DayOfWeek.SUNDAY
    (first, _), (begins, second) = found.eras
    assert first is None
    assert begins == datetime(2007, 1, 1)  # noqa: DTZ001 - a wall clock
    assert second == Era(
        bias=480,
        changes=(
            ClockChange(bias=420, month=3, week=2, weekday=sunday, at=120),
            ClockChange(bias=480, month=11, week=1, weekday=sunday, at=120),
        ),
    )


def test_the_rules_of_a_zone_without_a_name() -> None:
    """The same rules under no name are the same clock, and found to be that zone's."""
    data = bytes.fromhex(PACIFIC)
    nameless = b"\x02\x01\x06\x00\x02\x00\x00\x00" + data[8 + 42 :]
    found = read_zone_definition(nameless)
    assert found is not None
    zone = found.clock()
    assert isinstance(zone, CustomZone)
    for month in range(1, 13):
        moment = datetime(2026, month, 20, tzinfo=UTC)
        pacific = moment.astimezone(tzinfo_of("America/Los_Angeles"))
        assert moment.astimezone(tzinfo_of(zone)).utcoffset() == pacific.utcoffset()
    # Los Angeles, or another one with these rules.
    known = tzinfo_of(found.zone_at(datetime(2026, 12, 1, tzinfo=UTC)))
    assert datetime(2026, 12, 1, tzinfo=known).utcoffset() == timedelta(hours=-8)


@given(st.binary(max_size=150), st.integers(0, 184))
def test_any_zone_is_read(data: bytes, cut: int) -> None:
    """Definitions of any kind, also behind a good beginning, lead to a clock or
    none."""
    for blob in (data, bytes.fromhex(PACIFIC)[:cut] + data):
        found = read_zone_definition(blob)
        if found is not None:
            found.clock()
            found.zone_at(datetime(2026, 12, 1, tzinfo=UTC))


def test_the_zone_of_a_message() -> None:
    """The definition says where the meeting was planned."""
    blob = base64.b64encode(bytes.fromhex(PACIFIC)).decode()
    found = understood(singleValueExtendedProperties=extended(**{ZONE_OF_START: blob}))
    assert found.zone == "America/Los_Angeles"


def test_whole_days_without_their_instants() -> None:
    """A day is the day of the zone that it was planned in."""
    blob = base64.b64encode(bytes.fromhex(PACIFIC)).decode()
    found = understood(
        isAllDay=True,
        startDateTime=zoned("2026-12-01T00:00:00"),
        endDateTime=zoned("2026-12-02T00:00:00"),
        singleValueExtendedProperties=extended(**{ZONE_OF_START: blob}),
    )
    assert found.start == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert found.end == datetime(2026, 12, 2, 8, tzinfo=UTC)


# Extended properties


@pytest.mark.parametrize(
    "spelling",
    [
        "Integer {00062002-0000-0000-c000-000000000046} Id 0x8201",
        "Integer {00062002-0000-0000-C000-000000000046} Id 0x008201",
        "integer  {00062002-0000-0000-C000-000000000046}  id 0X8201",
    ],
)
def test_ids_in_other_spellings(spelling: str) -> None:
    """An id is what it says, not how it is written."""
    found = ExtendedProperties([ExtendedProperty(spelling, " 7 ")])
    assert found.number(APPOINTMENT_SEQUENCE) == 7


def test_values_that_are_none() -> None:
    """What is missing, null, too long or of another kind reads as empty."""
    found = ExtendedProperties(
        [
            ExtendedProperty(APPOINTMENT_SEQUENCE, "-1"),
            ExtendedProperty(OWNER_CRITICAL_CHANGE, "0001-01-01T00:00:00Z"),
            ExtendedProperty(CLEAN_GLOBAL_ID, "!"),
            ExtendedProperty("String {x} Name y", "z"),
            ExtendedProperty(None, "z"),
            ExtendedProperty(MESSAGE_CLASS, None),
        ]
    )
    assert found.number(APPOINTMENT_SEQUENCE) == 0
    assert found.moment(OWNER_CRITICAL_CHANGE) is None
    assert found.binary(CLEAN_GLOBAL_ID) == b""
    assert found.uid == ""
    assert found.text(MESSAGE_CLASS) == ""


def test_what_is_asked_for() -> None:
    """Every property is asked for once, in one expansion."""
    for text in (MESSAGE_EXPAND, EVENT_EXPAND):
        ids = text.removeprefix("singleValueExtendedProperties($filter=")[:-1]
        asked = [each.removeprefix("id eq ") for each in ids.split(" or ")]
        assert len(set(asked)) == len(asked) > 5
        assert all(each.startswith("'") and each.endswith("'") for each in asked)


# Events and lists


def event(**changed: Any) -> Document:
    return {
        "@odata.etag": 'W/"1"',
        "id": "EVENT=",
        "iCalUId": UID,
        "subject": "Weekly",
        "body": {"contentType": "html", "content": ""},
        "start": zoned("2026-12-01T09:00:00"),
        "end": zoned("2026-12-01T10:00:00"),
        "isAllDay": False,
        "isCancelled": False,
        "isOrganizer": False,
        "type": "singleInstance",
        "organizer": {"emailAddress": {"name": "A", "address": "a@x.test"}},
        "responseStatus": {"response": "accepted", "time": "0001-01-01T00:00:00Z"},
        "originalStartTimeZone": "W. Europe Standard Time",
        **changed,
    }


def test_an_event() -> None:
    """The meeting, its ETag, the mailbox's answer, and the zone it was planned in."""
    found = parse_event(msgspec.json.encode(event()))
    assert found is not None
    meeting = found.meeting
    assert (meeting.ref.item_id, meeting.ref.change_key) == ("EVENT=", 'W/"1"')
    assert (meeting.accepted, found.response, found.organizes) == (
        *(True, "accepted", False),
    )
    assert (meeting.uid, meeting.zone) == (UID, "Europe/Berlin")
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 - our own


def test_listed_occurrences_of_a_series() -> None:
    """Without the property the changed occurrences count that stand beside the
    series."""
    moved = event(
        id="MOVED=",
        originalStart="2026-12-02T09:00:00Z",
        start=zoned("2026-12-02T11:00:00"),
        end=zoned("2026-12-02T12:00:00"),
        type="exception",
    )
    document = event(
        type="seriesMaster",
        recurrence={"pattern": PATTERN, "range": RANGE},
        exceptionOccurrences=[moved],
        cancelledOccurrences=["OID.AAMk.2026-12-04", None, "x"],
    )
    data = msgspec.json.encode(document)
    found = parse_event(data)
    assert found is not None
    recurrence = found.meeting.recurrence
    assert recurrence is not None
    second, fourth = (datetime(2026, 12, day, 9, tzinfo=UTC) for day in (2, 4))
    assert recurrence.deleted == (fourth,)
    assert recurrence.exceptions == (
        Moved(second, second.replace(hour=11), second.replace(hour=12)),
    )
    assert {k: ref.item_id for k, ref in parse_changed(data).items()} == {
        second: "MOVED="
    }


def test_listed_occurrences_that_make_no_sense() -> None:
    """An exception that ends before it begins: the series is not understood."""
    document = event(
        type="seriesMaster",
        recurrence={"pattern": PATTERN, "range": RANGE},
        exceptionOccurrences=[
            event(
                originalStart="2026-12-02T09:00:00Z", end=zoned("2026-12-01T08:00:00")
            )
        ],
    )
    found = parse_event(msgspec.json.encode(document))
    assert found is not None
    assert found.meeting.is_series
    assert found.meeting.recurrence is None


def test_a_page_of_events() -> None:
    """One that is broken is left out of a page, the others stay."""
    page = {
        "value": [event(), {"id": 7}, 5, event(start=None), event(iCalUId=None)],
        "@odata.nextLink": "https://graph.microsoft.com/next",
    }
    found = parse_events(msgspec.json.encode(page))
    assert [each.meeting.ref.item_id for each in found.events] == ["EVENT="]
    assert found.next_link.endswith("next")
    for bad in (b"[]", b'{"value":7}', b"{}"):
        with pytest.raises(ValueError, match=r"."):
            parse_events(bad)


@given(st.dictionaries(st.sampled_from(sorted(event())), JSON, max_size=4))
def test_any_event_is_read(changed: Document) -> None:
    """Any JSON in any field leads to a meeting or to none."""
    document = {**event(type="seriesMaster"), **changed, "id": "x"}
    parse_event(msgspec.json.encode(document))
    assert parse_events(msgspec.json.encode({"value": [document]})).next_link == ""


def test_uids_of_occurrences() -> None:
    """The day of an occurrence is taken out of an iCalUId; a foreign one stays."""
    day = f"{UID[:32]}07EA0C01{UID[40:]}"
    assert uid_of(day) == uid_of(UID.lower()) == UID
    assert uid_of("abc@x.test") == "abc@x.test"
    assert uid_of("abcd") == "abcd"


def test_a_listed_message() -> None:
    """What a list tells; anything odd in it reads as empty."""
    found = read_listed(msgspec.json.encode(request()))
    assert (found.ref.uid, found.folder) == ("abc@x.test", "inbox-id")
    odd = read_listed(msgspec.json.encode(request(receivedDateTime=7)))
    assert (odd.ref.item_id, odd.ref.uid, odd.received) == ("AAMk=", "", "")


def test_whole_days_with_their_instants() -> None:
    """The instants of whole days count where they are told, whatever the zone is."""
    times = {
        APPOINTMENT_START: "2026-12-01T05:00:00Z",
        APPOINTMENT_END: "2026-12-02T05:00:00Z",
    }
    found = understood(
        isAllDay=True,
        startDateTime=zoned("2026-12-01T00:00:00"),
        endDateTime=zoned("2026-12-02T00:00:00"),
        singleValueExtendedProperties=extended(**times),
    )
    assert found.start == datetime(2026, 12, 1, 5, tzinfo=UTC)
    assert found.end == datetime(2026, 12, 2, 5, tzinfo=UTC)
