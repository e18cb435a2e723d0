"""Each mistake that a person can make with an integration over Microsoft Graph, made on
purpose over real sockets, is named: what is wrong, why, and what mends it."""

from datetime import UTC, datetime, timedelta

import pytest
import pytest_twisted

from pexschedd.crypto.certificates import to_pem
from pexschedd.doctor.report import CheckStatus
from pexschedd.sandbox.graph.signin.applications import MailboxGrant
from pexschedd.sandbox.items.records import ResponseType
from pexschedd.sandbox.mailboxes.accounts import Processing
from pexschedd.scheduling.alarms import names
from tests.doctor.doctor_support import ALICE, EQUIPMENT, INTERNAL, MAIL, line
from tests.doctor.graph_doctor_support import (
    TENANT,
    Arrange,
    GraphClinic,
    grants,
    page,
    speaks_of_graph_alone,
)
from tests.doctor.rows_support import FAILED, NOT_CHECKED, PASSED, WARNING
from tests.net.net_support import DAY, NOW, Authority, dns


def wrong_domain(c: GraphClinic) -> None:
    c.change(graph_api_domain="graph.example.test")


def port_closed(c: GraphClinic) -> None:
    c.change(graph_api_domain=f"{MAIL}:1")


def inspected(c: GraphClinic) -> None:
    stranger = Authority("An inspecting proxy")
    c.certificate(stranger.server(dns(MAIL)))


def wrong_clock(c: GraphClinic) -> None:
    c.certificate(INTERNAL.server(dns(MAIL), expires=NOW - DAY))


def clock_off(minutes: float) -> Arrange:
    def arrange(c: GraphClinic) -> None:
        c.now = lambda: datetime.now(UTC) + timedelta(minutes=minutes)

    return arrange


def wrong_tenant(c: GraphClinic) -> None:
    url = c.connector.oauth_token_endpoint.replace(TENANT, "fabrikam.test")
    c.change(oauth_token_endpoint=url)


def no_token_endpoint(c: GraphClinic) -> None:
    c.change(oauth_token_endpoint=f"https://{MAIL}:{c.addin_port}/")


def wrong_secret(c: GraphClinic) -> None:
    c.change(oauth_client_secret="sealed:another")


def wrong_application(c: GraphClinic) -> None:
    c.change(oauth_client_id="99999999-2222-4333-8444-555555555555")


def no_secret(c: GraphClinic) -> None:
    c.change(oauth_client_secret="")


def certificate_until(days: int) -> Arrange:
    def arrange(c: GraphClinic) -> None:
        ends = datetime.now(UTC) + timedelta(days=days)
        pem = to_pem(INTERNAL.server(dns("pexschedd"), expires=ends).certificate)
        c.change(oauth_client_secret="", private_key="sealed:x", public_key=pem)

    return arrange


def token_refused(c: GraphClinic) -> None:
    c.misbehave(kind="graph-InvalidAuthenticationToken", operation="GraphGetMailFolder")


def without(role: str) -> Arrange:
    def arrange(c: GraphClinic) -> None:
        c.application(*grants(without=(role,)))

    return arrange


def read_only(c: GraphClinic) -> None:
    rest = grants(without=("Mail.ReadWrite",))
    c.application(MailboxGrant("Mail.Read", (EQUIPMENT,)), *rest)


def basic_only(c: GraphClinic) -> None:
    rest = grants(without=("Mail.ReadWrite",))
    c.application(MailboxGrant("Mail.ReadBasic", (EQUIPMENT,)), *rest)
    c.invite()


def no_roles(c: GraphClinic) -> None:
    c.application(MailboxGrant("Mail.Send", (ALICE,)))


def calendar_read_only(c: GraphClinic) -> None:
    rest = grants(without=("Calendars.ReadWrite",))
    c.application(MailboxGrant("Calendars.Read", (EQUIPMENT,)), *rest)


def missing_mailbox(c: GraphClinic) -> None:
    c.change(room_mailbox_email_address="nothing@example.test")


def on_premises(c: GraphClinic) -> None:
    c.settings(without_rest=(EQUIPMENT,))


def organizer_on_premises(c: GraphClinic) -> None:
    c.settings(without_rest=(ALICE,))


