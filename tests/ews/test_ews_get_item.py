"""What a meeting message in Exchange's XML becomes."""

from datetime import UTC, datetime

import msgspec
import pytest
from lxml import etree

from pexschedd.ews.envelope import ItemProblem
from pexschedd.ews.operations.get_item import parse_messages, parse_refs
from pexschedd.model.meeting import (
    MeetingMessage,
    MessageKind,
    MessageRef,
    Person,
    Tags,
)
from tests.ews.ews_support import (
    SERIES,
    binary,
    failure,
    item,
    meeting_request,
    named,
    response,
)

PREFIX = "040000008200E00074C5B7101A82E008"
CLEAN = PREFIX + "00000000" + "80A3C2F1165BDC01" + "00" * 8 + "10000000" + "AB" * 16
OCCURRENCE = CLEAN[:32] + "07EA0C07" + CLEAN[40:]
RECEIVED = "2026-11-20T07:58:11Z"


def read(*parts: str) -> MeetingMessage:
    (message,) = parse_messages(response("GetItem", *parts), 1)
    assert isinstance(message, MeetingMessage)
    return message


def request(content: str) -> MeetingMessage:
    return read(meeting_request("id", RECEIVED, content))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def mailbox(name: str, email: str) -> str:
    return (
        f"<t:Mailbox><t:Name>{name}</t:Name><t:EmailAddress>{email}</t:EmailAddress>"
        "</t:Mailbox>"
    )


def test_a_whole_request() -> None:
    """Every field of a series' invitation is where it belongs."""
    message = request(
        "<t:Subject>Weekly &amp; more</t:Subject>"
        '<t:Body BodyType="HTML">&lt;p&gt;PXPS:-1#&lt;/p&gt;</t:Body>'
        + named("Meeting", 35, binary(bytes.fromhex(CLEAN)))
        + named("Meeting", 26, "2026-11-20T07:58:05.123Z", "SystemTime")
        + "<t:TextBody>PXPS:-1#</t:TextBody><t:UID>something else</t:UID>"
        "<t:DateTimeStamp>2026-11-20T07:00:00Z</t:DateTimeStamp>"
        "<t:Start>2026-11-23T09:00:00+01:00</t:Start><t:End>2026-11-23T08:30:00Z</t:End>"
        "<t:CalendarItemType>RecurringMaster</t:CalendarItemType>"
        f"<t:Organizer>{mailbox('Alice', 'alice@example.test')}</t:Organizer>"
        "<t:AppointmentSequenceNumber>3</t:AppointmentSequenceNumber>"
        '<t:StartTimeZone Id="W. Europe Standard Time"/>'
    )
    assert message == MeetingMessage(
        ref=MessageRef("id", "CK1"),
        kind=MessageKind.REQUEST,
        received=at(RECEIVED),
        uid=CLEAN,
        is_series=True,
        sequence=3,
        changed=at("2026-11-20T07:58:05Z"),
        start=at("2026-11-23T08:00:00Z"),
        end=at("2026-11-23T08:30:00Z"),
        zone="Europe/Berlin",
        subject="Weekly & more",
        organizer=Person("Alice", "alice@example.test"),
        html="<p>PXPS:-1#</p>",
        text="PXPS:-1#",
        tags=Tags(),
    )


@pytest.mark.parametrize(
    ("element", "item_class", "content", "kind"),
    [
        ("MeetingRequest", "IPM.Schedule.Meeting.Request", "", MessageKind.REQUEST),
        ("MeetingRequest", "ipm.schedule.meeting.REQUEST", "", MessageKind.REQUEST),
        ("MeetingRequest", "IPM.Schedule.Meeting.Request.X", "", MessageKind.REQUEST),
        ("MeetingRequest", "", "", MessageKind.REQUEST),
        (
            "MeetingRequest",
            "IPM.Schedule.Meeting.Request",
            "<t:IsCancelled>true</t:IsCancelled>",
            MessageKind.CANCELLATION,
        ),
        (
            "MeetingRequest",
            "IPM.Schedule.Meeting.Request",
            "<t:AppointmentState>7</t:AppointmentState>",
            MessageKind.CANCELLATION,
        ),
        (
            "MeetingCancellation",
            "IPM.Schedule.Meeting.Canceled",
            "",
            MessageKind.CANCELLATION,
        ),
        ("MeetingCancellation", "", "", MessageKind.CANCELLATION),
        ("MeetingResponse", "IPM.Schedule.Meeting.Resp.Pos", "", MessageKind.OTHER),
        (
            "MeetingMessage",
            "IPM.Schedule.Meeting.Notification.Forward",
            "",
            MessageKind.OTHER,
        ),
        ("Message", "IPM.Note", "", MessageKind.OTHER),
        ("Message", "", "", MessageKind.OTHER),
    ],
)
def test_kinds(element: str, item_class: str, content: str, kind: MessageKind) -> None:
    """The item's class tells what a message is, by its beginning."""
    message = read(
        item(element, "id", f"<t:ItemClass>{item_class}</t:ItemClass>{content}")
    )
    assert message.kind is kind


