"""EWS requests and their answers, in memory; every answer obeys Exchange's schema."""

from http import HTTPStatus

import pytest
from lxml import etree

from pexschedd.sandbox import Account, Item
from pexschedd.sandbox.items import ids
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    NS,
    ROOM,
    SVC,
    CheckedSandbox,
    find_item,
    get_item,
    item_ids,
    item_shape,
    names,
    respond,
    text,
    texts,
)

INBOX = '<t:DistinguishedFolderId Id="inbox"/>'
GOID = (
    '<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="35" '
    'PropertyType="Binary"/>'
)


def meeting(sandbox: CheckedSandbox, *required: str, subject: str = "Weekly") -> Item:
    return sandbox.exchange.schedule(
        ALICE,
        subject=subject,
        start=MEETING,
        end=MEETING + HOUR,
        required=required or (EQUIPMENT,),
        body="<p>Agenda</p>",
        zone="W. Europe Standard Time",
    )


def request_id(sandbox: CheckedSandbox, who: str = EQUIPMENT) -> str:
    return sandbox.exchange.mailbox(who).inbox()[0].id


def get_folder(*inner: str, base: str = "IdOnly", more: str = "") -> str:
    extra = f"<t:AdditionalProperties>{more}</t:AdditionalProperties>" if more else ""
    return (
        f"<m:GetFolder><m:FolderShape><t:BaseShape>{base}</t:BaseShape>{extra}"
        f"</m:FolderShape><m:FolderIds>{''.join(inner)}</m:FolderIds></m:GetFolder>"
    )


# Schema


def test_the_schema_sees_something(
    sandbox: CheckedSandbox, exchange_schema: object
) -> None:
    """The checks of all the other tests are not idle."""
    del exchange_schema
    sandbox.ask(ALICE, get_folder(INBOX))
    assert sandbox.checked == 1


# Folders


def test_folders_answer_in_order(sandbox: CheckedSandbox) -> None:
    """One message for each id; a folder that is not there does not spoil the rest."""
    request = get_folder(
        INBOX,
        '<t:DistinguishedFolderId Id="favorites"/>',
        '<t:DistinguishedFolderId Id="calendar"/>',
    )
    assert sandbox.codes(ALICE, request) == [
        "NoError",
        "ErrorFolderNotFound",
        "NoError",
    ]


def test_folder_counters_follow_the_content(sandbox: CheckedSandbox) -> None:
    """Totals, unread, and the counter of what was deleted."""
    sandbox.exchange.send_message(ALICE, to=[BOB], subject="a")
    sandbox.exchange.send_message(ALICE, to=[BOB], subject="b")
    bob = sandbox.exchange.mailbox(BOB)
    bob.remove(bob.inbox()[0])
    tag = '<t:ExtendedFieldURI PropertyTag="0x670B" PropertyType="Integer"/>'
    answer = sandbox.ask(BOB, get_folder(INBOX, base="Default", more=tag))
    assert text(answer, ".//t:TotalCount") == "1"
    assert text(answer, ".//t:UnreadCount") == "1"
    assert text(answer, ".//t:Value") == "1"
    echoed = answer.find(".//t:ExtendedFieldURI", NS)
    assert echoed is not None
    assert echoed.get("PropertyTag") == "0x670b"


def test_folders_are_found_below_a_folder(sandbox: CheckedSandbox) -> None:
    """Shallow gives the children, Deep theirs too; all properties are allowed."""
    request = (
        '<m:FindFolder Traversal="{}"><m:FolderShape><t:BaseShape>AllProperties'
        "</t:BaseShape></m:FolderShape><m:ParentFolderIds>"
        '<t:DistinguishedFolderId Id="root"/></m:ParentFolderIds></m:FindFolder>'
    )
    shallow = texts(sandbox.ask(ALICE, request.format("Shallow")), ".//t:DisplayName")
    deep = texts(sandbox.ask(ALICE, request.format("Deep")), ".//t:DisplayName")
    assert shallow == ["Top of Information Store", "Recoverable Items"]
    assert {"Inbox", "Calendar", "Deletions"} < set(deep)


