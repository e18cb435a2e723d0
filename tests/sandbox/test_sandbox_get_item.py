"""GetItem: shapes, bodies, and batches that mix good and bad ids."""

import pytest

from pexschedd.sandbox.items import ids
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    NS,
    ROOM,
    SVC,
    CheckedSandbox,
    get_item,
    meeting,
    names,
    request_id,
    respond,
    text,
)


def test_a_request_has_all_it_should(sandbox: CheckedSandbox) -> None:
    """Everything that a scheduling service reads of a first request."""
    organized = meeting(sandbox)
    uris = (
        *("item:ItemClass", "item:Body", "item:TextBody", "meeting:HasBeenProcessed"),
        *("meeting:AssociatedCalendarItemId", "meeting:ResponseType", "calendar:UID"),
        *("meetingRequest:MeetingRequestType", "calendar:Start", "calendar:Organizer"),
        *("calendar:AppointmentState", "calendar:StartTimeZone"),
        *("calendar:RequiredAttendees", "calendar:CalendarItemType"),
    )
    request = get_item(request_id(sandbox), uris=uris)
    answer = sandbox.ask(SVC, request, acting_as=EQUIPMENT)
    item = answer.find(".//t:MeetingRequest", NS)
    assert item is not None
    assert organized.meeting is not None
    expected = {
        "t:ItemClass": "IPM.Schedule.Meeting.Request",
        "t:TextBody": "Agenda",
        "t:HasBeenProcessed": "false",
        "t:ResponseType": "NoResponseReceived",
        "t:UID": ids.uid(organized.meeting.goid),
        "t:MeetingRequestType": "NewMeetingRequest",
        "t:Start": "2026-12-01T09:00:00Z",
        "t:Organizer/t:Mailbox/t:EmailAddress": ALICE,
        "t:AppointmentState": "3",
        "t:CalendarItemType": "Single",
        "t:RequiredAttendees/t:Attendee/t:Mailbox/t:EmailAddress": EQUIPMENT,
    }
    assert {path: text(item, path) for path in expected} == expected
    assert item.find("t:AssociatedCalendarItemId", NS) is None
    zone = item.find("t:StartTimeZone", NS)
    assert zone is not None
    assert zone.get("Id") == "W. Europe Standard Time"
    assert len(zone.findall(".//t:RecurringDayTransition", NS)) == 2


@pytest.mark.parametrize("base", ["IdOnly", "Default", "AllProperties"])
def test_every_kind_of_item_obeys_the_schema(
    sandbox: CheckedSandbox, base: str
) -> None:
    """All shapes of all kinds of items, in all mailboxes."""
    organized = meeting(sandbox, EQUIPMENT, BOB, ROOM)
    sandbox.ask(
        SVC, respond("AcceptItem", request_id(sandbox), "ok"), acting_as=EQUIPMENT
    )
    sandbox.exchange.send_message(ALICE, to=[BOB], cc=[EQUIPMENT], subject="Mail")
    sandbox.exchange.cancel(organized)
    kinds = set()
    for mailbox in sandbox.exchange.mailboxes():
        found = [item.id for item in mailbox.all_items()]
        if found:
            request = get_item(*found, base=base)
            answer = sandbox.ask(SVC, request, acting_as=mailbox.address)
            kinds |= set(names(answer.findall(".//m:Items/*", NS)))
    assert kinds == {
        *("MeetingRequest", "MeetingCancellation", "MeetingResponse"),
        *("Message", "CalendarItem"),
    }


def test_a_batch_mixes_good_and_bad(sandbox: CheckedSandbox) -> None:
    """In the order of the request, each with its own code."""
    meeting(sandbox)
    good = request_id(sandbox)
    gone = ids.item_id(sandbox.exchange.mailbox(EQUIPMENT).guid, 999)
    request = get_item(gone, good, "AAMkADIx", "")
    assert sandbox.codes(SVC, request, acting_as=EQUIPMENT) == [
        "ErrorItemNotFound",
        "NoError",
        "ErrorInvalidIdMalformed",
        "ErrorInvalidIdEmpty",
    ]


@pytest.mark.parametrize(
    ("wanted", "kind"), [("HTML", "HTML"), ("Text", "Text"), ("Best", "Text")]
)
def test_the_body_type_decides(sandbox: CheckedSandbox, wanted: str, kind: str) -> None:
    """A body written as plain text comes as HTML, as text, or as it was written."""
    request = (
        '<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message>'
        '<t:Body BodyType="Text">a &lt; b</t:Body><t:ToRecipients><t:Mailbox>'
        f"<t:EmailAddress>{BOB}</t:EmailAddress></t:Mailbox></t:ToRecipients>"
        "</t:Message></m:Items></m:CreateItem>"
    )
    assert sandbox.codes(ALICE, request) == ["NoError"]
    shape = (
        "<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>"
        f"<t:BodyType>{wanted}</t:BodyType><t:AdditionalProperties>"
        '<t:FieldURI FieldURI="item:Body"/></t:AdditionalProperties></m:ItemShape>'
    )
    answer = sandbox.ask(
        BOB,
        f'<m:GetItem>{shape}<m:ItemIds><t:ItemId Id="{request_id(sandbox, BOB)}"/>'
        "</m:ItemIds></m:GetItem>",
    )
    body = answer.find(".//t:Body", NS)
    assert body is not None
    assert body.get("BodyType") == kind
    assert ("a &lt; b" if kind == "HTML" else "a < b") in (body.text or "")
