"""PowerShell text: a value is a value, whatever is in it."""

import itertools
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.doctor import graph_remedies, remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.setup.script import TARGETS, SetupOptions, script_for
from pexschedd.model.integration.connector import Connector
from pexschedd.util.powershell import comment, one_line, quoted
from tests.doctor.powershell_support import Unterminated, tokens

METHODS = ("BASIC", "NTLM", "KERBEROS", "OAUTH", "APP_PERM")
PROTOCOLS: tuple[dict[str, str], ...] = (
    {},
    {"mailbox_protocol": "GRAPH"},
    {"mailbox_protocol": "GRAPH", "graph_answer_method": "MAIL"},
)
GRAPH = PROTOCOLS[1]
PLAIN = Connector(
    id=7,
    uuid="c0000000-0000-4000-8000-000000000001",
    name="Head office",
    addin_server_domain="pex.example.test",
    scheduled_alias_prefix="555",
    scheduled_alias_domain="example.test",
    room_mailbox_name="Pexip Meeting",
    room_mailbox_email_address="pexipmeeting@example.test",
    url="https://mail.example.test/EWS/Exchange.asmx",
    username="svc@example.test",
    password="sealed secret",
    oauth_client_id="11111111-2222-4333-8444-555555555555",
    oauth_client_secret="sealed client secret",
)
_NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from("'\u2018\u2019\u201a\u201b\"\u201c\u201d\u201e`$(){};#&|@\n\r"),
        st.sampled_from("\u2028\u2029\x85\x00\x1b"),
        st.characters(codec="utf-8"),
    ),
    max_size=30,
)


@given(_NASTY)
def test_a_quoted_value_is_one_string(value: str) -> None:
    """It is read back as exactly the value, control characters apart."""
    (token,) = tokens(quoted(value))
    assert token == ("string", one_line(value))
    if value.isprintable():
        assert token.text == value


@given(_NASTY, _NASTY)
def test_nothing_leaks_into_what_follows(value: str, after: str) -> None:
    """Two values with code in between stay two values with that code in between."""
    kinds = [each.kind for each in tokens(f"$a = {quoted(value)}; {quoted(after)}")]
    assert kinds == ["code", "string", "code", "string"]


@given(_NASTY)
def test_a_comment_stays_one(text: str) -> None:
    """No line end gets out of it."""
    found = tokens(comment(text) + "\n$x")
    assert [each.kind for each in found] == ["comment", "code"]


@pytest.mark.parametrize(
    "text", ["'it''s", "'a\u2019\u2018", "\"$('", "'" + "x" * 3 + "\u201b\u201b"]
)
def test_the_reader_sees_open_strings(text: str) -> None:
    """The tests' own reader notices what it has to notice."""
    with pytest.raises(Unterminated):
        tokens(text)


def _shape(script: str) -> list[tuple[str, str]]:
    """Without the values of single-quoted strings and the words of comments."""
    return [
        (each.kind, "" if each.kind in ("string", "comment") else each.text)
        for each in tokens(script)
    ]


@given(
    st.sampled_from(TARGETS),
    st.sampled_from(METHODS),
    st.lists(_NASTY.filter(bool), min_size=5, max_size=5),
    _NASTY,
    st.sampled_from(PROTOCOLS),
)
def test_values_do_not_shape_the_script(
    target: str, method: str, values: list[str], group: str, protocol: dict[str, str]
) -> None:
    """Whatever the fields hold, the script's code is the same."""
    name, mailbox, address, username, app = values
    hostile = msgspec.structs.replace(
        PLAIN,
        authentication_method=method,
        name=name,
        room_mailbox_name=mailbox,
        room_mailbox_email_address=address + "@example.test",
        username=username,
        oauth_client_id=app,
        kerberos_exchange_spn=name,
        personal_vmr_oauth_client_id=app,
        personal_vmr_adfs_relying_party_trust_identifier=name,
        **protocol,
    )
    plain = msgspec.structs.replace(
        PLAIN,
        authentication_method=method,
        kerberos_exchange_spn="HTTP/mail",
        **protocol,
    )
    wished = SetupOptions(target=target, addin_group=group)
    expected = SetupOptions(target=target, addin_group="Video")
    assert _shape(script_for(hostile, wished)) == _shape(script_for(plain, expected))