# FindItem


def test_pages_cover_everything_once(sandbox: CheckedSandbox) -> None:
    """Following IndexedPagingOffset gives each item exactly once."""
    for number in range(7):
        sandbox.later(seconds=1)
        meeting(sandbox, subject=f"m{number}")
    seen: list[str] = []
    offset, last = "0", "false"
    while last == "false":
        view = (
            f'<m:IndexedPageItemView MaxEntriesReturned="3" Offset="{offset}" '
            'BasePoint="Beginning"/>'
        )
        order = (
            '<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI '
            'FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder>'
        )
        answer = sandbox.ask(EQUIPMENT, find_item(inner=view + order))
        seen += texts(answer, ".//t:Subject")
        root = answer.find(".//m:RootFolder", NS)
        assert root is not None
        assert root.get("TotalItemsInView") == "7"
        offset = root.get("IndexedPagingOffset", "")
        last = root.get("IncludesLastItemInRange", "")
    assert seen == [f"m{number}" for number in range(7)]


def condition(kind: str, uri: str, constant: str) -> str:
    return (
        f'<t:{kind}><t:FieldURI FieldURI="{uri}"/><t:FieldURIOrConstant>'
        f'<t:Constant Value="{constant}"/></t:FieldURIOrConstant></t:{kind}>'
    )


def contains(mode: str, uri: str, constant: str) -> str:
    return (
        f'<t:Contains ContainmentMode="{mode}" ContainmentComparison="IgnoreCase">'
        f'<t:FieldURI FieldURI="{uri}"/><t:Constant Value="{constant}"/></t:Contains>'
    )


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (condition("IsEqualTo", "item:Subject", "alpha"), {"Alpha"}),
        (condition("IsNotEqualTo", "item:Subject", "alpha"), {"Beta", "Mail"}),
        (contains("Prefixed", "item:ItemClass", "ipm.schedule."), {"Alpha", "Beta"}),
        (contains("Substring", "item:Subject", "ET"), {"Beta"}),
        (contains("FullString", "item:Subject", "bet"), set()),
        (
            condition("IsLessThan", "item:DateTimeReceived", "2026-11-20T08:01:00Z"),
            {"Alpha"},
        ),
        (
            condition(
                "IsGreaterThanOrEqualTo",
                "item:DateTimeReceived",
                "2026-11-20T09:01:00+01:00",
            ),
            {"Beta", "Mail"},
        ),
        (condition("IsEqualTo", "message:From", ALICE), {"Alpha", "Beta", "Mail"}),
        (condition("IsEqualTo", "message:IsRead", "true"), {"Mail"}),
        ('<t:Exists><t:FieldURI FieldURI="calendar:Start"/></t:Exists>',
         {"Alpha", "Beta"}),
        (
            (f"<t:And>{contains('Prefixed', 'item:ItemClass', 'IPM.Schedule')}<t:Not>"
            f"{condition('IsEqualTo', 'item:Subject', 'Beta')}</t:Not></t:And>"),
            {"Alpha"},
        ),
        (
            (f"<t:Or>{condition('IsEqualTo', 'item:Subject', 'Beta')}"
            f"{condition('IsEqualTo', 'item:Subject', 'Mail')}</t:Or>"),
            {"Beta", "Mail"},
        ),
        (
            ('<t:IsEqualTo><t:FieldURI FieldURI="item:DateTimeReceived"/>'
            '<t:FieldURIOrConstant><t:FieldURI FieldURI="item:DateTimeSent"/>'
            "</t:FieldURIOrConstant></t:IsEqualTo>"),
            {"Alpha", "Beta", "Mail"},
        ),
    ],
)  # fmt: skip
def test_restrictions(
    sandbox: CheckedSandbox, expression: str, found: set[str]
) -> None:
    """Each kind of search expression finds what it says, whatever the case."""
    meeting(sandbox, BOB, subject="Alpha")
    sandbox.later(minutes=1)
    meeting(sandbox, BOB, subject="Beta")
    sandbox.exchange.send_message(ALICE, to=[BOB], subject="Mail")
    bob = sandbox.exchange.mailbox(BOB)
    for item in bob.inbox():
        if item.subject == "Mail":
            bob.mark_read(item)
    inner = f"<m:Restriction>{expression}</m:Restriction>"
    answer = sandbox.ask(BOB, find_item(inner=inner))
    assert set(texts(answer, ".//t:Subject")) == found


