"""What EWS says of series and occurrences; every answer obeys Exchange's schema."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from pexschedd.sandbox import Item, MeetingAnswer, SeriesRecurrence
from pexschedd.sandbox.items import ids
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    NS,
    SVC,
    CheckedSandbox,
    get_item,
    item_ids,
    item_shape,
    respond,
    text,
    texts,
)

FIRST = datetime(2026, 12, 1, 9, tzinfo=UTC)
WEEK = timedelta(days=7)
SECOND, THIRD = FIRST + WEEK, FIRST + 2 * WEEK
SERIES = (
    *("calendar:CalendarItemType", "calendar:Recurrence", "calendar:UID"),
    *("calendar:FirstOccurrence", "calendar:LastOccurrence", "calendar:RecurrenceId"),
    *("calendar:ModifiedOccurrences", "calendar:DeletedOccurrences"),
    *("calendar:IsRecurring", "calendar:Start", "calendar:OriginalStart"),
    *("meeting:AssociatedCalendarItemId", "meeting:IsOutOfDate"),
)
MEETING_IDS = "".join(
    f'<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="{number}" '
    'PropertyType="Binary"/>'
    for number in (3, 35)
)


def schedule(sandbox: CheckedSandbox, **more: object) -> Item:
    fields: dict[str, object] = {
        "subject": "Weekly",
        "start": FIRST,
        "end": FIRST + HOUR,
        "required": [EQUIPMENT],
        "zone": "W. Europe Standard Time",
        "recurrence": SeriesRecurrence.weekly("Tuesday", count=5, first_day="Monday"),
    }
    return sandbox.exchange.schedule(ALICE, **{**fields, **more})  # type: ignore[arg-type]  # the tests' own keyword arguments


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def newest(sandbox: CheckedSandbox) -> Item:
    return sandbox.exchange.mailbox(EQUIPMENT).inbox()[0]


def test_a_request_for_a_series(sandbox: CheckedSandbox) -> None:
    """With all that the organizer knows when it is sent."""
    master = schedule(sandbox)
    sandbox.exchange.update(
        master, occurrence=SECOND, start=SECOND + HOUR, end=SECOND + 2 * HOUR
    )
    sandbox.exchange.cancel(master, occurrence=THIRD)
    sandbox.exchange.update(master, body="<p>New</p>")
    answer = sandbox.ask(
        SVC, get_item(newest(sandbox).id, uris=SERIES), acting_as=EQUIPMENT
    )
    assert text(answer, ".//t:CalendarItemType") == "RecurringMaster"
    assert text(answer, ".//t:IsRecurring") == "true"
    assert answer.find(".//t:RecurrenceId", NS) is None
    assert texts(answer, ".//t:WeeklyRecurrence/*") == ["1", "Tuesday", "Monday"]
    assert texts(answer, ".//t:NumberedRecurrence/*") == ["2026-12-01+01:00", "5"]
    assert texts(answer, ".//t:FirstOccurrence/t:Start") == [stamp(FIRST)]
    assert texts(answer, ".//t:LastOccurrence/t:Start") == [stamp(FIRST + 4 * WEEK)]
    assert texts(answer, ".//t:ModifiedOccurrences/t:Occurrence/t:OriginalStart") == [
        stamp(SECOND)
    ]
    assert texts(answer, ".//t:ModifiedOccurrences/t:Occurrence/t:Start") == [
        stamp(SECOND + HOUR)
    ]
    assert texts(answer, ".//t:DeletedOccurrence/t:Start") == [stamp(THIRD)]


@pytest.mark.parametrize("zone", ["W. Europe Standard Time", "Tokyo Standard Time"])
def test_messages_about_an_occurrence(sandbox: CheckedSandbox, zone: str) -> None:
    """The series' ids; the full one has the date by the series' own clock."""
    start = datetime(2026, 12, 1, 16, tzinfo=UTC)
    days = SeriesRecurrence.daily(count=9)
    master = schedule(
        sandbox, start=start, end=start + HOUR, zone=zone, recurrence=days
    )
    original = start + timedelta(days=1)
    sandbox.exchange.update(master, occurrence=original, subject="Other")
    sandbox.exchange.cancel(master, occurrence=original)
    shape = item_shape("IdOnly", *SERIES, more=MEETING_IDS)
    for message in sandbox.exchange.mailbox(EQUIPMENT).inbox()[:2]:
        answer = sandbox.ask(
            SVC,
            f'<m:GetItem>{shape}<m:ItemIds><t:ItemId Id="{message.id}"/></m:ItemIds>'
            "</m:GetItem>",
            acting_as=EQUIPMENT,
        )
        assert text(answer, ".//t:CalendarItemType") == "Exception"
        assert text(answer, ".//t:RecurrenceId") == stamp(original)
        assert answer.find(".//t:Recurrence", NS) is None
        full, clean = (base64.b64decode(each) for each in texts(answer, ".//t:Value"))
        assert clean.hex().upper() == text(answer, ".//t:UID")
        assert ids.clean(full) == clean
        day = 3 if zone.startswith("Tokyo") else 2
        assert full[16:20] == bytes([2026 >> 8, 2026 & 255, 12, day])


def test_all_properties_obey_the_schema(sandbox: CheckedSandbox) -> None:
    """Of a series, its occurrences and all messages about them; nothing to assert but
    what the fixture does."""
    master = schedule(sandbox, recurrence=SeriesRecurrence.weekly("Tuesday"))
    sandbox.exchange.respond(newest(sandbox), MeetingAnswer.ACCEPT)
    sandbox.exchange.update(master, occurrence=SECOND, location="There")
    sandbox.exchange.respond(newest(sandbox), MeetingAnswer.ACCEPT)
    sandbox.exchange.cancel(master, occurrence=THIRD)
    sandbox.exchange.cancel(sandbox.exchange.update(schedule(sandbox), subject="Gone"))
    for who in (ALICE, EQUIPMENT):
        mailbox = sandbox.exchange.mailbox(who)
        known = [each.id for each in mailbox.all_items()]
        for each in mailbox.calendar():
            found = sandbox.exchange.occurrences(each, FIRST, FIRST + 5 * WEEK)
            known += [occurrence.id for occurrence in found]
        asked = get_item(*known, base="AllProperties")
        assert set(sandbox.codes(SVC, asked, acting_as=who)) == {"NoError"}


def test_the_request_knows_its_occurrence(sandbox: CheckedSandbox) -> None:
    """Once the series is in the calendar a request about one date points into it."""
    master = schedule(sandbox)
    sandbox.exchange.respond(newest(sandbox), MeetingAnswer.ACCEPT)
    sandbox.exchange.update(master, occurrence=SECOND, subject="Other")
    request = newest(sandbox)
    answer = sandbox.ask(SVC, get_item(request.id, uris=SERIES), acting_as=EQUIPMENT)
    associated = answer.find(".//t:AssociatedCalendarItemId", NS)
    assert associated is not None
    (entry,) = sandbox.exchange.mailbox(EQUIPMENT).calendar()
    assert associated.get("Id") == ids.occurrence_id(entry.id, SECOND)
    assert text(answer, ".//t:IsOutOfDate") == "false"
    accepted = sandbox.ask(SVC, respond("AcceptItem", request.id), acting_as=EQUIPMENT)
    assert associated.get("Id") in item_ids(accepted)


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        (
            'OccurrenceItemId RecurringMasterId="{single}" InstanceIndex="1"',
            "ErrorCalendarCannotUseIdForRecurringMasterId",
        ),
        (
            'OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="0"',
            "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
        ),
        (
            'RecurringMasterItemId OccurrenceId="{single}"',
            "ErrorCalendarCannotUseIdForOccurrenceId",
        ),
        ('RecurringMasterItemId OccurrenceId="{occurrence}"', "NoError"),
        ('OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="5"', "NoError"),
    ],
)
def test_ways_to_name_an_item(
    sandbox: CheckedSandbox, reference: str, code: str
) -> None:
    """A series by an occurrence, an occurrence by its number."""
    master, single = schedule(sandbox), schedule(sandbox, recurrence=None)
    element = reference.format(
        master=master.id,
        single=single.id,
        occurrence=sandbox.exchange.occurrence(master, SECOND).id,
    )
    request = (
        f"<m:GetItem>{item_shape('IdOnly')}<m:ItemIds><t:{element}/></m:ItemIds>"
        "</m:GetItem>"
    )
    assert sandbox.codes(ALICE, request) == [code]


def test_an_occurrence_cannot_be_moved_elsewhere(sandbox: CheckedSandbox) -> None:
    """Not to another folder."""
    occurrence = sandbox.exchange.occurrence(schedule(sandbox), SECOND)
    request = (
        '<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/>'
        f'</m:ToFolderId><m:ItemIds><t:ItemId Id="{occurrence.id}"/></m:ItemIds>'
        "</m:MoveItem>"
    )
    assert sandbox.codes(ALICE, request) == ["ErrorCalendarCannotMoveOrCopyOccurrence"]


CUSTOM = """<t:StartTimeZone Id="tzone://Microsoft/Custom" Name="Custom"><t:Periods>
<t:Period Bias="PT300M" Name="Standard" Id="Std"/>
<t:Period Bias="PT240M" Name="Daylight" Id="Dlt"/></t:Periods><t:TransitionsGroups>
<t:TransitionsGroup Id="0"><t:RecurringDayTransition><t:To Kind="Period">Dlt</t:To>
<t:TimeOffset>P0DT{spring}H0M0.0S</t:TimeOffset><t:Month>3</t:Month>
<t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence>
</t:RecurringDayTransition><t:RecurringDayTransition><t:To Kind="Period">Std</t:To>
<t:TimeOffset>P0DT0H0M0.0S</t:TimeOffset><t:Month>10</t:Month>
<t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence>
</t:RecurringDayTransition></t:TransitionsGroup></t:TransitionsGroups><t:Transitions>
<t:Transition><t:To Kind="Group">0</t:To></t:Transition></t:Transitions>
</t:StartTimeZone>"""


def test_a_series_in_a_zone_of_its_own(sandbox: CheckedSandbox) -> None:
    """The rules that came with it decide; here daylight saving ends on the 31st of
    October 2027, at midnight."""
    fields = (
        "<t:Start>2027-10-29T13:00:00Z</t:Start><t:End>2027-10-29T14:00:00Z</t:End>"
        "<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval>"
        "</t:DailyRecurrence><t:NumberedRecurrence><t:StartDate>2027-10-29</t:StartDate>"
        "<t:NumberOfOccurrences>4</t:NumberOfOccurrences></t:NumberedRecurrence>"
        f"</t:Recurrence>{CUSTOM.format(spring=2)}"
    )
    request = (
        '<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem>'
        f"{fields}</t:CalendarItem></m:Items></m:CreateItem>"
    )
    assert sandbox.codes(ALICE, request) == ["NoError"]
    shape = item_shape("IdOnly", "calendar:Start")
    view = (
        f'<m:FindItem Traversal="Shallow">{shape}{{}}<m:ParentFolderIds>'
        '<t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>'
    )
    span = '<m:CalendarView {}StartDate="2027-10-01T00:00:00Z" EndDate="{}"/>'
    month = span.format("", "2027-11-30T00:00:00Z")
    answer = sandbox.ask(ALICE, view.format(month))
    assert texts(answer, ".//t:Start") == [
        *("2027-10-29T13:00:00Z", "2027-10-30T13:00:00Z"),
        *("2027-10-31T14:00:00Z", "2027-11-01T14:00:00Z"),
    ]
    few = span.format('MaxEntriesReturned="3" ', "2027-11-30T00:00:00Z")
    root = sandbox.ask(ALICE, view.format(few)).find(".//m:RootFolder", NS)
    assert root is not None
    assert (root.get("TotalItemsInView"), root.get("IncludesLastItemInRange")) == (
        "3",
        "false",
    )
    far = span.format("", "2029-11-30T00:00:00Z")
    assert sandbox.codes(ALICE, view.format(far)) == ["ErrorCalendarViewRangeTooBig"]


def test_removing_an_occurrence_over_the_wire(sandbox: CheckedSandbox) -> None:
    """RemoveItem on its cancellation takes that date out; a second time finds none."""
    master = schedule(sandbox, required=[EQUIPMENT, BOB])
    accepted = respond("AcceptItem", newest(sandbox).id)
    assert sandbox.codes(SVC, accepted, acting_as=EQUIPMENT) == ["NoError"]
    sandbox.exchange.cancel(master, occurrence=SECOND)
    remove = respond("RemoveItem", newest(sandbox).id, how="")
    assert sandbox.codes(SVC, remove, acting_as=EQUIPMENT) == ["NoError"]
    (entry,) = sandbox.exchange.mailbox(EQUIPMENT).calendar()
    answer = sandbox.ask(SVC, get_item(entry.id, uris=SERIES), acting_as=EQUIPMENT)
    assert texts(answer, ".//t:DeletedOccurrence/t:Start") == [stamp(SECOND)]


def test_calling_one_occurrence_off(sandbox: CheckedSandbox) -> None:
    """CancelCalendarItem on an occurrence, and DeleteItem with cancellations: each
    tells of its date, and the series goes on."""
    master = schedule(sandbox)
    second, third = (
        sandbox.exchange.occurrence(master, original).id for original in (SECOND, THIRD)
    )
    cancel = (
        '<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items>'
        f'<t:CancelCalendarItem><t:ReferenceItemId Id="{second}"/>'
        '<t:NewBodyContent BodyType="HTML">Sorry</t:NewBodyContent>'
        "</t:CancelCalendarItem></m:Items></m:CreateItem>"
    )
    delete = (
        '<m:DeleteItem DeleteType="MoveToDeletedItems" '
        'SendMeetingCancellations="SendOnlyToAll"><m:ItemIds>'
        f'<t:ItemId Id="{third}"/></m:ItemIds></m:DeleteItem>'
    )
    for request, original in ((cancel, SECOND), (delete, THIRD)):
        assert sandbox.codes(ALICE, request) == ["NoError"]
        meeting = newest(sandbox).meeting
        assert meeting is not None
        assert (meeting.recurrence_id, meeting.cancelled) == (original, True)
        assert sandbox.codes(ALICE, request) == ["ErrorItemNotFound"]
    assert master.meeting is not None
    assert master.meeting.deleted == (SECOND, THIRD)
    assert sandbox.exchange.mailbox(ALICE).calendar() == [master]


@pytest.mark.parametrize(
    ("sending", "heard"), [("SendToNone", None), ("SendOnlyToAll", "Declined: Weekly")]
)
def test_an_attendee_deletes_one_occurrence(
    sandbox: CheckedSandbox, sending: str, heard: str | None
) -> None:
    """It is gone from that calendar; the organizer hears only if told so."""
    schedule(sandbox)
    sandbox.exchange.respond(newest(sandbox), MeetingAnswer.ACCEPT, send=False)
    (entry,) = sandbox.exchange.mailbox(EQUIPMENT).calendar()
    occurrence = sandbox.exchange.occurrence(entry, SECOND)
    delete = (
        f'<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="{sending}">'
        f'<m:ItemIds><t:ItemId Id="{occurrence.id}"/></m:ItemIds></m:DeleteItem>'
    )
    assert sandbox.codes(SVC, delete, acting_as=EQUIPMENT) == ["NoError"]
    assert entry.meeting is not None
    assert entry.meeting.deleted == (SECOND,)
    subjects = [each.subject for each in sandbox.exchange.mailbox(ALICE).inbox()]
    assert subjects == ([heard] if heard else [])
