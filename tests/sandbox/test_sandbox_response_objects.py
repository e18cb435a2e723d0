"""Response objects: AcceptItem and its like, and what they are refused for."""

import pytest

from tests.sandbox.sandbox_support import (
    ALICE,
    EQUIPMENT,
    NS,
    SVC,
    CheckedSandbox,
    item_ids,
    meeting,
    names,
    request_id,
    respond,
)


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