def test_a_uid_cannot_be_searched_for(sandbox: CheckedSandbox) -> None:
    """As with Exchange, one has to use the global object id."""
    inner = f"<m:Restriction>{condition('IsEqualTo', 'calendar:UID', 'x')}"
    request = find_item("calendar", inner + "</m:Restriction>")
    assert sandbox.codes(ALICE, request) == ["ErrorUnsupportedPathForQuery"]


def test_the_organizers_copy_is_found_by_goid(sandbox: CheckedSandbox) -> None:
    """The clean global object id that an attendee sees finds the organizer's item."""
    organized = meeting(sandbox)
    meeting(sandbox)
    request = (
        f"<m:GetItem>{item_shape('IdOnly', more=GOID)}<m:ItemIds>"
        f'<t:ItemId Id="{sandbox.exchange.mailbox(EQUIPMENT).items("inbox")[0].id}"/>'
        "</m:ItemIds></m:GetItem>"
    )
    goid = text(sandbox.ask(SVC, request, acting_as=EQUIPMENT), ".//t:Value")
    inner = (
        f"<m:Restriction><t:IsEqualTo>{GOID}<t:FieldURIOrConstant><t:Constant "
        f'Value="{goid}"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>'
    )
    found = sandbox.ask(SVC, find_item("calendar", inner), acting_as=ALICE)
    assert item_ids(found) == [organized.id]


def test_the_calendar_view_gives_what_overlaps(sandbox: CheckedSandbox) -> None:
    """By start; a range over two years is refused."""
    meeting(sandbox)
    view = '<m:CalendarView StartDate="{}" EndDate="{}"/>'
    inside = view.format("2026-12-01T09:30:00Z", "2026-12-01T09:31:00Z")
    outside = view.format("2026-12-01T10:00:00Z", "2026-12-02T00:00:00Z")
    assert len(sandbox.find(ALICE, "calendar", inside)) == 1
    assert sandbox.find(ALICE, "calendar", outside) == []
    wide = view.format("2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z")
    assert sandbox.codes(ALICE, find_item("calendar", wide)) == [
        "ErrorCalendarViewRangeTooBig"
    ]


def test_finding_gives_names_without_addresses(sandbox: CheckedSandbox) -> None:
    """FindItem has no body and no addresses: GetItem is needed for those."""
    meeting(sandbox)
    answer = sandbox.ask(EQUIPMENT, find_item(shape="AllProperties"))
    assert texts(answer, ".//t:Organizer/t:Mailbox/t:Name") == ["Alice Archer"]
    assert answer.find(".//t:Organizer/t:Mailbox/t:EmailAddress", NS) is None
    assert answer.find(".//t:Body", NS) is None


# GetItem


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


# Answering


def test_accepting_over_the_wire(sandbox: CheckedSandbox) -> None:
    """Names the calendar item and the moved request; the old id is gone."""
    meeting(sandbox)
    old = request_id(sandbox)
    answer = sandbox.ask(
        SVC, respond("AcceptItem", old, "<p>ok</p>"), acting_as=EQUIPMENT
    )
    assert list(names(answer.findall(".//m:Items/*", NS))) == [
        "CalendarItem",
        "MeetingRequest",
    ]
    assert old not in item_ids(answer)
    again = respond("AcceptItem", old)
    assert sandbox.codes(SVC, again, acting_as=EQUIPMENT) == ["ErrorItemNotFound"]