@given(_NASTY.filter(bool), st.sampled_from(METHODS), st.sampled_from(PROTOCOLS))
def test_values_do_not_shape_a_remedy(
    value: str, method: str, protocol: dict[str, str]
) -> None:
    """The same for each line that the doctor recommends."""

    def lines(text: str) -> list[str]:
        connector = msgspec.structs.replace(
            PLAIN,
            authentication_method=method,
            username=text,
            room_mailbox_name=text,
            room_mailbox_email_address=text + "@example.test",
            oauth_client_id=text,
            **protocol,
        )
        case = ExaminedIntegration(connector=connector, user=text)
        return [
            *graph_remedies.grant(case, "Mail.ReadWrite"),
            *graph_remedies.grant_organizers(case),
            *graph_remedies.consents(case),
            *graph_remedies.credentials(case),
            *remedies.look_at_account(case),
            *remedies.new_password(case),
            *remedies.allow_ews(case),
            *remedies.impersonation(case),
            *remedies.calendar_processing(case),
            *remedies.throttling(case),
            remedies.look_at_mailbox(case),
            remedies.make_mailbox(case),
            remedies.make_another_mailbox(case),
        ]

    for hostile, plain in zip(lines(value), lines("plain"), strict=True):
        assert _shape(hostile) == _shape(plain)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", METHODS)
def test_every_script_is_whole(
    target: str, method: str, protocol: dict[str, str]
) -> None:
    """Brackets are balanced, every variable is given a value before it is used, long
    lines do not end in the middle, and no secret is inside."""
    connector = msgspec.structs.replace(PLAIN, authentication_method=method, **protocol)
    script = script_for(
        connector, SetupOptions(target=target, addin_group="Video people")
    )
    depth = {"(": 0, "{": 0, "[": 0}
    for token in tokens(script):
        if token.kind == "code":
            for opening, closing in ("()", "{}", "[]"):
                depth[opening] += token.text.count(opening) - token.text.count(closing)
                assert depth[opening] >= 0
    assert set(depth.values()) == {0}
    assert "secret" not in script.replace("client secret", "")
    _check_variables(script)
    for line in script.split("\n"):
        assert line == line.rstrip(), line


def _check_variables(script: str) -> None:
    known = {"_", "true", "false", "null", "erroractionpreference", "deployhere"}
    code = "\n".join(line.partition("  #")[0] for line in script.split("\n"))
    code = "\n".join(line for line in code.split("\n") if not line.startswith("#"))
    for line in code.split("\n"):
        known |= {name.lower() for name in re.findall(r"\$(\w+) (?:\+?=|in) ", line)}
        known |= {name.lower() for name in re.findall(r"\] \$(\w+)[ ,)]", line)}
        for name in re.findall(r"[$@](\w+)", re.sub(r"'[^']*'", "", line)):
            if f"@{name}" in line and f"${name}" not in line and name.islower():
                continue
            assert name.lower() in known, f"${name} in: {line}"


