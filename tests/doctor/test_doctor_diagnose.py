"""Judgements that the rows do not reach: pure, from observations."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from pexschedd.clock import ahead
from pexschedd.doctor.case import AddinState, ExaminedIntegration
from pexschedd.doctor.diagnose import (
    addin,
    connectivity,
    installation,
    mailbox,
    metadata,
    providers,
    server_response,
    sign_in,
    traffic,
)
from pexschedd.doctor.doctor import disk_of
from pexschedd.doctor.observations import (
    CallResult,
    ConnectResult,
    DiskState,
    HostAddresses,
    HttpResult,
    MailboxKind,
    PaneState,
    ProviderPublished,
    ResolvedAddress,
)
from pexschedd.doctor.report import CheckStatus
from pexschedd.net.errors import FailureKind
from pexschedd.sandbox.mailboxes.token_certificate import TokenCertificate
from pexschedd.sandbox.web import identity_tokens
from pexschedd.scheduling.alarms import names
from pexschedd.web.addin.msal.commands import COMMAND
from tests.doctor.test_doctor_powershell import PLAIN
from tests.identity.identity_support import signer
from tests.identity.personal.provider_support import jwk

CASE = ExaminedIntegration(connector=PLAIN)
PROXIED = ExaminedIntegration(connector=PLAIN, proxy="http://proxy.example.test:3128")
URL = PLAIN.url


@pytest.mark.parametrize(
    ("apart", "status"),
    [
        (0.0, CheckStatus.PASSED),
        (-60.0, CheckStatus.PASSED),
        (61.0, CheckStatus.WARNING),
        (-300.0, CheckStatus.WARNING),
        (301.0, CheckStatus.FAILED),
        (-86_400.0, CheckStatus.FAILED),
        (None, CheckStatus.NOT_CHECKED),
    ],
)
def test_clock(apart: float | None, status: CheckStatus) -> None:
    """A minute is nothing, five minutes break tokens, in both directions."""
    assert (
        server_response.clock(CASE, HttpResult(URL, seconds_apart=apart)).status
        is status
    )


@pytest.mark.parametrize(
    ("date", "apart"),
    [
        ("Sat, 21 Nov 2026 05:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 07:00:00 +0200", 0.0),
        ("yesterday", None),
        ("", None),
    ],
)
def test_date_header(date: str, apart: float | None) -> None:
    """Theirs minus ours; what is no date is no difference."""
    assert ahead(date, datetime(2026, 11, 21, 5, tzinfo=UTC)) == apart


@pytest.mark.parametrize(
    ("header", "schemes"),
    [
        (
            'Negotiate, NTLM, Basic realm="mail, the server"',
            ["negotiate", "ntlm", "basic"],
        ),
        ('Bearer client_id="x", trusted_issuers="y@*", token_types="z"', ["bearer"]),
        ("", []),
        (",,  ,", []),
    ],
)
def test_offered(header: str, schemes: list[str]) -> None:
    """Schemes are told from their parameters."""
    assert server_response.offered_schemes(header) == schemes


def test_a_name_only_the_proxy_knows() -> None:
    """Behind a proxy an unknown name is a warning, not a failure."""
    unknown = HostAddresses("mail.example.test")
    assert connectivity.name(CASE, unknown).status is CheckStatus.FAILED
    assert connectivity.name(PROXIED, unknown).status is CheckStatus.WARNING


def test_the_proxys_own_trouble() -> None:
    """A proxy that does not let us through is named as the cause."""
    seen = ConnectResult(
        "mail.example.test",
        443,
        failure=FailureKind.PROXY_SIGN_IN,
        problem="the proxy http://proxy.example.test:3128 wants a user name",
    )
    found = connectivity.port(PROXIED, seen)
    assert found.status is CheckStatus.FAILED
    assert "proxy" in found.cause
    assert "disable_proxy" in found.remedy


def _document(location: str) -> bytes:
    certificate = TokenCertificate.generate(datetime(2026, 11, 21, tzinfo=UTC))
    return msgspec.json.encode(identity_tokens.metadata(certificate, "realm", location))


def test_the_metadata_document_is_at_home_elsewhere() -> None:
    """Exchange's tokens name the host that the document says, so it is mentioned."""
    body = _document("https://exch01.example.test")
    seen = HttpResult(
        "https://mail.example.test/autodiscover/metadata/json/1", 200, {}, body
    )
    found = metadata.metadata("mail.example.test")(CASE, seen)
    assert found.status is CheckStatus.WARNING
    assert "exch01.example.test" in found.remedy