@pytest.mark.parametrize(
    ("kind", "how", "code"),
    [
        ("AcceptItem", "", "ErrorMessageDispositionRequired"),
        ("AcceptItem", "SaveOnly", "NoError"),
        ("RemoveItem", "", "ErrorInvalidItemForOperationRemoveItem"),
        ("CancelCalendarItem", "", "ErrorInvalidItemForOperationCancelItem"),
    ],
)
def test_what_a_request_allows(
    sandbox: CheckedSandbox, kind: str, how: str, code: str
) -> None:
    """Only what fits a request, and only with the attributes it needs."""
    meeting(sandbox)
    request = respond(kind, request_id(sandbox), how=how)
    assert sandbox.codes(SVC, request, acting_as=EQUIPMENT) == [code]


def test_a_response_can_be_kept_back(sandbox: CheckedSandbox) -> None:
    """SaveOnly settles it in the own calendar and tells nobody."""
    meeting(sandbox)
    request = respond("AcceptItem", request_id(sandbox), how="SaveOnly")
    sandbox.ask(SVC, request, acting_as=EQUIPMENT)
    assert sandbox.exchange.mailbox(ALICE).inbox() == []


def test_removing_a_cancelled_meeting(sandbox: CheckedSandbox) -> None:
    """RemoveItem clears the calendar and files the cancellation; without an entry it
    finds nothing to remove."""
    organized = meeting(sandbox)
    sandbox.ask(SVC, respond("AcceptItem", request_id(sandbox)), acting_as=EQUIPMENT)
    sandbox.exchange.cancel(organized)
    request = respond("RemoveItem", request_id(sandbox), how="")
    assert sandbox.codes(SVC, request, acting_as=EQUIPMENT) == ["NoError"]
    equipment = sandbox.exchange.mailbox(EQUIPMENT)
    assert (equipment.calendar(), equipment.inbox()) == ([], [])

    never_accepted = meeting(sandbox)
    sandbox.exchange.cancel(never_accepted)
    request = respond("RemoveItem", request_id(sandbox), how="")
    assert sandbox.codes(SVC, request, acting_as=EQUIPMENT) == ["ErrorItemNotFound"]


def test_an_organizer_cannot_accept(sandbox: CheckedSandbox) -> None:
    """Neither their own calendar item nor the copy in Sent Items."""
    organized = meeting(sandbox)
    (copy,) = sandbox.exchange.mailbox(ALICE).items("sentitems")
    for item_id in (organized.id, copy.id):
        assert sandbox.codes(ALICE, respond("AcceptItem", item_id)) == [
            "ErrorCalendarIsOrganizerForAccept"
        ]


# Organizing


def create(fields: str, sending: str = "SendToAllAndSaveCopy") -> str:
    attribute = f' SendMeetingInvitations="{sending}"' if sending else ""
    return (
        f"<m:CreateItem{attribute}><m:Items><t:CalendarItem>{fields}</t:CalendarItem>"
        "</m:Items></m:CreateItem>"
    )


TIMES = "<t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End>"