@pytest.mark.parametrize(
    ("content", "uid"),
    [
        (named("Meeting", 35, binary(bytes.fromhex(CLEAN))), CLEAN),
        (named("Meeting", 3, binary(bytes.fromhex(OCCURRENCE))), CLEAN),
        (f"<t:UID>{CLEAN.lower()}</t:UID>", CLEAN),
        ("<t:UID> a@Google.com </t:UID>", "a@Google.com"),
        (named("Meeting", 35, "no base64!") + "<t:UID>x</t:UID>", "x"),
        (named("Meeting", 35, binary(b"short")) + "<t:UID>x</t:UID>", "x"),
        ("", ""),
    ],
)
def test_uids(content: str, uid: str) -> None:
    """The clean global object id names the meeting, then the id, then the UID."""
    assert request(content).uid == uid


def test_property_sets_by_their_guid() -> None:
    """A named property may come back under its set's GUID, and its id in hex."""
    content = (
        "<t:ExtendedProperty><t:ExtendedFieldURI PropertyId='0x23' "
        "PropertySetId='6ED8DA90-450B-101B-98DA-00AA003F1305' PropertyType='Binary'/>"
        f"<t:Value>{binary(bytes.fromhex(CLEAN))}</t:Value></t:ExtendedProperty>"
    )
    assert request(content).uid == CLEAN


ALICE_BY_BOB = (
    f"<t:Organizer>{mailbox('Alice', 'alice@example.test')}</t:Organizer>"
    f"<t:From>{mailbox('Bob', 'bob@example.test')}</t:From>"
)
CURRENT = (
    "<t:IsOutOfDate>false</t:IsOutOfDate>"
    "<t:MeetingRequestType>FullUpdate</t:MeetingRequestType>"
)
SENDER_ADDRESS = (
    "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag='0x5d02' "
    "PropertyType='String'/><t:Value>alice@example.test</t:Value></t:ExtendedProperty>"
)


@pytest.mark.parametrize(
    ("content", "person"),
    [
        (
            ALICE_BY_BOB,
            Person("Alice", "alice@example.test"),
        ),
        (
            f"<t:Organizer>{mailbox('Alice', '/O=ORG/OU=X/CN=ALICE')}</t:Organizer>"
            + SENDER_ADDRESS,
            Person("Alice", "alice@example.test"),
        ),
        (
            f"<t:From>{mailbox('Bob', 'bob@example.test')}</t:From>",
            Person("Bob", "bob@example.test"),
        ),
        (
            f"<t:From>{mailbox('A&#10; B', 'x@y.test, z@y.test')}</t:From>",
            Person("A B", ""),
        ),
        ("<t:Organizer><t:Mailbox/></t:Organizer>", Person("", "")),
        ("", Person("", "")),
    ],
)
def test_organizers(content: str, person: Person) -> None:
    """The meeting's organizer, by an SMTP address or none."""
    assert request(content).organizer == person


@pytest.mark.parametrize(
    ("content", "original"),
    [
        ("<t:RecurrenceId>2026-11-30T08:00:00Z</t:RecurrenceId>", "2026-11-30T08:00Z"),
        (
            named("Appointment", 33320, "2026-11-30T08:00:00Z", "SystemTime"),
            "2026-11-30T08:00Z",
        ),
        # Only the day is known: the time of day is the organizer's, in winter as in
        # summer.
        (
            named("Meeting", 3, binary(bytes.fromhex(OCCURRENCE)))
            + "<t:Start>2026-07-01T07:00:00Z</t:Start>"
            "<t:StartTimeZone Id='W. Europe Standard Time'/>",
            "2026-12-07T08:00Z",
        ),
        (named("Meeting", 3, binary(bytes.fromhex(OCCURRENCE))), None),
        (
            named("Meeting", 3, binary(bytes.fromhex(CLEAN)))
            + "<t:Start>2026-07-01T07:00:00Z</t:Start>",
            None,
        ),
        ("", None),
    ],
)
def test_recurrence_ids(content: str, original: str | None) -> None:
    """The original start of the one occurrence that a message is about."""
    assert request(content).recurrence_id == (original and at(original))