SETUP = [
    # for, method             has to be in it
    ("onpremises", "BASIC", "-BasicAuthentication $true"),
    ("onpremises", "NTLM", "-WindowsAuthentication $true"),
    ("onpremises", "NTLM", "Extended Protection"),
    ("onpremises", "KERBEROS", "setspn -S $Spn"),
    ("onpremises", "BASIC", "-RecipientRestrictionFilter $Restriction"),
    ("onpremises", "BASIC", "-CustomRecipientWriteScope $RoleName"),
    ("onpremises", "BASIC", "-AutomateProcessing None -AllowConflicts $true"),
    ("onpremises", "BASIC", "Role = 'ApplicationImpersonation'"),
    # An assignment of the account that was configured before is no use to this one.
    ("onpremises", "BASIC", "Remove-ManagementRoleAssignment -Identity $RoleName"),
    ("microsoft365", "APP_PERM", "Remove-ManagementRoleAssignment -Identity $RoleName"),
    ("onpremises", "BASIC", "Set-ADUser -Identity $Person -PasswordNeverExpires $true"),
    ("onpremises", "BASIC", "Set-ThrottlingPolicyAssociation"),
    ("onpremises", "BASIC", "New-Mailbox -Equipment @New"),
    ("onpremises", "BASIC", "New-Mailbox -Room @New"),
    ("onpremises", "BASIC", "New-App -OrganizationApp"),
    ("onpremises", "BASIC", "Set-App -OrganizationApp -Identity $Old.AppId @Options"),
    ("onpremises", "BASIC", "Get-DistributionGroupMember"),
    ("onpremises", "BASIC", "Get-ADGroupMember -Identity $Group -Recursive"),
    ("microsoft365", "APP_PERM", "Get-MgGroupTransitiveMember -GroupId"),
    ("microsoft365", "APP_PERM", "Connect-ExchangeOnline"),
    ("microsoft365", "APP_PERM", "New-ServicePrincipal -AppId $AppId"),
    ("microsoft365", "APP_PERM", "-Role 'Application EWS.AccessAsApp'"),
    ("microsoft365", "APP_PERM", "-CustomResourceScope $RoleName"),
    ("microsoft365", "APP_PERM", "Test-ServicePrincipalAuthorization"),
    ("microsoft365", "APP_PERM", "-RetrieveEwsOperationAccessPolicy"),
    ("microsoft365", "APP_PERM", "2027-04-01"),
    ("microsoft365", "OAUTH", "-AccessRights FullAccess"),
    ("microsoft365", "OAUTH", "no impersonation"),
    ("user_sign_in", "BASIC", "Add-AdfsClient -Name $Name -ClientId $ClientId"),
    ("user_sign_in", "BASIC", "Add-AdfsNativeClientApplication"),
    ("user_sign_in", "BASIC", "Add-AdfsWebApiApplication"),
    ("user_sign_in", "BASIC", "Add-AdfsRelyingPartyTrust -Name $Name"),
    ("user_sign_in", "BASIC", "Enable-AdfsEndpoint -TargetAddressPath $Path"),
    ("user_sign_in", "BASIC", ";mail,givenName,sn,displayName;{0}"),
    ("user_sign_in", "BASIC", "/msexchange_schedulers/oauth_redirect'"),
    ("addin_tokens", "BASIC", "$RedirectUri = 'brk-multihub://pex.example.test'"),
    ("addin_tokens", "BASIC", "-Spa @{ RedirectUris = @($RedirectUri) }"),
    ("addin_tokens", "BASIC", "PreAuthorizedApplications = @($Others + $Allowed)"),
    ("addin_tokens", "BASIC", "addin_naa_web_api_application_id: $($Api.AppId)"),
]


@pytest.mark.parametrize(
    "part",
    [
        "New-MgApplication -DisplayName $Name -SignInAudience 'AzureADMyOrg'",
        "Add-MgApplicationPassword",
        "-RequiredResourceAccess @($Others + $Needed)",
        "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
        "/oauth2/v2.0",
    ],
)
def test_what_the_script_for_azure_does(part: str) -> None:
    """The app registration has the redirect address, User.Read and a client secret;
    one that is there already gets what it lacks, and keeps the rest."""
    connector = msgspec.structs.replace(PLAIN, auth_provider="AZURE")
    script = script_for(connector, SetupOptions(target="user_sign_in"))
    assert part in script
    _check_variables(script)