@pytest.mark.parametrize(
    ("fields", "sending", "code"),
    [
        (TIMES, "", "ErrorSendMeetingInvitationsRequired"),
        ("<t:Subject>x</t:Subject>", "SendToNone", "ErrorRequiredPropertyMissing"),
        (
            (
                "<t:Start>2026-12-01T09:00:00Z</t:Start>"
                "<t:End>2026-12-01T08:00:00Z</t:End>"
            ),
            "SendToNone",
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
        (
            TIMES + "<t:Recurrence><t:DailyRecurrence><t:Interval>0</t:Interval>"
            "</t:DailyRecurrence><t:NoEndRecurrence><t:StartDate>2026-12-01"
            "</t:StartDate></t:NoEndRecurrence></t:Recurrence>",
            "SendToNone",
            "ErrorCalendarInvalidRecurrence",
        ),
        (
            TIMES + "<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval>"
            "</t:DailyRecurrence></t:Recurrence>",
            "SendToNone",
            None,
        ),
        (
            TIMES + '<t:StartTimeZone Id="Europe/Berlin"/>',
            "SendToNone",
            "ErrorTimeZone",
        ),
        (
            TIMES + "<t:IsMeeting>true</t:IsMeeting>",
            "SendToNone",
            "ErrorInvalidPropertySet",
        ),
        (TIMES + "<t:Subject>x</t:Subject>", "SendToNone", None),
        (TIMES + "<t:Nonsense/>", "SendToNone", None),
        (TIMES, "SendToNone", "NoError"),
    ],
)
def test_creating_has_rules(
    sandbox: CheckedSandbox, fields: str, sending: str, code: str | None
) -> None:
    """Each broken rule has a code of its own; None: the elements are out of order."""
    request = create(fields, sending)
    if code is None:
        assert sandbox.fault(ALICE, request) == "ErrorSchemaValidation"
    else:
        assert sandbox.codes(ALICE, request) == [code]


def test_times_without_an_offset_are_in_the_context_zone(
    sandbox: CheckedSandbox,
) -> None:
    """TimeZoneContext says what they mean."""
    zone = (
        "<t:TimeZoneContext><t:TimeZoneDefinition "
        'Id="W. Europe Standard Time"/></t:TimeZoneContext>'
    )
    fields = "<t:Start>2026-12-01T09:00:00</t:Start><t:End>2026-12-01T10:00:00</t:End>"
    sandbox.ask(ALICE, create(fields), header=zone)
    (item,) = sandbox.exchange.mailbox(ALICE).calendar()
    assert item.meeting is not None
    assert item.meeting.start.hour == 8
    assert item.meeting.zone == "W. Europe Standard Time"


def test_a_zone_of_ones_own_comes_back(sandbox: CheckedSandbox) -> None:
    """A definition that Windows does not know is kept as the client gave it."""
    own = (
        '<t:StartTimeZone Id="tzone://Microsoft/Custom" Name="Mine"><t:Periods>'
        '<t:Period Bias="-PT1H30M" Name="Standard" Id="std"/></t:Periods>'
        '<t:TransitionsGroups><t:TransitionsGroup Id="0"><t:Transition>'
        '<t:To Kind="Period">std</t:To></t:Transition></t:TransitionsGroup>'
        '</t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind="Group">0'
        "</t:To></t:Transition></t:Transitions></t:StartTimeZone>"
    )
    answer = sandbox.ask(ALICE, create(TIMES + own))
    request = get_item(*item_ids(answer), uris=("calendar:StartTimeZone",))
    period = sandbox.ask(ALICE, request).find(".//t:StartTimeZone//t:Period", NS)
    assert period is not None
    assert period.get("Bias") == "-PT1H30M"


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


@pytest.mark.parametrize(
    ("kind", "left"),
    [("HardDelete", 0), ("SoftDelete", 0), ("MoveToDeletedItems", 1)],
)
def test_deleting(sandbox: CheckedSandbox, kind: str, left: int) -> None:
    """For good or into the deleted items; what is gone is not found."""
    meeting(sandbox)
    request = (
        f'<m:DeleteItem DeleteType="{kind}"><m:ItemIds>'
        f'<t:ItemId Id="{request_id(sandbox)}"/></m:ItemIds></m:DeleteItem>'
    )
    assert sandbox.codes(SVC, request, acting_as=EQUIPMENT) == ["NoError"]
    assert sandbox.codes(SVC, request, acting_as=EQUIPMENT) == ["ErrorItemNotFound"]
    equipment = sandbox.exchange.mailbox(EQUIPMENT)
    assert len(equipment.items("deleteditems")) == left


def test_deleting_ones_meeting_can_call_it_off(sandbox: CheckedSandbox) -> None:
    """SendToAllAndSaveCopy sends the cancellations."""
    organized = meeting(sandbox)
    request = (
        '<m:DeleteItem DeleteType="HardDelete" '
        'SendMeetingCancellations="SendToAllAndSaveCopy"><m:ItemIds>'
        f'<t:ItemId Id="{organized.id}"/></m:ItemIds></m:DeleteItem>'
    )
    assert sandbox.codes(ALICE, request) == ["NoError"]
    assert sandbox.exchange.mailbox(EQUIPMENT).inbox()[0].subject == "Canceled: Weekly"


def test_moving_gives_a_new_id(sandbox: CheckedSandbox) -> None:
    """The answer tells it; another's folder is out of reach."""
    meeting(sandbox)
    old = request_id(sandbox)

    def request(target: str) -> str:
        return (
            f"<m:MoveItem><m:ToFolderId>{target}</m:ToFolderId><m:ItemIds>"
            f'<t:ItemId Id="{old}"/></m:ItemIds></m:MoveItem>'
        )

    other = sandbox.exchange.mailbox(BOB).folders["inbox"].id
    assert sandbox.codes(
        SVC, request(f'<t:FolderId Id="{other}"/>'), acting_as=EQUIPMENT
    ) == ["ErrorAccessDenied"]
    deleted = '<t:DistinguishedFolderId Id="deleteditems"/>'
    (new,) = item_ids(sandbox.ask(SVC, request(deleted), acting_as=EQUIPMENT))
    assert new != old
    assert sandbox.exchange.mailbox(EQUIPMENT).get(new) is not None


# Who may what


def connecting(kind: str, name: str) -> str:
    return (
        f"<t:ExchangeImpersonation><t:ConnectingSID><t:{kind}>{name}</t:{kind}>"
        "</t:ConnectingSID></t:ExchangeImpersonation>"
    )


def test_impersonation_and_its_denials() -> None:
    """The right to act as somebody, and the names that lead to a mailbox."""
    accounts = [
        Account(ALICE, "Alice", "a", aliases=("al@example.test",)),
        Account(SVC, "Service", "s", impersonates=("*",)),
        Account(BOB, "Bob", "b", open_to=(SVC,)),
    ]
    sandbox = CheckedSandbox(accounts=accounts)
    request = get_folder(INBOX)
    cases = [
        (SVC, "SmtpAddress", "al@example.test", None),
        (SVC, "PrincipalName", ALICE, None),
        (SVC, "PrimarySmtpAddress", ALICE.upper(), None),
        (SVC, "PrimarySmtpAddress", "al@example.test", "ErrorNonPrimarySmtpAddress"),
        (SVC, "SmtpAddress", "nobody@example.test", "ErrorNonExistentMailbox"),
        (ALICE, "SmtpAddress", BOB, "ErrorImpersonateUserDenied"),
        (ALICE, "SmtpAddress", ALICE, None),
    ]
    for who, kind, name, code in cases:
        header = connecting(kind, name)
        if code is None:
            assert sandbox.codes(who, request, header=header) == ["NoError"]
        else:
            assert sandbox.fault(who, request, header=header) == code

    def inbox_of(address: str) -> str:
        return (
            '<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>'
            f"{address}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"
        )

    assert sandbox.codes(SVC, get_folder(inbox_of(BOB), inbox_of(ALICE))) == [
        "NoError",
        "ErrorAccessDenied",
    ]
    assert not sandbox.wrong


# Requests that are none


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "ErrorSchemaValidation"),
        (b"<a>", "ErrorSchemaValidation"),
        (b"<a/>", "ErrorSchemaValidation"),
        (
            (
                b'<!DOCTYPE s [<!ENTITY x "y">]><s:Envelope '
                b'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>&x;'
                b"</s:Body></s:Envelope>"
            ),
            "ErrorSchemaValidation",
        ),
    ],
)
def test_nonsense_is_a_fault(sandbox: CheckedSandbox, body: bytes, code: str) -> None:
    """Whatever comes in, a proper fault goes out."""
    found = sandbox.post(ALICE, body, status=HTTPStatus.INTERNAL_SERVER_ERROR)
    assert text(found, "detail/e:ResponseCode") == code