@pytest.mark.parametrize(
    ("content", "outdated"),
    [
        ("<t:IsOutOfDate>true</t:IsOutOfDate>", True),
        ("<t:MeetingRequestType>Outdated</t:MeetingRequestType>", True),
        (
            CURRENT,
            False,
        ),
        ("", False),
    ],
)
def test_outdated(content: str, outdated: bool) -> None:
    """The server's own word about it, in either form."""
    assert request(content).outdated is outdated


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00Z"),
        ("2026-11-20T08:00:00", "2026-11-20T08:00:00Z"),
        ("2026-11-20T08:00:00.9999999Z", "2026-11-20T08:00:00Z"),
        (" 2026-11-20T09:00:00+01:00 ", "2026-11-20T08:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59-01:00", None),
        ("0001-01-01T00:00:00+01:00", None),
        ("2026-02-30T08:00:00Z", None),
        ("2026-11-20", None),
        ("20261120T080000Z", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_times(text: str, moment: str | None) -> None:
    """Times are aware UTC, or missing when they make no sense."""
    message = request(f"<t:Start>{text}</t:Start>")
    assert message.start == (moment and at(moment))


@pytest.mark.parametrize(
    ("content", "sequence"),
    [
        ("<t:AppointmentSequenceNumber>7</t:AppointmentSequenceNumber>", 7),
        (named("Appointment", 33281, "5", "Integer"), 5),
        ("<t:AppointmentSequenceNumber>-1</t:AppointmentSequenceNumber>", 0),
        (
            "<t:AppointmentSequenceNumber>9999999999</t:AppointmentSequenceNumber>",
            2**31 - 1,
        ),
        ("<t:AppointmentSequenceNumber>x</t:AppointmentSequenceNumber>", 0),
        ("", 0),
    ],
)
def test_sequences(content: str, sequence: int) -> None:
    """A number from 0, whatever the server says."""
    assert request(content).sequence == sequence


def test_received_or_created() -> None:
    """A message that was never sent through transport has only been created."""
    created = "<t:DateTimeCreated>2026-11-20T08:00:00Z</t:DateTimeCreated>"
    assert read(item("MeetingRequest", "id", created)).received == at(
        "2026-11-20T08:00:00Z"
    )
    assert read(item("MeetingRequest", "id")).received == at("1970-01-01T00:00:00Z")


def test_a_text_body_in_place_of_html() -> None:
    """A body that came as text is text."""
    message = request('<t:Body BodyType="Text">plain</t:Body>')
    assert (message.html, message.text) == ("", "plain")


def test_one_for_each_id_in_order() -> None:
    """A batch mixes messages and problems, and neither hides the other."""
    data = response(
        "GetItem",
        meeting_request("one", RECEIVED),
        failure("GetItem", "ErrorItemNotFound", "Gone."),
        '<m:GetItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError'
        "</m:ResponseCode><m:Items/></m:GetItemResponseMessage>",
        item("MeetingRequest", "two", change_key="CK2"),
    )
    first, gone, nothing, second = parse_messages(data, 4)
    assert isinstance(first, MeetingMessage)
    assert gone == ItemProblem("ErrorItemNotFound", "Gone.")
    assert isinstance(nothing, ItemProblem)
    assert isinstance(second, MeetingMessage)
    assert second.ref == MessageRef("two", "CK2")
    assert parse_refs(data, 4)[3] == MessageRef("two", "CK2")
    assert parse_refs(data, 4)[1] == gone


def test_a_subject_that_shows_nothing_is_none() -> None:
    """Zero-width and bidirectional characters alone are no subject, and no name."""
    message = request(
        "<t:Subject>\u200b\ufeff&#x202E;\xa0</t:Subject>"
        "<t:Organizer>" + mailbox("\u200b", "a@y.test") + "</t:Organizer>"
        f"<t:From>{mailbox('Alice', 'a@y.test')}</t:From>"
    )
    assert message.subject == ""
    assert message.organizer == Person("Alice", "a@y.test")


def test_nothing_grows_without_limit() -> None:
    """Names, subjects and UIDs from outside are cut."""
    message = request(
        f"<t:Subject>{'s' * 9999}</t:Subject><t:UID>{'u' * 9999}</t:UID>"
        f"<t:From>{mailbox('n' * 9999, 'a' * 9999 + '@b.test')}</t:From>"
    )
    assert len(message.subject) == 1000
    assert len(message.uid) == 2000
    assert message.organizer == Person("n" * 256, "")


def test_the_samples_are_read() -> None:
    """The answers that are known to be valid say what they are meant to say."""
    data = SERIES.read_bytes()
    series, gone = parse_messages(data, 2)
    assert isinstance(series, MeetingMessage)
    assert series.zone == "Europe/Berlin"
    assert series.is_series
    assert series.uid.startswith(PREFIX)
    assert gone == ItemProblem(
        "ErrorItemNotFound", "The specified object was not found in the store."
    )


def test_our_own_golden_answers_are_valid(schema: etree.XMLSchema) -> None:
    """What these tests feed the parser is what a server may say."""
    content = (
        "<t:Subject>s</t:Subject>"
        '<t:Body BodyType="HTML">b</t:Body>'
        f"<t:DateTimeReceived>{RECEIVED}</t:DateTimeReceived>"
        + named("Meeting", 35, binary(bytes.fromhex(CLEAN)))
        + f"<t:From>{mailbox('A', 'a@b.test')}</t:From>"
    )
    item_class = "<t:ItemClass>IPM.Schedule.Meeting.Request</t:ItemClass>"
    data = response("GetItem", item("MeetingRequest", "id", item_class + content))
    schema.assertValid(etree.fromstring(data))
    assert msgspec.structs.asdict(read(item("MeetingRequest", "id", content)))