def test_refused_tokens_name_their_servers() -> None:
    """Hosts of refused tokens that are not configured are listed, with a warning: the
    token may be anybody's."""
    case = ExaminedIntegration(
        connector=PLAIN,
        domains=("mail.example.test",),
        refused_hosts=("MAIL.example.test", "exch02.example.test"),
    )
    found = metadata.domains(case, None)
    assert found.status is CheckStatus.WARNING
    assert "only then" in found.remedy
    assert "exch02.example.test" in found.message
    assert "MAIL" not in found.message


@pytest.mark.parametrize(
    ("settings", "domains", "is_told"),
    [
        ({"mailbox_protocol": "GRAPH"}, (), True),
        ({"mailbox_protocol": "GRAPH"}, ("outlook.office365.com",), True),
        ({"mailbox_protocol": "GRAPH"}, ("mail.example.test",), False),
        ({"url": "https://outlook.office365.com/EWS/Exchange.asmx"}, (), True),
        ({}, ("outlook.office365.com",), False),
        ({}, (), False),
    ],
)
def test_exchange_online_gives_no_identity_tokens(
    settings: dict[str, str], domains: tuple[str, ...], *, is_told: bool
) -> None:
    """Where the mailbox is in Exchange Online, no metadata domain of Exchange Online's
    would help: the way out is another kind of token. In a hybrid organization users of
    an Exchange server have theirs."""
    case = ExaminedIntegration(
        connector=replace(PLAIN, **settings),
        domains=domains,
    )
    found = metadata.domains(case, None)
    assert ("NAA_TOKEN" in found.remedy) is is_told
    assert any("Get-ExchangeServer" in each for each in found.commands) is (
        not is_told and not domains
    )


LOGIN = "https://login.example.test"
GUIDS = [f"{n * 8}-0000-4000-8000-000000000000" for n in "ab"]
CONFIGURED = f"{LOGIN}/x/.well-known/openid-configuration"
KEYS_URL = f"{LOGIN}/k"
KEYS = json.dumps({"keys": [jwk(signer())]}).encode()


def openid(keys_url: str = KEYS_URL, issuer: str = LOGIN) -> HttpResult:
    document = json.dumps({"issuer": issuer, "jwks_uri": keys_url})
    return HttpResult(CONFIGURED, 200, {}, document.encode())


@pytest.mark.parametrize(
    ("configuration", "keys", "status"),
    [
        (openid(), HttpResult(KEYS_URL, 200, {}, KEYS), CheckStatus.PASSED),
        (
            openid(),
            HttpResult(KEYS_URL, 200, {}, b'{"keys":[{}]}'),
            CheckStatus.FAILED,
        ),
        (openid(), HttpResult(KEYS_URL, 404), CheckStatus.FAILED),
        (openid("https://other.example.test/k"), None, CheckStatus.FAILED),
        (openid(issuer=f"{LOGIN}/{{tenantid}}/v2.0"), None, CheckStatus.FAILED),
        (HttpResult(CONFIGURED, 404, {}, b"<html>"), None, CheckStatus.FAILED),
        (
            HttpResult("u", failure=FailureKind.NAME, problem="cannot be resolved"),
            None,
            CheckStatus.FAILED,
        ),
    ],
)
def test_openid(
    configuration: HttpResult, keys: HttpResult | None, status: CheckStatus
) -> None:
    """The document and its keys have to be there, and usable for the daemon."""
    found = providers.openid(CASE, ProviderPublished(configuration, keys))
    assert found.status is status
    assert bool(found.remedy) is (status is CheckStatus.FAILED)