@pytest.mark.parametrize(
    ("request_xml", "code"),
    [
        ("<m:Nonsense/>", "ErrorSchemaValidation"),
        ("<t:GetFolder/>", "ErrorSchemaValidation"),
        ("<m:GetFolder/>", "ErrorSchemaValidation"),
        ("<m:SendItem/>", "ErrorInvalidOperation"),
        (find_item().replace("Shallow", "Deepest"), "ErrorSchemaValidation"),
        (get_item("x", uris=("item:Nonsense",)), "ErrorSchemaValidation"),
        (get_folder('<t:DistinguishedFolderId Id="x"/>'), "ErrorSchemaValidation"),
    ],
)
def test_schema_errors_are_faults(
    sandbox: CheckedSandbox, request_xml: str, code: str
) -> None:
    """The request as a whole fails, with a code that says why."""
    assert sandbox.fault(ALICE, request_xml) == code


def test_names_are_resolved(sandbox: CheckedSandbox) -> None:
    """One match, several (a warning), none."""
    request = (
        '<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>{}'
        "</m:UnresolvedEntry></m:ResolveNames>"
    )
    found = sandbox.ask(ALICE, request.format("alice"))
    assert text(found, ".//t:EmailAddress") == ALICE
    assert sandbox.codes(ALICE, request.format("zz")) == [
        "ErrorNameResolutionNoResults"
    ]
    answer = sandbox.ask(ALICE, request.format("r"))
    assert texts(answer, ".//m:ResponseCode") == ["NoError"]
    answer = sandbox.ask(ALICE, request.format("b"))
    assert texts(answer, ".//t:EmailAddress") == [BOB]


