"""Look-ups before an answer: what is read of Graph's answers, whatever they hold."""

import base64
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.graph.answering.answer_lookup import (
    DECLINING,
    Found,
    parse_found,
    read_time,
)
from pexschedd.model.meeting import Person

PREFIX = bytes.fromhex("040000008200E00074C5B7101A82E008")
DATA = bytes(range(16))
CLEAN = PREFIX + bytes(4) + bytes(16) + len(DATA).to_bytes(4, "little") + DATA
OF_A_DAY = CLEAN[:16] + bytes((0x07, 0xEA, 12, 2)) + CLEAN[20:]
SET = "{6ed8da90-450b-101b-98da-00aa003f1305}"
APPOINTMENT = "{00062002-0000-0000-c000-000000000046}"
DOCUMENT: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.eventMessageRequest",
    "id": "AAMk=",
    "parentFolderId": "AQMk",
    "receivedDateTime": "2026-12-01T08:00:00Z",
    "categories": ["Red", DECLINING + "1f"],
    "subject": "Weekly",
    "from": {"emailAddress": {"name": "Alice", "address": "alice@example.test"}},
    "sender": {"emailAddress": {"name": "Bob", "address": "bob@example.test"}},
    "internetMessageId": "<1@example.test>",
    "isDelegated": False,
    "type": "exception",
    "startDateTime": {"dateTime": "2026-12-02T10:00:00.0000000", "timeZone": "UTC"},
    "endDateTime": {"dateTime": "2026-12-02T11:00:00.0000000", "timeZone": "W. Europe"},
    "isAllDay": False,
    "event": {
        "id": "AAEv=",
        "responseStatus": {"response": "accepted", "time": "2026-12-01T08:00:01.5Z"},
        "isCancelled": False,
        "isOrganizer": False,
        "type": "exception",
        "originalStart": "2026-12-02T09:00:00+01:00",
    },
    "singleValueExtendedProperties": [
        {"id": f"Binary {SET} Id 0x23", "value": base64.b64encode(CLEAN).decode()},
        {"id": f"Binary {SET} Id 0x3", "value": base64.b64encode(OF_A_DAY).decode()},
        {"id": f"Integer {APPOINTMENT} Id 0x8201", "value": "7"},
    ],
}


def parsed(**changes: Any) -> Found:
    return parse_found(msgspec.json.encode({**DOCUMENT, **changes}))


def test_a_message() -> None:
    """All that an answer needs is read."""
    found = parsed()
    assert (found.folder, found.subject, found.declining) == ("AQMk", "Weekly", "1f")
    assert found.author == Person("Alice", "alice@example.test")
    assert (found.is_meeting, found.delegated, found.kind) == (True, False, "exception")
    assert found.uid == CLEAN.hex().upper()
    assert (found.sequence, found.has_properties) == (7, True)
    assert found.start == datetime(2026, 12, 2, 10, tzinfo=UTC)
    assert found.end is None
    event = found.event
    assert event is not None
    assert (event.id, event.response, event.organized) == ("AAEv=", "accepted", False)
    assert event.responded == datetime(2026, 12, 1, 8, 0, 1, tzinfo=UTC)


def test_the_original_start() -> None:
    """It comes from the message, else from the event, else there is only its day."""
    assert parsed().recurrence_id == datetime(2026, 12, 2, 8, tzinfo=UTC)
    assert parsed(event=None).recurrence_id == date(2026, 12, 2)
    replaced = {
        "id": f"SystemTime {APPOINTMENT} Id 0x8228",
        "value": "2026-12-02T07:00:00Z",
    }
    properties = [*DOCUMENT["singleValueExtendedProperties"], replaced]
    found = parsed(singleValueExtendedProperties=properties)
    assert found.recurrence_id == datetime(2026, 12, 2, 7, tzinfo=UTC)
    whole = parsed(singleValueExtendedProperties=properties[:1], type="seriesMaster")
    assert whole.recurrence_id is None


@pytest.mark.parametrize("missing", [None, {}, {"id": None}, {"id": ""}, [], "x", 3])
def test_no_event(missing: Any) -> None:
    """Null, {} and anything that is no event mean that there is none."""
    assert parsed(event=missing).event is None


@pytest.mark.parametrize(
    "name", [each for each in DOCUMENT if each != "parentFolderId"]
)
@pytest.mark.parametrize("value", [None, 3, [], {}, "x", [{}], {"emailAddress": 5}])
def test_any_property_may_be_anything(name: str, value: Any) -> None:
    """What is of another type reads as absent; the rest is read."""
    assert parsed(**{name: value}).folder == "AQMk"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(sorted(DOCUMENT)) | st.text(), inner)
    ),
)


@given(JSON)
def test_anything(document: Any) -> None:
    """Whatever JSON comes is read somehow."""
    assert isinstance(parse_found(msgspec.json.encode(document)), Found)


@pytest.mark.parametrize("body", [b"", b"null"])
def test_nothing(body: bytes) -> None:
    """A success may have no body."""
    assert parse_found(body) == Found()


@pytest.mark.parametrize("body", [b"<html>", b"{", b"\xff", b"[" * 100_000])
def test_no_json(body: bytes) -> None:
    """What is not JSON is an error."""
    with pytest.raises(ValueError, match="no JSON"):
        parse_found(body)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01T08:00:00Z", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01T08:00:00.1234567Z", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("2026-12-01T08:00:00+02:00", datetime(2026, 12, 1, 6, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("2026-13-01T08:00:00Z", None),
        ("yesterday", None),
        (5, None),
    ],
)
def test_times(text: object, moment: datetime | None) -> None:
    """A time of no answer is the year 1."""
    assert read_time(text) == moment
