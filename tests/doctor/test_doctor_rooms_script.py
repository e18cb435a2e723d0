"""The script that sets Exchange up for One-Touch Join."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.doctor.setup.rooms import rooms_script
from pexschedd.doctor.setup.rooms_graph import graph_rooms_script
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from tests.doctor.powershell_support import tokens
from tests.doctor.test_doctor_powershell import _NASTY, _check_variables, _shape

METHODS = ("BASIC", "NTLM", "KERBEROS", "OAUTH", "APP_PERM")
ONLINE = "https://outlook.office365.com/EWS/Exchange.asmx"
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
        oauth_client_id=user,
    )
    plain = msgspec.structs.replace(PLAIN, authentication_method=method)
    rooms = [f"1{room}@example.test", f"2{room}@example.test"]
    assert _shape(rooms_script(hostile, rooms)) == _shape(rooms_script(plain, ROOMS))


@pytest.mark.parametrize("url", [PLAIN.ews_url, ONLINE, ""])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rooms", [(), ROOMS])
def test_it_is_whole(url: str, method: str, rooms: tuple[str, ...]) -> None:
    """Brackets are balanced, variables have values, no secret is inside, and what is
    made is looked for first."""
    deployment = msgspec.structs.replace(
        PLAIN, authentication_method=method, ews_url=url
    )
    script = rooms_script(deployment, rooms)
    code = "".join(t.text for t in tokens(script) if t.kind == "code")
    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing)
    assert "sealed" not in script
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
        ("APP_PERM", "    'elm@example.test'\n    'oak@example.test'\n)"),
        ("APP_PERM", "$AppId = 'an-app'"),
        ("APP_PERM", "Connect-ExchangeOnline"),
        ("APP_PERM", "New-ServicePrincipal -AppId $AppId"),
        ("APP_PERM", "New-DistributionGroup -Name $GroupName"),
        ("APP_PERM", '"MemberOfGroup -eq $(Filtered $Place)"'),
        ("APP_PERM", "-Role 'Application EWS.AccessAsApp'"),
        ("APP_PERM", "-CustomResourceScope $RoleName"),
        ("APP_PERM", "-AutomateProcessing AutoAccept"),
        ("APP_PERM", "-DeleteComments $false -DeleteSubject $false"),
        ("APP_PERM", "-AddOrganizerToSubject $false"),
        ("APP_PERM", "-RemovePrivateProperty $false"),
        ("APP_PERM", "Set-CASMailbox -Identity $Address -EwsEnabled $true"),
        (
            "APP_PERM",
            "Test-ServicePrincipalAuthorization -Identity $AppId -Resource $_",
        ),
        ("APP_PERM", "2027-04-01"),
    ],
)
def test_what_it_does(method: str, part: str) -> None:
    """Each step of the specification's page."""
    deployment = msgspec.structs.replace(
        PLAIN, authentication_method=method, oauth_client_id="an-app"
    )
    assert part in rooms_script(deployment, ROOMS)


def test_it_leaves_the_rest_of_the_organization_alone() -> None:
    """The account may act for the rooms' group only; no mailbox is made but its own."""
    script = rooms_script(PLAIN, ROOMS)
    assert "UserMailbox" not in script
    assert "Organization'" not in script
    assert script.count("New-Mailbox") == 1


def test_the_application_has_a_role_for_the_rooms_alone() -> None:
    """In Microsoft 365 nothing of an account is left, no mailbox is made, and the
    scope is the rooms' group."""
    script = rooms_script(
        msgspec.structs.replace(PLAIN, authentication_method="APP_PERM"), ROOMS
    )
    for absent in (
        "$Account",
        "New-Mailbox",
        "UserMailbox",
        "-Role ApplicationImpersonation",
        "VirtualDirectory",
        "New-ThrottlingPolicy",
    ):
        assert absent not in script
    assert script.count("New-ManagementRoleAssignment") == 1


@pytest.mark.parametrize("url", [ONLINE, "https://OUTLOOK.office365.us/EWS/E.asmx"])
def test_an_account_that_signs_in_to_exchange_online(url: str) -> None:
    """The script says that it cannot read rooms there, and sets up the application that
    can."""
    deployment = msgspec.structs.replace(
        PLAIN, authentication_method="OAUTH", ews_url=url
    )
    script = rooms_script(deployment, ROOMS)
    assert "authentication_method of the deployment to APP_PERM" in script
    assert "-Role 'Application EWS.AccessAsApp'" in script
    assert "VirtualDirectory" not in script


TENANT = GraphDeployment(
    id=7,
    name="Cloud",
    client_id="an-app",
    client_secret="sealed secret",
    oauth_token_url="https://login.microsoftonline.com/t/oauth2/v2.0/token",
)


@given(st.lists(_NASTY, min_size=3, max_size=3))
def test_values_do_not_shape_the_one_for_graph(values: list[str]) -> None:
    """Whatever the fields and the rooms' addresses hold, the code is the same."""
    name, app, room = values
    hostile = msgspec.structs.replace(TENANT, name=name, client_id=app)
    rooms = [f"1{room}@example.test", f"2{room}@example.test"]
    shape = _shape(graph_rooms_script(TENANT, ROOMS))
    assert _shape(graph_rooms_script(hostile, rooms)) == shape


def test_the_one_for_graph() -> None:
    """The application gets the role that reads calendars, for the rooms alone; nothing
    of EWS or of an account is in it, and its names are not those of a deployment of
    Exchange with the same id."""
    script = graph_rooms_script(TENANT, ROOMS)
    _check_variables(script)
    for part in (
        "    'elm@example.test'\n    'oak@example.test'\n)",
        "$AppId = 'an-app'",
        "$RoleName = 'pexschedd One-Touch Join Graph 7'",
        "$GroupAlias = 'pexschedd-onetouch-graph-7'",
        "Connect-ExchangeOnline",
        "New-ServicePrincipal -AppId $AppId",
        '"MemberOfGroup -eq $(Filtered $Place)"',
        "-Role 'Application Calendars.Read'",
        "-CustomResourceScope $RoleName",
        "-AutomateProcessing AutoAccept",
        "-DeleteComments $false -DeleteSubject $false",
        "Test-ServicePrincipalAuthorization -Identity $AppId -Resource $_",
    ):
        assert part in script
    for absent in ("EWS", "Ews", "$Account", "New-Mailbox", "2027", "sealed"):
        assert absent not in script
    code = "".join(t.text for t in tokens(script) if t.kind == "code")
    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing)
    assert script.count("New-ManagementRoleAssignment") == 1