@pytest.mark.parametrize("full", ["true", "false"])
def test_all_time_zones_obey_the_schema(sandbox: CheckedSandbox, full: str) -> None:
    """Every zone of the table can be written."""
    request = f'<m:GetServerTimeZones ReturnFullTimeZoneData="{full}"/>'
    answer = sandbox.ask(ALICE, request)
    definitions = answer.findall(".//t:TimeZoneDefinition", NS)
    assert len(definitions) > 130
    rules = [each for each in definitions if each.find("t:Transitions", NS) is not None]
    assert len(rules) == (len(definitions) if full == "true" else 0)


def test_other_operations_answer_properly(sandbox: CheckedSandbox) -> None:
    """What clients use to try a server out."""
    request = (
        '<m:ConvertId DestinationFormat="EwsId"><m:SourceIds><t:AlternateId '
        'Format="EwsId" Id="{}" Mailbox="{}"/></m:SourceIds></m:ConvertId>'
    )
    organized = meeting(sandbox)
    assert sandbox.codes(ALICE, request.format(organized.id, ALICE)) == ["NoError"]
    assert sandbox.codes(ALICE, request.format("DUMMY", ALICE)) == [
        "ErrorInvalidIdMalformed"
    ]


@pytest.mark.parametrize(
    ("who", "number"), [(EQUIPMENT, "0"), (ALICE, "1"), (ROOM, "2")]
)
def test_how_a_mailbox_processes(
    sandbox: CheckedSandbox, who: str, number: str
) -> None:
    """The calendar's configuration says; no other folder has such a thing."""
    request = (
        '<m:GetUserConfiguration><m:UserConfigurationName Name="Calendar">'
        '<t:DistinguishedFolderId Id="{}"/></m:UserConfigurationName>'
        "<m:UserConfigurationProperties>Dictionary</m:UserConfigurationProperties>"
        "</m:GetUserConfiguration>"
    )
    answer = sandbox.ask(SVC, request.format("calendar"), acting_as=who)
    assert texts(answer, ".//t:DictionaryEntry/*/*") == [
        *("String", "AutomateProcessing", "Integer32", number)
    ]
    assert sandbox.codes(SVC, request.format("inbox"), acting_as=who) == [
        "ErrorItemNotFound"
    ]


def test_answers_are_utf8_with_a_declaration(sandbox: CheckedSandbox) -> None:
    """Subjects in any script survive."""
    meeting(sandbox, subject="Größe 会議 \x00\x0b")
    answer = sandbox.ask(EQUIPMENT, find_item())
    assert texts(answer, ".//t:Subject") == ["Größe 会議 "]
    assert etree.tostring(answer)
