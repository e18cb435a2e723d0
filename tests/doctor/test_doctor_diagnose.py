"""Judgements that the rows do not reach: pure, from observations."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pexschedd.clock import ahead
from pexschedd.doctor.case import Case
from pexschedd.doctor.diagnose import (
    addin,
    greeting,
    house,
    mailbox,
    metadata,
    providers,
    sign_in,
    traffic,
    way,
)
from pexschedd.doctor.doctor import disk_of
from pexschedd.doctor.observations import (
    Addresses,
    Answered,
    Asked,
    Disk,
    Documents,
    Kind,
    Pane,
    Reached,
    Resolved,
)
from pexschedd.doctor.report import Status
from pexschedd.net.trouble import Trouble
from pexschedd.sandbox import tokens
from pexschedd.sandbox.signing import Certificate
from pexschedd.scheduling import alarms
from tests.doctor.test_doctor_powershell import PLAIN

CASE = Case(connector=PLAIN)
PROXIED = Case(connector=PLAIN, proxy="http://proxy.example.test:3128")
URL = PLAIN.url


@pytest.mark.parametrize(
    ("apart", "status"),
    [
        (0.0, Status.PASSED),
        (-60.0, Status.PASSED),
        (61.0, Status.WARNING),
        (-300.0, Status.WARNING),
        (301.0, Status.FAILED),
        (-86_400.0, Status.FAILED),
        (None, Status.NOT_CHECKED),
    ],
)
def test_clock(apart: float | None, status: Status) -> None:
    """A minute is nothing, five minutes break tokens, in both directions."""
    assert greeting.clock(CASE, Answered(URL, seconds_apart=apart)).status is status


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
    assert greeting.offered_schemes(header) == schemes


def test_a_name_only_the_proxy_knows() -> None:
    """Behind a proxy an unknown name is a warning, not a failure."""
    unknown = Addresses("mail.example.test")
    assert way.name(CASE, unknown).status is Status.FAILED
    assert way.name(PROXIED, unknown).status is Status.WARNING


def test_the_proxys_own_trouble() -> None:
    """A proxy that does not let us through is named as the cause."""
    seen = Reached(
        "mail.example.test",
        443,
        trouble=Trouble.PROXY_SIGN_IN,
        problem="the proxy http://proxy.example.test:3128 wants a user name",
    )
    found = way.port(PROXIED, seen)
    assert found.status is Status.FAILED
    assert "proxy" in found.cause
    assert "disable_proxy" in found.remedy


def _document(location: str) -> bytes:
    certificate = Certificate.generate(datetime(2026, 11, 21, tzinfo=UTC))
    return msgspec.json.encode(tokens.metadata(certificate, "realm", location))


def test_the_metadata_document_is_at_home_elsewhere() -> None:
    """Exchange's tokens name the host that the document says, so it is mentioned."""
    body = _document("https://exch01.example.test")
    seen = Answered(
        "https://mail.example.test/autodiscover/metadata/json/1", 200, {}, body
    )
    found = metadata.metadata("mail.example.test")(CASE, seen)
    assert found.status is Status.WARNING
    assert "exch01.example.test" in found.remedy


def test_refused_tokens_name_their_servers() -> None:
    """Hosts of refused tokens that are not configured are listed, with a warning: the
    token may be anybody's."""
    case = Case(
        connector=PLAIN,
        domains=("mail.example.test",),
        refused_hosts=("MAIL.example.test", "exch02.example.test"),
    )
    found = metadata.domains(case, None)
    assert found.status is Status.WARNING
    assert "only then" in found.remedy
    assert "exch02.example.test" in found.message
    assert "MAIL" not in found.message


OPENID = (
    b'{"issuer":"https://login.example.test","jwks_uri":"https://login.example.test/k"}'
)


@pytest.mark.parametrize(
    ("configuration", "keys", "status"),
    [
        (
            Answered("u", 200, {}, OPENID),
            Answered("k", 200, {}, b'{"keys":[{}]}'),
            Status.PASSED,
        ),
        (
            Answered("u", 200, {}, OPENID),
            Answered("k", 200, {}, b'{"keys":[]}'),
            Status.FAILED,
        ),
        (Answered("u", 200, {}, OPENID), Answered("k", 404), Status.FAILED),
        (Answered("u", 200, {}, OPENID), None, Status.FAILED),
        (Answered("u", 404, {}, b"<html>"), None, Status.FAILED),
        (
            Answered("u", trouble=Trouble.NAME, problem="its name cannot be resolved"),
            None,
            Status.FAILED,
        ),
    ],
)
def test_openid(configuration: Answered, keys: Answered | None, status: Status) -> None:
    """The document and its keys have to be there and readable."""
    found = providers.openid(CASE, Documents(configuration, keys))
    assert found.status is status
    assert bool(found.remedy) is (status is Status.FAILED)