def test_the_registration_for_office() -> None:
    """With SSO_TOKEN there is one registration, named as in the manifest, with Office
    authorized."""
    connector = msgspec.structs.replace(PLAIN, addin_authentication_method="SSO_TOKEN")
    script = script_for(connector, SetupOptions(target="addin_tokens"))
    assert '"api://$AddinHost/$($App.AppId)"' in script
    assert "ea5a67f6-b6f3-4338-b240-c655ddc3cc8e" in script
    assert "brk-multihub" not in script
    _check_variables(script)


@pytest.mark.parametrize(("target", "method", "part"), SETUP)
def test_what_a_script_does(target: str, method: str, part: str) -> None:
    """Each step of the setup chapters is in the script for its case."""
    connector = msgspec.structs.replace(PLAIN, authentication_method=method)
    assert part in script_for(connector, SetupOptions(target=target))


@pytest.mark.parametrize(
    ("target", "method", "part"),
    [
        ("onpremises", "NTLM", "-BasicAuthentication"),
        ("onpremises", "BASIC", "setspn"),
        ("onpremises", "BASIC", "Connect-ExchangeOnline"),
        ("microsoft365", "APP_PERM", "New-ThrottlingPolicy"),
        ("microsoft365", "APP_PERM", "$Account "),
        ("microsoft365", "APP_PERM", "'ApplicationImpersonation'"),
    ],
)
def test_what_a_script_leaves_alone(target: str, method: str, part: str) -> None:
    """Nothing that belongs to another case."""
    connector = msgspec.structs.replace(PLAIN, authentication_method=method)
    assert part not in script_for(connector, SetupOptions(target=target))


def test_what_is_made_is_looked_for_first() -> None:
    """Every New-… stands behind a look whether it is there: the script may be run
    again."""
    cases = itertools.product(METHODS, PROTOCOLS)
    for method, protocol in cases:
        for target in TARGETS:
            connector = msgspec.structs.replace(
                PLAIN, authentication_method=method, **protocol
            )
            lines = script_for(connector, SetupOptions(target=target)).split("\n")
            for number, line in enumerate(lines):
                made = re.match(r"\s+(?:else \{ )?(?:if .*\{ )?New-(\w+) ", line)
                if made is None:
                    assert not line.startswith("New-"), line
                    continue
                before = "\n".join(lines[:number])
                assert f"Get-{made[1]} " in before or f"Get-{made[1]}\n" in before, line


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("target", ["onpremises", "microsoft365", "graph"])
def test_the_script_lets_nobody_write_in_anothers_name(
    target: str, protocol: dict[str, str]
) -> None:
    """Exchange takes requests of people only who have signed in."""
    connector = msgspec.structs.replace(PLAIN, **protocol)
    script = script_for(connector, SetupOptions(target=target))
    assert "-RequireSenderAuthenticationEnabled $true" in script


GRAPH_SETUP = [
    "Connect-ExchangeOnline",
    "New-Mailbox -Equipment @New",
    "New-ServicePrincipal -AppId $AppId -ObjectId $ObjectId",
    "$MailboxScope = 'pexschedd 7 Graph mailbox'",
    "$OrganizersScope = 'pexschedd 7 Graph organizers'",
    'Set-Scope $MailboxScope "PrimarySmtpAddress -eq $(Filtered $Mailbox)"',
    "'Mail.ReadWrite', 'Calendars.ReadWrite', 'MailboxSettings.Read', 'Mail.Send'",
    "Set-Role 'Calendars.ReadWrite' $OrganizersScope",
    "else { Remove-Role 'Calendars.ReadWrite' $OrganizersScope }",
    '-Role "Application $Role" -CustomResourceScope $Scope',
    "Set-ManagementScope -Identity $Scope -RecipientRestrictionFilter $Restriction",
    "Remove-ManagementRoleAssignment -Identity $Name",
    "-AutomateProcessing AutoUpdate -AddNewRequestsTentatively $true",
    "-RemoveOldMeetingMessages $false",
    "#   Set-CalendarProcessing -Identity $Mailbox -AutomateProcessing None",
    "Test-ServicePrincipalAuthorization -Identity $AppId -Resource $Mailbox",
    "Get-MgServicePrincipalAppRoleAssignment",
    "VisibleMeetingUpdateProperties",
    "Set-App -OrganizationApp -Identity $Old.AppId @Options",
]


