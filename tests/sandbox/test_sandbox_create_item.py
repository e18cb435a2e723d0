"""CreateItem of calendar items: required fields, and time zones."""

import pytest

from tests.sandbox.sandbox_support import (
    ALICE,
    NS,
    CheckedSandbox,
    get_item,
    item_ids,
)


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