@pytest.mark.parametrize("kind", ["PublicDL", "Contact", "GroupMailbox"])
def test_not_a_mailbox_of_its_own(kind: str) -> None:
    """A group or a contact is told from a mailbox."""
    resolved = Resolved("pexipmeeting@example.test", "Pexip", kind)
    asked = Asked(Answered(URL, 200), result=[resolved])
    assert mailbox.kind(CASE, Kind(asked)).status is Status.FAILED


def test_busy_is_no_failure() -> None:
    """A server that asks us to come back proves nothing about accounts and rights."""
    busy = Asked(Answered(URL, 500), code="ErrorServerBusy", back_off=10.0)
    assert sign_in.sign_in(CASE, busy).status is Status.PASSED
    assert mailbox.impersonation(CASE, busy).status is Status.NOT_CHECKED
    assert mailbox.mailbox(CASE, busy).status is Status.NOT_CHECKED
    assert traffic.throttling(CASE, [busy]).status is Status.WARNING
    queue = Asked(Answered(URL, 503), no_soap="it is HTTP status 503")
    assert sign_in.sign_in(CASE, queue).status is Status.NOT_CHECKED


def test_a_throttling_alarm_counts() -> None:
    """What the daemon has seen is a hint, too, though this examination was not
    throttled."""
    case = Case(connector=PLAIN, alarms=((alarms.THROTTLED, "since 9 o'clock"),))
    found = traffic.throttling(case, [])
    assert found.status is Status.WARNING
    assert "since 9 o'clock" in found.message


def test_exchange_online() -> None:
    """HTTP 403 there means the organization's own switch, with the date of the end."""
    connector = msgspec.structs.replace(PLAIN, authentication_method="APP_PERM")
    seen = Asked(Answered(URL, 403), no_soap="it is HTTP status 403")
    found = sign_in.sign_in(Case(connector=connector), seen)
    assert "2027-04-01" in found.cause
    assert any("EwsAllowedAppIDs" in command for command in found.commands)


def test_without_the_daemon() -> None:
    """Nothing else is blamed when the daemon does not run."""
    case = Case(connector=PLAIN, serving=False)
    closed = Reached("pex.example.test", 443, trouble=Trouble.REFUSED, problem="no")
    page = Pane(Answered(URL, 502), b"ours")
    for found in (addin.port(case, closed), addin.answers(case, page)):
        assert found.cause == "The daemon is not running."
    assert addin.port(case, Reached("h", 443, "192.0.2.1")).status is Status.PASSED


def test_a_longer_address_is_another() -> None:
    """What the directory finds besides is not taken for the mailbox."""
    resolved = Resolved("pexipmeeting@example.testing", "Group", "PublicDL")
    asked = Asked(Answered(URL, 200), result=[resolved])
    assert mailbox.kind(CASE, Kind(asked)).status is Status.NOT_CHECKED


MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("free", "reserve", "status"),
    [
        (50, 64, Status.FAILED),
        (80, 64, Status.WARNING),
        (500, 64, Status.WARNING),
        (1500, 64, Status.PASSED),
        (900, 1000, Status.FAILED),
        (1500, 1000, Status.WARNING),
        (2500, 1000, Status.PASSED),
    ],
)
def test_disk(free: int, reserve: int, status: Status) -> None:
    """Room is too little where the store takes nothing new, and nowhere else."""
    seen = Disk("/var/lib/pexschedd", free * MIB, 100_000 * MIB, reserve * MIB)
    found = house.disk(CASE, seen)
    assert found.status is status
    if status is not Status.PASSED:
        assert f"elow {reserve:,} MiB" in found.cause


def test_no_state_folder(tmp_path: Path) -> None:
    """A folder that is not there is a failure with its reason."""
    seen = disk_of(tmp_path / "none", lambda _: 0)
    found = house.disk(CASE, seen)
    assert found.status is Status.FAILED
    assert "No such file" in found.message
    assert disk_of(tmp_path, lambda total: total // 2).reserve > 0


def test_somebody_elses_pane_without_a_daemon() -> None:
    """A pane that cannot be compared is not called ours."""
    seen = Pane(Answered(URL, 200, {}, b"pane-outlook.js"), None)
    assert addin.answers(CASE, seen).status is Status.NOT_CHECKED


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
    refused = Asked(Answered(url, status=401))
    found = sign_in.sign_in(Case(connector=connector), refused)
    assert found.status is Status.FAILED
    assert ("Extended Protection" in found.cause) is expected
    assert any("ExtendedProtection" in each for each in found.commands) is expected
