"""Graph's events, read as meetings of a calendar: also odd and hostile ones."""

import pickle
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.graph.entities.events import (
    parse_changed,
    parse_event,
    parse_events,
    uid_of,
)
from pexschedd.model.recurrence import Moved
from tests.graph.msgraph_documents import (
    JSON,
    PATTERN,
    RANGE,
    UID,
    Document,
    event,
    zoned,
)


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