@pytest.mark.parametrize("part", GRAPH_SETUP)
@pytest.mark.parametrize("method", ["BASIC", "APP_PERM"])
def test_what_the_script_for_graph_does(method: str, part: str) -> None:
    """Roles within scopes, the processing that Graph needs, and the way back, whatever
    the integration's authentication method for EWS."""
    connector = msgspec.structs.replace(PLAIN, authentication_method=method, **GRAPH)
    assert part in script_for(connector, SetupOptions(target="microsoft365"))


@pytest.mark.parametrize("method", METHODS)
def test_the_script_for_graph_before_the_migration(method: str) -> None:
    """While EWS is used the script for Graph can be had as well: the same one, as roles
    and processing have to be there before the integration is migrated."""
    connector = msgspec.structs.replace(PLAIN, authentication_method=method)
    before = script_for(connector, SetupOptions(target="graph"))
    migrated = msgspec.structs.replace(connector, **GRAPH)
    assert before == script_for(migrated, SetupOptions(target="microsoft365"))
    assert before == script_for(migrated, SetupOptions(target="graph"))


@pytest.mark.parametrize("method", ["OAUTH", "APP_PERM"])
def test_roles_need_an_organization_with_settings_of_its_own(method: str) -> None:
    """A young organization of Exchange Online takes no roles: the script says so before
    it makes the application known, and where there are none it does not ask."""
    connector = msgspec.structs.replace(PLAIN, authentication_method=method)
    for target in ("microsoft365", "graph"):
        script = script_for(connector, SetupOptions(target=target))
        asked = script.find("if ((Get-OrganizationConfig).IsDehydrated) {")
        assigned = script.find("New-ServicePrincipal ")
        assert (asked < 0) is (assigned < 0)
        assert asked <= assigned


def test_what_the_script_for_graph_leaves_alone() -> None:
    """Nothing of EWS is set: neither its role nor its switches, and no processing that
    Graph cannot work with."""
    connector = msgspec.structs.replace(PLAIN, **GRAPH)
    script = script_for(connector, SetupOptions(target="microsoft365"))
    code = [line for line in script.split("\n") if not line.startswith("#")]
    for words in (
        *("EWS", "Ews", "AutomateProcessing None", "$Account"),
        *("FullAccess", "ApplicationImpersonation", "Set-OrganizationConfig"),
    ):
        assert not [line for line in code if words in line], words
    # Going back to EWS is one comment; the script for EWS is as ever.
    assert "AutomateProcessing None" in script
    back = script_for(PLAIN, SetupOptions(target="microsoft365"))
    assert "-AutomateProcessing None" in back
    assert "Graph mailbox" not in back


def test_a_mailbox_without_processing_is_a_choice_with_mails() -> None:
    """Answers by mail need no events: the script then lets it be chosen."""
    script = {
        answer: script_for(
            msgspec.structs.replace(PLAIN, graph_answer_method=answer, **GRAPH),
            SetupOptions(target="microsoft365"),
        )
        for answer in ("RESPONSE", "MAIL")
    }
    assert "$Processing" not in script["RESPONSE"]
    assert (
        "    Set-CalendarProcessing -Identity $Mailbox -AutomateProcessing None"
        in (script["MAIL"])
    )


def test_names_fit() -> None:
    """Exchange takes 64 characters for the name of a scope or of an assignment."""
    connector = msgspec.structs.replace(PLAIN, id=10**9, **GRAPH)
    for scope in (
        graph_remedies.mailbox_scope(connector),
        graph_remedies.organizers_scope(connector),
    ):
        for role in graph_remedies.MAILBOX_ROLES:
            assert len(f"{scope} {role}") <= 64
