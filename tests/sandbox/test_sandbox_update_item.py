"""UpdateItem: whom it tells, conflicts, and what it refuses."""

import pytest

from tests.sandbox.sandbox_support import (
    ALICE,
    EQUIPMENT,
    SVC,
    CheckedSandbox,
    find_item,
    item_ids,
    meeting,
    request_id,
)


def update(
    item_id: str,
    fields: str,
    *,
    key: str | None = None,
    resolution: str = "AlwaysOverwrite",
    sending: str | None = "SendToAllAndSaveCopy",
) -> str:
    attribute = f' SendMeetingInvitationsOrCancellations="{sending}"' if sending else ""
    change_key = f' ChangeKey="{key}"' if key else ""
    return (
        f'<m:UpdateItem ConflictResolution="{resolution}" '
        f'MessageDisposition="SaveOnly"{attribute}><m:ItemChanges><t:ItemChange>'
        f'<t:ItemId Id="{item_id}"{change_key}/><t:Updates>{fields}</t:Updates>'
        "</t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )


def set_field(uri: str, value: str, kind: str = "CalendarItem") -> str:
    return (
        f'<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:{kind}>{value}</t:{kind}>'
        "</t:SetItemField>"
    )


LOCATION = set_field("calendar:Location", "<t:Location>There</t:Location>")


BODY = set_field("item:Body", '<t:Body BodyType="HTML">&lt;p&gt;New&lt;/p&gt;</t:Body>')


def test_updating_sends_it_to_all(sandbox: CheckedSandbox) -> None:
    """The rewritten body and the location arrive, as an update of the same meeting."""
    organized = meeting(sandbox)
    answer = sandbox.ask(SVC, update(organized.id, BODY + LOCATION), acting_as=ALICE)
    assert item_ids(answer) == [organized.id]
    newest = sandbox.exchange.mailbox(EQUIPMENT).inbox()[0]
    assert newest.meeting is not None
    assert (newest.body.text, newest.meeting.location) == ("New", "There")
    assert newest.request_type == "FullUpdate"
    assert newest.meeting.sequence == 0


def test_conflicting_updates(sandbox: CheckedSandbox) -> None:
    """NeverOverwrite wants the current change key; a second use is a conflict."""
    organized = meeting(sandbox)
    key = sandbox.exchange.mailbox(ALICE).change_key(organized)
    never = {"resolution": "NeverOverwrite"}
    assert sandbox.codes(ALICE, update(organized.id, BODY, **never)) == [
        "ErrorChangeKeyRequiredForWriteOperations"
    ]
    first = update(organized.id, BODY, key=key, resolution="NeverOverwrite")
    assert sandbox.codes(ALICE, first) == ["NoError"]
    assert sandbox.codes(ALICE, first) == ["ErrorIrresolvableConflict"]
    auto = update(organized.id, BODY, key=key, resolution="AutoResolve")
    assert sandbox.codes(ALICE, auto) == ["NoError"]
    bad = update(organized.id, BODY, key="x", resolution="NeverOverwrite")
    assert sandbox.codes(ALICE, bad) == ["ErrorInvalidChangeKey"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (
            set_field("calendar:Location", "<t:Subject>x</t:Subject>"),
            "ErrorUpdatePropertyMismatch",
        ),
        (
            set_field("item:Subject", "<t:Subject>x</t:Subject>", "Message"),
            "ErrorInvalidPropertySet",
        ),
        (
            set_field(
                "item:Subject",
                "<t:Subject>x</t:Subject><t:Importance>Low</t:Importance>",
            ),
            "ErrorIncorrectUpdatePropertyCount",
        ),
        (
            set_field("calendar:End", "<t:End>2020-01-01T00:00:00Z</t:End>"),
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
        (
            (
                '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Start"/>'
                "</t:DeleteItemField>"
            ),
            "ErrorInvalidPropertyDelete",
        ),
    ],
)
def test_a_bad_update_changes_nothing(
    sandbox: CheckedSandbox, fields: str, code: str
) -> None:
    """Not even the good fields before the bad one."""
    organized = meeting(sandbox)
    before = sandbox.exchange.version
    assert sandbox.codes(ALICE, update(organized.id, LOCATION + fields)) == [code]
    assert sandbox.exchange.version == before
    assert organized.meeting is not None
    assert organized.meeting.location == ""


def test_a_sent_request_cannot_be_rewritten(sandbox: CheckedSandbox) -> None:
    """Its content belongs to the organizer; read flag and categories to the reader."""
    meeting(sandbox)
    item_id = request_id(sandbox)
    subject = set_field("item:Subject", "<t:Subject>x</t:Subject>", "MeetingRequest")
    request = update(item_id, subject, sending=None)
    assert sandbox.codes(SVC, request, acting_as=EQUIPMENT) == [
        "ErrorSentMeetingRequestUpdate"
    ]
    read = set_field("message:IsRead", "<t:IsRead>true</t:IsRead>", "MeetingRequest")
    request = update(item_id, read, sending=None)
    assert sandbox.codes(SVC, request, acting_as=EQUIPMENT) == ["NoError"]


def test_calendar_items_need_to_be_told_whom_to_tell(sandbox: CheckedSandbox) -> None:
    """Updating and deleting refuse to guess."""
    organized = meeting(sandbox)
    assert sandbox.codes(ALICE, update(organized.id, BODY, sending=None)) == [
        "ErrorSendMeetingInvitationsOrCancellationsRequired"
    ]
    request = (
        '<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>'
        f'<t:ItemId Id="{organized.id}"/></m:ItemIds></m:DeleteItem>'
    )
    assert sandbox.codes(ALICE, request) == ["ErrorSendMeetingCancellationsRequired"]


def test_extended_properties_are_kept(sandbox: CheckedSandbox) -> None:
    """What a client sets under a name of its own can be read and searched for."""
    organized = meeting(sandbox)
    uri = (
        '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" '
        'PropertyName="mark" PropertyType="String"/>'
    )
    fields = (
        f"<t:SetItemField>{uri}<t:CalendarItem><t:ExtendedProperty>{uri}"
        "<t:Value>seen</t:Value></t:ExtendedProperty></t:CalendarItem>"
        "</t:SetItemField>"
    )
    sandbox.ask(ALICE, update(organized.id, fields, sending="SendToNone"))
    by_guid = uri.replace(
        'DistinguishedPropertySetId="PublicStrings"',
        'PropertySetId="00020329-0000-0000-C000-000000000046"',
    )
    inner = (
        f"<m:Restriction><t:IsEqualTo>{by_guid}<t:FieldURIOrConstant>"
        '<t:Constant Value="SEEN"/></t:FieldURIOrConstant></t:IsEqualTo>'
        "</m:Restriction>"
    )
    assert item_ids(sandbox.ask(ALICE, find_item("calendar", inner))) == [organized.id]
