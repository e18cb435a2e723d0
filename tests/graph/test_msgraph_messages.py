"""Graph's messages, read as meeting messages: also odd and hostile ones."""

import base64
import pickle
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.graph.entities.events import parse_event
from pexschedd.graph.entities.extended_properties import (
    APPOINTMENT_END,
    APPOINTMENT_START,
    ZONE_OF_START,
)
from pexschedd.graph.entities.messages import (
    WITHOUT_BODY,
    WITHOUT_PROPERTIES,
    parse_message,
    read_listed,
)
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.scheduling.ports.mailbox import Blame, Unreadable
from tests.graph.msgraph_documents import (
    FIELDS,
    JSON,
    PACIFIC,
    Document,
    extended,
    read,
    request,
    understood,
    zoned,
)


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
    deep = b"[" * 2_000_000 + b"]" * 2_000_000
    for name in (b"x", b"recurrence", b"body"):
        with pytest.raises(ValueError, match=r"nested|maximum"):
            parse_message(b'{"id":"a","' + name + b'":' + deep + b"}")
        with pytest.raises(ValueError, match=r"nested|maximum"):
            parse_event(b'{"id":"a","' + name + b'":' + deep + b"}")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_any_message_is_read(changed: Document) -> None:
    """Any JSON in any field leads to a message or to an unreadable one."""
    read({**request(type="seriesMaster"), **changed})


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


def test_a_listed_message() -> None:
    """What a list tells; anything odd in it reads as empty."""
    found = read_listed(msgspec.json.encode(request()))
    assert (found.ref.uid, found.folder) == ("abc@x.test", "inbox-id")
    odd = read_listed(msgspec.json.encode(request(receivedDateTime=7)))
    assert (odd.ref.item_id, odd.ref.uid, odd.received) == ("AAMk=", "", "")
