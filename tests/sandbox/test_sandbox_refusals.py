"""What a server refuses as long as it is told to, and meetings that come late."""

from http import HTTPStatus
from typing import Any

import pytest

from pexschedd.sandbox.faults.fault import BehaviourError
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    NS,
    SVC,
    CheckedSandbox,
    find_item,
)

FAULT = HTTPStatus.INTERNAL_SERVER_ERROR
BY_GLOBAL_ID = """
<m:FindItem Traversal="Shallow">
  <m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>
  <m:Restriction><t:IsEqualTo>
    <t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="35"
      PropertyType="Binary"/>
    <t:FieldURIOrConstant><t:Constant Value="{}"/></t:FieldURIOrConstant>
  </t:IsEqualTo></m:Restriction>
  <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds>
</m:FindItem>
"""
ANSWERS = """
<m:CreateItem MessageDisposition="SendOnly"><m:Items>
  <t:AcceptItem><t:ReferenceItemId Id="{}"/></t:AcceptItem>
  <t:RemoveItem><t:ReferenceItemId Id="{}"/></t:RemoveItem>
</m:Items></m:CreateItem>
"""
VIEW = """
<m:FindItem Traversal="Shallow">
  <m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>
  <m:CalendarView StartDate="2026-12-01T00:00:00Z" EndDate="2026-12-02T00:00:00Z"/>
  <m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds>
</m:FindItem>
"""


def codes(answer: Any) -> list[str]:
    return [each.text for each in answer.iterfind(".//m:ResponseCode", NS)]


def fault(answer: Any) -> str:
    return str(answer.findtext(".//e:ResponseCode", namespaces=NS))


def invite(sandbox: CheckedSandbox) -> Any:
    return sandbox.exchange.schedule(
        ALICE,
        subject="Plans",
        start=MEETING,
        end=MEETING + HOUR,
        resources=[EQUIPMENT],
    )


def test_a_search_for_a_binary_property(sandbox: CheckedSandbox) -> None:
    """It is refused in the answer or as a fault; all other searches go on."""
    search = BY_GLOBAL_ID.format("AAAA")
    assert codes(sandbox.ask(ALICE, search)) == ["NoError"]
    refusal = {"what": "binary-restriction", "item": True}
    sandbox.behaviour.configure({"refused": [refusal]})
    for _ in range(3):
        assert codes(sandbox.ask(ALICE, search)) == ["ErrorInvalidRestriction"]
    assert codes(sandbox.ask(ALICE, find_item())) == ["NoError"]
    refusal = {"what": "binary-restriction", "code": "ErrorUnsupportedPathForQuery"}
    sandbox.behaviour.configure({"refused": [refusal]})
    answer = sandbox.ask(ALICE, search, status=FAULT)
    assert fault(answer) == "ErrorUnsupportedPathForQuery"
    sandbox.behaviour.configure({})
    assert codes(sandbox.ask(ALICE, search)) == ["NoError"]


def test_an_element_of_create_item(sandbox: CheckedSandbox) -> None:
    """A removal alone is refused, or the whole request, of which nothing is done."""
    meeting = invite(sandbox)
    (request,) = sandbox.exchange.mailbox(EQUIPMENT).inbox()
    sandbox.later(seconds=1)
    sandbox.exchange.cancel(meeting)
    cancellation, _ = sandbox.exchange.mailbox(EQUIPMENT).inbox()
    both = ANSWERS.format(request.id, cancellation.id)
    sandbox.behaviour.configure({"refused": [{"what": "RemoveItem"}]})
    answer = sandbox.ask(SVC, both, acting_as=EQUIPMENT, status=FAULT)
    assert fault(answer) == "ErrorInvalidOperation"
    assert len(sandbox.exchange.mailbox(EQUIPMENT).inbox()) == 2
    sandbox.behaviour.configure({"refused": [{"what": "RemoveItem", "item": True}]})
    answer = sandbox.ask(SVC, both, acting_as=EQUIPMENT)
    assert codes(answer)[1] == "ErrorInvalidOperation"
    assert cancellation in sandbox.exchange.mailbox(EQUIPMENT).inbox()


def test_an_operation(sandbox: CheckedSandbox) -> None:
    """A whole operation can be unknown, as often as it is asked for."""
    sandbox.behaviour.configure({"refused": [{"what": "FindItem"}]})
    for _ in range(2):
        answer = sandbox.ask(ALICE, find_item(), status=FAULT)
        assert fault(answer) == "ErrorInvalidOperation"
    assert sandbox.behaviour.describe().refused[0].what == "FindItem"
    sandbox.behaviour.configure({"refused": [{"what": "FindItem", "mailbox": BOB}]})
    assert codes(sandbox.ask(ALICE, find_item())) == ["NoError"]
    sandbox.ask(BOB, find_item(), status=FAULT)


@pytest.mark.parametrize(
    "wanted",
    [
        {"refused": [{"what": "something"}]},
        {"refused": [{"what": "RemoveItem", "code": "Error none"}]},
        {"refused": [{}]},
        {"late_meetings_s": -1},
    ],
)
def test_nonsense(sandbox: CheckedSandbox, wanted: object) -> None:
    """A behaviour that makes no sense is not taken."""
    with pytest.raises(BehaviourError):
        sandbox.behaviour.configure(wanted)


def test_a_meeting_that_comes_late(sandbox: CheckedSandbox) -> None:
    """The invitation is there at once, the organizer's item is found later, however
    it is searched for."""
    sandbox.behaviour.configure({"late_meetings_s": 60})
    invite(sandbox)
    assert len(sandbox.exchange.mailbox(EQUIPMENT).inbox()) == 1

    def found() -> int:
        searches = (VIEW, find_item(folder="calendar"))
        (count,) = {
            len(sandbox.ask(ALICE, each).findall(".//t:ItemId", NS))
            for each in searches
        }
        return count

    assert found() == 0
    sandbox.later(seconds=59)
    assert found() == 0
    sandbox.later(seconds=1)
    assert found() == 1