def test_openid_of_another_tenant() -> None:
    """The pane must not ask for tokens where nobody's are accepted."""
    seen = ProviderPublished(
        openid(issuer=f"{LOGIN}/{GUIDS[0]}/v2.0"), HttpResult(KEYS_URL, 200, {}, KEYS)
    )
    for tenant, status in (
        (GUIDS[0].upper(), CheckStatus.PASSED),
        ("contoso.example", CheckStatus.PASSED),
        (GUIDS[1], CheckStatus.WARNING),
        ("common", CheckStatus.WARNING),
        ("Organizations/", CheckStatus.WARNING),
    ):
        connector = replace(
            CASE.connector,
            addin_authentication_method="NAA_TOKEN",
            addin_authority_url=f"{LOGIN}/{tenant}",
        )
        case = replace(CASE, connector=connector)
        assert providers.openid(case, seen).status is status, tenant


def test_the_library_is_missing() -> None:
    """The command that installs it is the one that exists."""
    assert addin.library(CASE, None).status is CheckStatus.PASSED
    found = addin.library(replace(CASE, addin=AddinState(has_msal=False)), None)
    assert found.status is CheckStatus.FAILED
    assert COMMAND in found.remedy


@pytest.mark.parametrize("kind", ["PublicDL", "Contact", "GroupMailbox"])
def test_not_a_mailbox_of_its_own(kind: str) -> None:
    """A group or a contact is told from a mailbox."""
    resolved = ResolvedAddress("pexipmeeting@example.test", "Pexip", kind)
    asked = CallResult(HttpResult(URL, 200), result=[resolved])
    assert mailbox.kind(CASE, MailboxKind(asked)).status is CheckStatus.FAILED


def test_not_the_primary_address() -> None:
    """The one entry of the directory has another address: that one is to be entered."""
    primary = ResolvedAddress("room@example.test", "Pexip", "Mailbox")
    asked = CallResult(HttpResult(URL, 200), result=[primary])
    found = mailbox.kind(CASE, MailboxKind(asked))
    assert found.status is CheckStatus.WARNING
    assert "that is room@example.test" in found.message
    same = ResolvedAddress("PexipMeeting@example.test", "Pexip", "Mailbox")
    for entries in ([same], [same, primary], [primary, primary], []):
        asked = CallResult(HttpResult(URL, 200), result=entries)
        found = mailbox.kind(CASE, MailboxKind(asked))
        assert found.status is CheckStatus.NOT_CHECKED


def test_busy_is_no_failure() -> None:
    """A server that asks us to come back proves nothing about accounts and rights."""
    busy = CallResult(HttpResult(URL, 500), code="ErrorServerBusy", back_off=10.0)
    assert sign_in.sign_in(CASE, busy).status is CheckStatus.PASSED
    assert mailbox.impersonation(CASE, busy).status is CheckStatus.NOT_CHECKED
    assert mailbox.mailbox(CASE, busy).status is CheckStatus.NOT_CHECKED
    assert traffic.throttling(CASE, [busy]).status is CheckStatus.WARNING
    queue = CallResult(HttpResult(URL, 503), no_soap="it is HTTP status 503")
    assert sign_in.sign_in(CASE, queue).status is CheckStatus.NOT_CHECKED


def test_a_throttling_alarm_counts() -> None:
    """What the daemon has seen is a hint, too, though this examination was not
    throttled."""
    case = ExaminedIntegration(
        connector=PLAIN, alarms=((names.THROTTLED, "since 9 o'clock"),)
    )
    found = traffic.throttling(case, [])
    assert found.status is CheckStatus.WARNING
    assert "since 9 o'clock" in found.message


def test_exchange_online() -> None:
    """HTTP 403 there means the organization's own switch, with the date of the end."""
    connector = msgspec.structs.replace(PLAIN, authentication_method="APP_PERM")
    seen = CallResult(HttpResult(URL, 403), no_soap="it is HTTP status 403")
    found = sign_in.sign_in(ExaminedIntegration(connector=connector), seen)
    assert "2027-04-01" in found.cause
    assert any("EwsAllowedAppIDs" in command for command in found.commands)


def test_without_the_daemon() -> None:
    """Nothing else is blamed when the daemon does not run."""
    case = ExaminedIntegration(connector=PLAIN, serving=False)
    closed = ConnectResult(
        "pex.example.test", 443, failure=FailureKind.REFUSED, problem="no"
    )
    page = PaneState(HttpResult(URL, 502), b"ours")
    for found in (addin.port(case, closed), addin.answers(case, page)):
        assert found.cause == "The daemon is not running."
    assert (
        addin.port(case, ConnectResult("h", 443, "192.0.2.1")).status
        is CheckStatus.PASSED
    )


