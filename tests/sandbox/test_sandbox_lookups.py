"""Lookups: ResolveNames, GetServerTimeZones, and ConvertId."""

import pytest

from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    NS,
    CheckedSandbox,
    meeting,
    text,
    texts,
)


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
