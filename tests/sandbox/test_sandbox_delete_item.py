"""DeleteItem and MoveItem: what is left, and under which id."""

import pytest

from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    SVC,
    CheckedSandbox,
    item_ids,
    meeting,
    request_id,
)


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
