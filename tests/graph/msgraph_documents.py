"""Documents of Graph for the tests of its readers: a meeting request, an event, and
JSON of any kind."""

import base64
from typing import Any

import msgspec
from hypothesis import strategies as st

from pexschedd.exchange.global_ids import clean_global_id
from pexschedd.graph.entities.extended_properties import (
    APPOINTMENT_SEQUENCE,
    CLEAN_GLOBAL_ID,
    GLOBAL_ID,
    MESSAGE_CLASS,
    OWNER_CRITICAL_CHANGE,
)
from pexschedd.graph.entities.messages import parse_message
from pexschedd.model.meeting import MeetingMessage
from pexschedd.scheduling.ports.mailbox import Unreadable

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


def read(document: Any) -> MeetingMessage | Unreadable:
    return parse_message(msgspec.json.encode(document)).message


def understood(**changed: Any) -> MeetingMessage:
    found = read(request(**changed))
    assert isinstance(found, MeetingMessage), found
    return found


FIELDS = sorted(set(request()) - {"id", "sender", "location"})


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
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


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


# The example of MS-OXOCAL 4.1.4.
PACIFIC = (
    "0201300002001500500061006300690066006900630020005300740061006E006400610072006400"
    "2000540069006D006500020002013E000000D6070000000000000000000000000000E00100000000"
    "0000C4FFFFFF00000A000000050002000000000000000000040000000100020000000000000002013"
    "E000200D7070000000000000000000000000000E001000000000000C4FFFFFF00000B00000001000"
    "20000000000000000000300000002000200000000000000"
)