def no_such_user(c: GraphClinic) -> None:
    c.user = "nobody@example.test"


def nobody_named(c: GraphClinic) -> None:
    c.user = ""


def purpose(value: str) -> Arrange:
    return lambda c: _remade(c, purpose=value)


def _remade(c: GraphClinic, **fields: object) -> None:
    c.account(EQUIPMENT, **fields)
    c.application()


def no_processing(c: GraphClinic) -> None:
    _remade(c, processing=Processing.NONE)
    _long_ago(c)


def no_processing_by_mail(c: GraphClinic) -> None:
    c.change(graph_answer_method="MAIL")
    no_processing(c)


def no_processing_yet(c: GraphClinic) -> None:
    _remade(c, processing=Processing.NONE)
    c.invite()


def _long_ago(c: GraphClinic) -> None:
    """A request that arrived ten minutes ago."""
    c.invite()
    for item in c.sandbox.exchange.mailbox(EQUIPMENT).folders["inbox"].items.values():
        item.received -= timedelta(minutes=10)


def unanswered(c: GraphClinic) -> None:
    c.invite()


def answered_by_another(c: GraphClinic) -> None:
    _long_ago(c)
    mailbox = c.sandbox.exchange.mailbox(EQUIPMENT)
    for item in mailbox.folders["calendar"].items.values():
        item.my_response = ResponseType.ACCEPT


def by_webhook(c: GraphClinic) -> None:
    c.change(graph_notification_method="WEBHOOK")


def throttled(c: GraphClinic) -> None:
    c.misbehave(kind="http-429", operation="GraphGetMailFolder", retry_after_s=90)


def alarmed(c: GraphClinic) -> None:
    c.alarm(names.THROTTLED, "asks for pauses")


def answers_by_itself(c: GraphClinic) -> None:
    c.alarm(names.AUTOMATIC, "Exchange itself answers the meeting requests")


def busy(c: GraphClinic) -> None:
    c.misbehave(kind="http-503", operation="GraphListMessages")


def used_by_another(c: GraphClinic) -> None:
    c.alarm(names.SHARED_MAILBOX, "test-server answers in this mailbox, too")


GRANT = "-Role 'Application {}' -CustomResourceScope 'pexschedd 1 Graph mailbox'"

