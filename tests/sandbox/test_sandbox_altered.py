"""Messages that are altered on their way, by the behaviour `altered`."""

from typing import Any

import pytest

from pexschedd.sandbox import Item, SeriesRecurrence
from pexschedd.sandbox.mailboxes.alterations import ALTERATIONS
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    NS,
    SVC,
    CheckedSandbox,
    get_item,
    texts,
)

NAMED = (
    ("Meeting", 3, "Binary"),
    ("Meeting", 35, "Binary"),
    ("Appointment", 33281, "Integer"),
    ("Appointment", 33320, "SystemTime"),
)
FIELDS = (
    *("item:HasAttachments", "item:Attachments", "message:From", "calendar:UID"),
    *("calendar:RecurrenceId", "calendar:Start", "calendar:End"),
    *("calendar:Organizer", "calendar:StartTimeZone", "calendar:EndTimeZone"),
    "calendar:AppointmentSequenceNumber",
)


def altered(sandbox: CheckedSandbox, how: str, **more: Any) -> list[Item]:
    """What arrives of a series and of a changed occurrence."""
    sandbox.behaviour.configure({"altered": [{"how": how, **more}]})
    exchange = sandbox.exchange
    series = exchange.schedule(
        ALICE,
        subject="Plans",
        start=MEETING,
        end=MEETING + HOUR,
        zone="W. Europe Standard Time",
        resources=[EQUIPMENT],
        required=[BOB],
        recurrence=SeriesRecurrence.daily(count=3),
    )
    sandbox.later(seconds=1)
    exchange.update(series, occurrence=MEETING, subject="Other plans")
    folder = "junkemail" if how == "junk" else "inbox"
    return exchange.mailbox(EQUIPMENT).items(folder)


def shown(sandbox: CheckedSandbox, item: Item) -> Any:
    named = "".join(
        f'<t:ExtendedFieldURI DistinguishedPropertySetId="{group}" '
        f'PropertyId="{number}" PropertyType="{kind}"/>'
        for group, number, kind in NAMED
    )
    sender = '<t:ExtendedFieldURI PropertyTag="0x5D02" PropertyType="String"/>'
    request = get_item(item.id, uris=FIELDS).replace(
        "</t:AdditionalProperties>", f"{named}{sender}</t:AdditionalProperties>"
    )
    return sandbox.ask(SVC, request, acting_as=EQUIPMENT)


GONE = {
    "without-recurrence-id": ("RecurrenceId", {33320}),
    "without-start": ("Start", set[int]()),
    "without-end": ("End", set[int]()),
    "without-sequence": ("AppointmentSequenceNumber", {33281}),
    "without-uid": ("UID", {3, 35}),
    "without-organizer": ("Organizer", {0x5D02}),
}


def numbers(answer: Any) -> set[int]:
    """The extended properties that are there."""
    return {
        int(each.get("PropertyId") or each.get("PropertyTag"), 0)
        for each in answer.iterfind(".//t:ExtendedProperty/t:ExtendedFieldURI", NS)
    }


@pytest.mark.parametrize("how", GONE)
def test_what_is_left_out(sandbox: CheckedSandbox, how: str) -> None:
    """The element and the named properties that say the same are not there; all else
    is."""
    element, properties = GONE[how]
    _, message = altered(sandbox, how)
    answer = shown(sandbox, message)
    assert answer.find(f".//t:{element}", NS) is None
    everything = {number for _, number, _ in NAMED} | {0x5D02}
    assert numbers(answer) == everything - properties
    for other, _ in GONE.values():
        found = answer.find(f".//t:{other}", NS)
        assert (found is None) is (other == element)


@pytest.mark.parametrize(("how", "has_smtp"), [("by-dn", True), ("by-dn-alone", False)])
def test_people_by_their_dn(sandbox: CheckedSandbox, how: str, has_smtp: bool) -> None:
    """Organizer and sender have no SMTP address; a property may tell it."""
    message, _ = altered(sandbox, how)
    answer = shown(sandbox, message)
    assert set(texts(answer, ".//t:RoutingType")) == {"EX"}
    for address in texts(answer, ".//t:EmailAddress"):
        assert address.startswith("/o=Sandbox/")
        assert address.endswith("/cn=Recipients/cn=alice")
    assert (0x5D02 in numbers(answer)) is has_smtp


def test_zones_that_contradict(sandbox: CheckedSandbox) -> None:
    """Of start and end; or of a name and the rules that come with it."""
    message, _ = altered(sandbox, "contradicting-zones")
    answer = shown(sandbox, message)
    ids = [
        answer.find(f".//t:{name}TimeZone", NS).get("Id") for name in ("Start", "End")
    ]
    assert ids == ["W. Europe Standard Time", "Tokyo Standard Time"]
    *_, message, _ = altered(sandbox, "lying-zone")
    zone = shown(sandbox, message).find(".//t:StartTimeZone", NS)
    assert zone.get("Id") == "W. Europe Standard Time"
    assert [each.get("Bias") for each in zone.iterfind(".//t:Period", NS)] == ["-PT9H"]


def test_attachments(sandbox: CheckedSandbox) -> None:
    """They are listed with their names."""
    message, _ = altered(sandbox, "with-attachment")
    answer = shown(sandbox, message)
    assert texts(answer, ".//t:HasAttachments") == ["true"]
    assert texts(answer, ".//t:FileAttachment/t:Name") == ["Agenda.docx", "Map.pdf"]


def test_junk(sandbox: CheckedSandbox) -> None:
    """It lies in Junk Email, unprocessed, and only of whom that is said."""
    assert len(altered(sandbox, "junk", mailbox=EQUIPMENT)) == 2
    assert sandbox.exchange.mailbox(EQUIPMENT).inbox() == []
    assert len(sandbox.exchange.mailbox(BOB).inbox()) == 2


def test_so_many_times(sandbox: CheckedSandbox) -> None:
    """Then messages arrive as they were sent."""
    message, other = altered(sandbox, "with-attachment", mailbox=EQUIPMENT, times=1)
    assert [bool(message.attachments), bool(other.attachments)] == [True, False]
    assert sandbox.behaviour.describe().altered[0].times == 0


@pytest.mark.parametrize("how", ALTERATIONS)
def test_every_alteration_is_of_the_message_alone(
    sandbox: CheckedSandbox, how: str
) -> None:
    """It can be asked for by its name, and the organizer's item stays as it is."""
    assert altered(sandbox, how)
    (item,) = sandbox.exchange.mailbox(ALICE).calendar()
    assert item.left_out == frozenset()
    assert not item.by_dn
    assert item.meeting is not None
    assert item.meeting.end_zone == ""


def test_a_foreign_uid(sandbox: CheckedSandbox) -> None:
    """A new meeting may bring its own UID, unless that is refused."""
    request = (
        '<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem>'
        "<t:Subject>Plans</t:Subject>{}<t:Start>2026-12-01T09:00:00Z</t:Start>"
        "<t:End>2026-12-01T10:00:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>"
    )
    own = request.format("<t:UID>foreign@calendar.example</t:UID>")
    codes = lambda text: texts(sandbox.ask(ALICE, text), ".//m:ResponseCode")  # noqa: E731
    assert codes(own) == ["NoError"]
    sandbox.behaviour.configure({"refused": [{"what": "foreign-uid", "item": True}]})
    assert codes(own) == ["ErrorInvalidPropertySet"]
    assert codes(request.format("")) == ["NoError"]
