"""The script that sets Exchange up for One-Touch Join."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.doctor.setup.rooms import rooms_script
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from tests.doctor.powershell_support import tokens
from tests.doctor.test_doctor_powershell import _NASTY, _check_variables, _shape

METHODS = ("BASIC", "NTLM", "KERBEROS", "OAUTH")
PLAIN = ExchangeDeployment(
    id=7,
    name="Head office",
    ews_url="https://mail.example.test/EWS/Exchange.asmx",
    service_account_username="otj@example.test",
    service_account_password="sealed secret",
)
ROOMS = ("oak@example.test", "elm@example.test")


@given(st.sampled_from(METHODS), st.lists(_NASTY, min_size=3, max_size=3))
def test_values_do_not_shape_it(method: str, values: list[str]) -> None:
    """Whatever the fields and the rooms' addresses hold, the code is the same."""
    name, user, room = values
    hostile = msgspec.structs.replace(
        PLAIN,
        authentication_method=method,
        name=name,
        service_account_username=user,
        kerberos_exchange_spn=name,
    )
    plain = msgspec.structs.replace(PLAIN, authentication_method=method)
    rooms = [f"1{room}@example.test", f"2{room}@example.test"]
    assert _shape(rooms_script(hostile, rooms)) == _shape(rooms_script(plain, ROOMS))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rooms", [(), ROOMS])
def test_it_is_whole(method: str, rooms: tuple[str, ...]) -> None:
    """Brackets are balanced, variables have values, no secret is inside, and what is
    made is looked for first."""
    deployment = msgspec.structs.replace(PLAIN, authentication_method=method)
    script = rooms_script(deployment, rooms)
    code = "".join(t.text for t in tokens(script) if t.kind == "code")
    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing)
    assert "secret" not in script
    _check_variables(script)
    lines = script.split("\n")
    for number, line in enumerate(lines):
        assert line == line.rstrip()
        made = re.match(r"(?:\s|else|if|\{|\$null =)*New-(\w+) ", line)
        if made is not None:
            before = "\n".join(lines[:number])
            found = {"Mailbox": "User"}.get(made[1], made[1])
            assert f"Get-{found} " in before, line


@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("BASIC", "    'elm@example.test'\n    'oak@example.test'\n)"),
        ("BASIC", "$Account = 'otj@example.test'"),
        ("BASIC", "Another one than that of scheduling"),
        ("BASIC", "New-DistributionGroup -Name $GroupName"),
        ("BASIC", '"MemberOfGroup -eq $(Filtered $Place)"'),
        ("BASIC", "-RecipientRestrictionFilter $Restriction"),
        ("BASIC", "-Role ApplicationImpersonation"),
        ("BASIC", "-CustomRecipientWriteScope $RoleName"),
        ("BASIC", "-AutomateProcessing AutoAccept"),
        ("BASIC", "-DeleteComments $false -DeleteSubject $false"),
        ("BASIC", "-RemovePrivateProperty $false"),
        ("BASIC", "-BasicAuthentication $true"),
        ("BASIC", "Safe Links"),
        ("NTLM", "-WindowsAuthentication $true"),
        ("KERBEROS", "setspn -S $Spn"),
        ("OAUTH", "-OAuthAuthentication $true"),
    ],
)
def test_what_it_does(method: str, part: str) -> None:
    """Each step of the specification's page."""
    deployment = msgspec.structs.replace(PLAIN, authentication_method=method)
    assert part in rooms_script(deployment, ROOMS)


def test_it_leaves_the_rest_of_the_organization_alone() -> None:
    """The account may act for the rooms' group only; no mailbox is made but its own."""
    script = rooms_script(PLAIN, ROOMS)
    assert "UserMailbox" not in script
    assert "Organization'" not in script
    assert script.count("New-Mailbox") == 1