ROWS: list[tuple[Arrange, str, CheckStatus, str, str]] = [
    # what was done wrong      check        status   the message  cause or remedy
    (wrong_domain, "name", FAILED, "cannot be resolved", "Graph API domain"),
    (port_closed, "port", FAILED, "refuses connections", "Test-NetConnection"),
    (inspected, "tls", FAILED, "not trusted", "inspects TLS"),
    (wrong_clock, "tls", FAILED, "expired on", "clock is wrong"),
    (page(200, b"<html>"), "web", FAILED, "HTTP 200", "proxy's sign-in"),
    (page(302), "web", FAILED, "HTTP 302", "graph.microsoft.us"),
    (page(503), "web", WARNING, "HTTP 503", "Service health"),
    (clock_off(10), "clock", FAILED, "10 min ahead of", "timedatectl"),
    (clock_off(-2), "clock", WARNING, " s behind that of", "NTP"),
    (no_token_endpoint, "token_endpoint", FAILED, "not trusted", "ca_certificate"),
    (wrong_tenant, "sign_in", FAILED, "AADSTS90002", "OAuth token endpoint"),
    (wrong_secret, "sign_in", FAILED, "AADSTS7000215", "PasswordCredentials"),
    (wrong_application, "sign_in", FAILED, "AADSTS700016", "OAuth client ID"),
    (no_secret, "credential", FAILED, "neither", "make_certificate"),
    (no_secret, "sign_in", FAILED, "secret", "OAuth client secret"),
    (certificate_until(-1), "credential", FAILED, "has expired on", "public_key"),
    (certificate_until(3), "credential", WARNING, "expires on", "public_key"),
    (certificate_until(60), "credential", PASSED, "is valid until", ""),
    (token_refused, "sign_in", FAILED, "does not accept", "same cloud"),
    (missing_mailbox, "mailbox", FAILED, "There is no mailbox", "New-Mailbox"),
    (on_premises, "mailbox", FAILED, "does not reach", "mailbox_protocol to EWS"),
    (no_roles, "mailbox", NOT_CHECKED, "may not open it", ""),
    (
        no_roles,
        "mail_read",
        FAILED,
        f"no permission Mail.Read for {EQUIPMENT}",
        GRANT.format("Mail.ReadWrite"),
    ),
    (no_roles, "mail_read", FAILED, "ErrorAccessDenied", "New-ServicePrincipal"),
    (no_roles, "mail_read", FAILED, "Mail.Read", "two hours"),
    (no_roles, "mail_read", FAILED, "Mail.Read", "AppRoleAssignment"),
    (basic_only, "mail_read", FAILED, "without body and ext", "Mail.ReadBasic"),
    (read_only, "mail_read", PASSED, "can be read", ""),
    (
        read_only,
        "mail_write",
        FAILED,
        "no permission Mail.ReadWrite",
        GRANT.format("Mail.ReadWrite"),
    ),
    (
        calendar_read_only,
        "calendars",
        FAILED,
        "no permission Calendars.ReadWrite",
        GRANT.format("Calendars.ReadWrite"),
    ),
    (
        without("MailboxSettings.Read"),
        "kind",
        WARNING,
        "no permission MailboxSettings.Read",
        GRANT.format("MailboxSettings.Read"),
    ),
    (purpose("room"), "kind", PASSED, "a resource (room)", ""),
    (purpose("user"), "kind", WARNING, "userPurpose is user", "New-Mailbox -Equipm"),
    (purpose("shared"), "kind", WARNING, "shared", "person's mail"),
    (
        without("organizers"),
        "user",
        FAILED,
        f"may not change meetings of {ALICE}",
        "-CustomResourceScope 'pexschedd 1 Graph organizers'",
    ),
    (organizer_on_premises, "user", WARNING, "does not reach", "hybrid"),
    (no_such_user, "user", FAILED, "no mailbox nobody@", "Get-Recipient"),
    (nobody_named, "user", NOT_CHECKED, "No user", "--user"),
    (
        no_processing,
        "processing",
        FAILED,
        "is None",
        f"Set-CalendarProcessing -Identity '{EQUIPMENT}' -AutomateProcessing AutoUp",
    ),
    (no_processing_by_mail, "processing", PASSED, "audit has nothing", ""),
    (no_processing_yet, "processing", NOT_CHECKED, "not reveal", "Get-CalendarProc"),
    (unanswered, "processing", PASSED, "leaves the answer to us", ""),
    (answered_by_another, "processing", WARNING, "answered already", "AutoAccept"),
    (
        lambda _: None,
        "processing",
        NOT_CHECKED,
        "does not reveal",
        "VisibleMeetingUpdateProperties may stay",
    ),
    (
        answers_by_itself,
        "processing",
        FAILED,
        "By the alarm",
        f"Set-CalendarProcessing -Identity '{EQUIPMENT}' -AutomateProcessing AutoUp",
    ),
    (by_webhook, "notifications", WARNING, "127.0.0.1", "POLL"),
    (throttled, "throttling", WARNING, "up to 90 s", "equipment mailbox of its own"),
    (alarmed, "throttling", WARNING, "asks for pauses", "10,000"),
    (busy, "mail_read", NOT_CHECKED, "busy", "again"),
    (
        used_by_another,
        "alone",
        FAILED,
        "test-server",
        "-AutomateProcessing AutoUpdate",
    ),
]


@pytest.mark.parametrize(("arrange", "check", "status", "message", "more"), ROWS)
@pytest_twisted.ensureDeferred
async def test_it_is_named(
    graph_clinic: GraphClinic,
    arrange: Arrange,
    check: str,
    status: CheckStatus,
    message: str,
    more: str,
) -> None:
    """The check that finds it says what and why, with the commands for it."""
    arrange(graph_clinic)
    report = await graph_clinic.examine()
    found = line(report, check)
    assert found.status is status, found
    assert message in found.message
    assert more in " ".join((found.cause, found.remedy, *found.commands))
    speaks_of_graph_alone(report)