def test_a_longer_address_is_another() -> None:
    """What the directory finds besides is not taken for the mailbox."""
    resolved = ResolvedAddress("pexipmeeting@example.testing", "Group", "PublicDL")
    asked = CallResult(HttpResult(URL, 200), result=[resolved])
    assert mailbox.kind(CASE, MailboxKind(asked)).status is CheckStatus.NOT_CHECKED


MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("free", "reserve", "status"),
    [
        (50, 64, CheckStatus.FAILED),
        (80, 64, CheckStatus.WARNING),
        (500, 64, CheckStatus.WARNING),
        (1500, 64, CheckStatus.PASSED),
        (900, 1000, CheckStatus.FAILED),
        (1500, 1000, CheckStatus.WARNING),
        (2500, 1000, CheckStatus.PASSED),
    ],
)
def test_disk(free: int, reserve: int, status: CheckStatus) -> None:
    """Room is too little where the store takes nothing new, and nowhere else."""
    seen = DiskState("/var/lib/pexschedd", free * MIB, 100_000 * MIB, reserve * MIB)
    found = installation.disk(CASE, seen)
    assert found.status is status
    if status is not CheckStatus.PASSED:
        assert f"elow {reserve:,} MiB" in found.cause


def test_no_state_folder(tmp_path: Path) -> None:
    """A folder that is not there is a failure with its reason."""
    seen = disk_of(tmp_path / "none", lambda _: 0)
    found = installation.disk(CASE, seen)
    assert found.status is CheckStatus.FAILED
    assert "No such file" in found.message
    assert disk_of(tmp_path, lambda total: total // 2).reserve > 0


def test_somebody_elses_pane_without_a_daemon() -> None:
    """A pane that cannot be compared is not called ours."""
    seen = PaneState(HttpResult(URL, 200, {}, b"pane-bundle.js"), None)
    assert addin.answers(CASE, seen).status is CheckStatus.NOT_CHECKED


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("NTLM", "https://mail.example.test/EWS/Exchange.asmx", True),
        ("KERBEROS", "https://mail.example.test/EWS/Exchange.asmx", True),
        ("NTLM", "http://127.0.0.1:8082/EWS/Exchange.asmx", False),
        ("BASIC", "https://mail.example.test/EWS/Exchange.asmx", False),
    ],
)
def test_extended_protection_is_thought_of(
    method: str, url: str, expected: bool
) -> None:
    """Where a sign-in is bound to the certificate, a right password may be refused."""
    connector = msgspec.structs.replace(PLAIN, authentication_method=method, url=url)
    refused = CallResult(HttpResult(url, status=401))
    found = sign_in.sign_in(ExaminedIntegration(connector=connector), refused)
    assert found.status is CheckStatus.FAILED
    assert ("Extended Protection" in found.cause) is expected
    assert any("ExtendedProtection" in each for each in found.commands) is expected


def test_the_key_of_secrets() -> None:
    """Where it is; a copy that is left in the state folder is a warning, with the
    command that removes it."""
    apart = msgspec.structs.replace(CASE, key_file="/run/key")
    both = msgspec.structs.replace(apart, key_copy="/var/lib/p x/secret.key")
    assert "Recommended" in installation.secret_key(CASE, None).message
    found = installation.secret_key(apart, None)
    assert found.status is CheckStatus.PASSED
    assert "/run/key" in found.message
    found = installation.secret_key(both, None)
    assert found.status is CheckStatus.WARNING
    assert found.commands == ("rm '/var/lib/p x/secret.key'",)


def test_an_open_policy_interface() -> None:
    """A password or an endpoint of its own is recommended, naming the settings."""
    found = installation.policy(
        msgspec.structs.replace(CASE, policy_is_open=True), None
    )
    assert found.status is CheckStatus.PASSED
    assert "endpoints.policy" in found.message
    assert "Recommended" not in installation.policy(CASE, None).message
