"""Each misconfiguration that a person can make, made on purpose over real sockets, is
named: what is wrong, why, and what mends it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import pytest_twisted
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.web.server import Site

from pexschedd.doctor.observations import DiskState
from pexschedd.doctor.report import CheckStatus, DoctorReport
from pexschedd.doctor.text import text
from pexschedd.errors import NotFound, SignInNeeded, SignInRefused
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.auth.ntlm import NtlmAuthenticator
from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.model.integration.exchange import OAUTH_REDIRECT_PATH
from pexschedd.net.proxy import Proxy
from pexschedd.sandbox.mailboxes.accounts import Processing
from pexschedd.sandbox.signin.settings import SignIn
from pexschedd.scheduling.alarms import names
from tests.doctor.doctor_support import (
    ADDIN,
    ALICE,
    EQUIPMENT,
    INTERNAL,
    MAIL,
    OWN_PANE,
    PUBLIC,
    SECRET,
    SVC,
    Clinic,
    Page,
    accounts,
    line,
)
from tests.net.net_support import DAY, NOW, Authority, dns

FAILED, WARNING = CheckStatus.FAILED, CheckStatus.WARNING
NOT_CHECKED, PASSED = CheckStatus.NOT_CHECKED, CheckStatus.PASSED
STRANGER = Authority("A stranger's CA")
Arrange = Callable[[Clinic], object]


def wrong_host(c: Clinic) -> None:
    c.change(url="https://mial.example.test/EWS/Exchange.asmx")


def no_url(c: Clinic) -> None:
    c.change(url="")


def port_closed(c: Clinic) -> None:
    c.change(url=f"https://{MAIL}:1/EWS/Exchange.asmx")


class PlainHttp(Protocol):
    """A web server without TLS, which does not understand the handshake."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.transport.loseConnection()


def http_port_with_https(c: Clinic) -> None:
    port = c.listen(Factory.forProtocol(PlainHttp))
    c.change(url=f"https://{MAIL}:{port}/EWS/Exchange.asmx")


def untrusted(c: Clinic) -> None:
    c.trusted = STRANGER.pem


def wrong_name(c: Clinic) -> None:
    c.certificate(INTERNAL.server(dns("exch01.example.test")))


def expired(c: Clinic) -> None:
    c.certificate(INTERNAL.server(dns(MAIL), expires=NOW - DAY))


def expires_soon(c: Clinic) -> None:
    c.certificate(INTERNAL.server(dns(MAIL), expires=NOW + 3 * DAY))


def old_tls(c: Clinic) -> None:
    versions = (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION)
    c.certificate(INTERNAL.server(dns(MAIL), versions=versions))


def wrong_path(c: Clinic) -> None:
    c.exchange(Page(b"", 404))


def login_page(c: Clinic) -> None:
    c.exchange(Page(b"<html>Sign in</html>", 200, {"content-type": "text/html"}))


def redirected(c: Clinic) -> None:
    headers = {"location": "https://sso.example.test/login"}
    c.exchange(Page(b"", 302, headers))


def login_page_later(c: Clinic) -> None:
    c.misbehave(kind="login-page", operation="GetFolder")


def out_of_order(c: Clinic) -> None:
    c.exchange(Page(b"", 503))


def wrong_password(c: Clinic) -> None:
    c.password = "another " + SECRET


def method_not_offered(c: Clinic) -> None:
    c.fresh(accounts(), sign_in=SignIn(methods=("NTLM", "Negotiate")))


def ntlm_not_offered(c: Clinic) -> None:
    c.change(authentication_method="NTLM")
    c.authenticator = NtlmAuthenticator(SVC, SECRET, MAIL)


def ntlm_good(c: Clinic) -> None:
    c.fresh(accounts(), sign_in=SignIn(methods=("Negotiate", "NTLM")))
    c.change(authentication_method="NTLM")
    c.authenticator = NtlmAuthenticator(SVC, SECRET, MAIL)


def ntlm_wrong_password(c: Clinic) -> None:
    ntlm_good(c)
    c.authenticator = NtlmAuthenticator(SVC, "another " + SECRET, MAIL)


def ews_disabled(c: Clinic) -> None:
    c.account(EQUIPMENT, ews_enabled=False)


def ews_disabled_for_the_account(c: Clinic) -> None:
    c.account(SVC, ews_enabled=False)


def account_disabled(c: Clinic) -> None:
    c.account(SVC, disabled=True)


def account_locked(c: Clinic) -> None:
    c.misbehave(kind="http-456")


def password_has_expired(c: Clinic) -> None:
    c.account(SVC, password_expired=True)


def password_expired(c: Clinic) -> None:
    c.misbehave(kind="ErrorPasswordExpired")


def no_kerberos(c: Clinic) -> None:
    """What an authenticator says that gets no ticket."""
    c.fresh(accounts(), sign_in=SignIn(methods=("Negotiate",)))
    c.change(authentication_method="KERBEROS", kerberos_realm="EXAMPLE.TEST")

    class NoTicket:
        async def send(self, request: object, connection: object) -> HttpResponse:
            raise SignInRefused("The KDC of EXAMPLE.TEST does not know svc.")

    c.authenticator = NoTicket()


class Refusing(Protocol):
    """A web proxy that wants a password."""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(
            b"HTTP/1.1 407 Proxy Authentication Required\r\n"
            b'Proxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
        )
        self.transport.loseConnection()


def proxy_wants_a_password(c: Clinic) -> None:
    port = c.listen(Factory.forProtocol(Refusing))
    c.proxy = Proxy(secure=False, host="127.0.0.1", port=port)


def proxy_not_there(c: Clinic) -> None:
    c.proxy = Proxy(secure=False, host="127.0.0.1", port=1)


def theme(c: Clinic) -> None:
    c.change(ivr_theme=7)


def group(c: Clinic) -> None:
    c.change(host_identity_provider_group=7)


def odd_room(c: Clinic) -> None:
    room = Conference(id=1, name="Closed room", teams_proxy=3)
    c.records.put(tables.CONFERENCE, room)


def without_the_proxy(c: Clinic) -> None:
    proxy_not_there(c)
    c.domains()
    c.change(disable_proxy=True)


def a_group(c: Clinic) -> None:
    c.account(EQUIPMENT, mailbox_type="PublicDL")


def no_impersonation(c: Clinic) -> None:
    c.account(SVC, impersonates=())


def only_the_equipment(c: Clinic) -> None:
    c.account(SVC, impersonates=(EQUIPMENT,))


def mailbox_missing(c: Clinic) -> None:
    c.change(room_mailbox_email_address="pexipmeting@example.test")


def alias_address(c: Clinic) -> None:
    c.change(room_mailbox_email_address="meetings@example.test")


def a_persons_mailbox(c: Clinic) -> None:
    c.change(room_mailbox_email_address=ALICE)


def automatic(c: Clinic) -> None:
    c.account(EQUIPMENT, processing=Processing.AUTO_ACCEPT)


def user_missing(c: Clinic) -> None:
    c.user = "nobody@example.test"


def no_subscriptions(c: Clinic) -> None:
    c.misbehave(kind="ErrorExceededSubscriptionCount", operation="Subscribe")


def throttled(c: Clinic) -> None:
    c.misbehave(kind="ErrorServerBusy", back_off_ms=90_000)


def clock_off(c: Clinic) -> None:
    c.clock_off(10)


def clock_a_little_off(c: Clinic) -> None:
    c.clock_off(-2)


def wrong_metadata(c: Clinic) -> None:
    c.domains("autodiscover.example.test")


def metadata_elsewhere(c: Clinic) -> None:
    port = c.listen(_site(Page(b"{}", 404)), INTERNAL.server(dns(MAIL)))
    c.domains(f"{MAIL}:{port}")


def metadata_is_something_else(c: Clinic) -> None:
    port = c.listen(_site(Page(b"<html></html>")), INTERNAL.server(dns(MAIL)))
    c.domains(f"{MAIL}:{port}")


def metadata_untrusted(c: Clinic) -> None:
    port = c.listen(c.sandbox.site(), STRANGER.server(dns(MAIL)))
    c.domains(f"{MAIL}:{port}")


def no_metadata(c: Clinic) -> None:
    c.domains()


def _site(page: Page) -> object:
    return Site(page)


def oauth(c: Clinic, give: Callable[[], str], body: bytes, status: int = 400) -> None:
    """Integration with OAuth and a token endpoint that answers so."""
    port = c.listen(_site(Page(body, status)), INTERNAL.server(dns(MAIL)))
    c.fresh(accounts(), sign_in=SignIn(methods=("Bearer",)))
    c.sandbox.tokens.register("good token", mailbox=SVC)
    c.bearer(give)
    c.change(
        authentication_method="OAUTH",
        oauth_client_id="11111111-2222-4333-8444-555555555555",
        oauth_redirect_uri="https://pex.example.test" + OAUTH_REDIRECT_PATH,
        oauth_token_endpoint=f"https://{MAIL}:{port}/tenant/oauth2/token",
    )


_ERROR = b'{"error":"invalid_request"}'


def oauth_good(c: Clinic) -> None:
    oauth(c, lambda: "good token", _ERROR)


def not_signed_in(c: Clinic) -> None:
    def give() -> str:
        raise SignInNeeded("Nobody has signed in yet.")

    oauth(c, give, _ERROR)


def wrong_token_endpoint(c: Clinic) -> None:
    oauth(c, lambda: "good token", b"<html>not here</html>", 404)


def wrong_secret(c: Clinic) -> None:
    def give() -> str:
        raise SignInRefused("invalid_client: AADSTS7000215: Invalid client secret.")

    oauth(c, give, b'{"error":"invalid_request"}', 401)
    c.change(authentication_method="APP_PERM", oauth_client_secret="sealed:" + SECRET)


def token_refused(c: Clinic) -> None:
    oauth(c, lambda: "another token", _ERROR)


def addin_wrong_host(c: Clinic) -> None:
    c.change(addin_server_domain="adin.example.test")


def addin_wrong_port(c: Clinic) -> None:
    c.change(addin_server_domain=f"{ADDIN}:1")


def addin_internal_certificate(c: Clinic) -> None:
    c.addin(Page(OWN_PANE), INTERNAL.server(dns(ADDIN)))


def addin_wrong_certificate(c: Clinic) -> None:
    c.addin(Page(OWN_PANE), PUBLIC.server(dns("www.example.test")))


def addin_expired(c: Clinic) -> None:
    c.addin(Page(OWN_PANE), PUBLIC.server(dns(ADDIN), expires=NOW - DAY))


def addin_expires_soon(c: Clinic) -> None:
    c.addin(Page(OWN_PANE), PUBLIC.server(dns(ADDIN), expires=NOW + 3 * DAY))


def addin_another_server(c: Clinic) -> None:
    c.addin(Page(b"<html>It works!</html>"))


def addin_another_installation(c: Clinic) -> None:
    c.addin(Page(OWN_PANE.replace(b"ours", b"theirs")))


def id_mismatch(c: Clinic) -> None:
    c.addin(Page(b'{"message":"There is no integration 1 here."}', 404))


def another_provider(c: Clinic) -> None:
    ways = {
        "enable_personal_vmrs": True,
        "auth_provider": "ADFS",
        "personal_vmr_oauth_client_id": "a",
        "personal_vmr_adfs_relying_party_trust_identifier": "b",
    }
    for id_, host in ((1, f"127.0.0.1:{c.addin_port}"), (2, "fs.example.test")):
        base = f"https://{host}/adfs/oauth2"
        endpoints = {
            "personal_vmr_oauth_auth_endpoint": f"{base}/authorize",
            "personal_vmr_oauth_token_endpoint": f"{base}/token",
        }
        twin: dict[str, Any] = {"id": id_, "name": f"Branch {id_}", **ways, **endpoints}
        if id_ == 1:
            c.change(**twin)
        else:
            twin["room_mailbox_email_address"] = "other@example.test"
            c.records.put(
                tables.CONNECTOR, msgspec.structs.replace(c.connector, **twin)
            )


def disk_nearly_full(c: Clinic) -> None:
    c.disk = DiskState("/var/lib/pexschedd", 50 * 2**20, 100 * 2**30, 2**30)


def disk_scarce(c: Clinic) -> None:
    c.disk = DiskState("/var/lib/pexschedd", 1500 * 2**20, 100 * 2**30, 2**30)


def used_by_another(c: Clinic) -> None:
    c.alarm(names.SHARED_MAILBOX, "test-server answers in this mailbox, too")


def used_by_another_integration(c: Clinic) -> None:
    twin = msgspec.structs.replace(
        c.connector, id=2, name="Branch", room_mailbox_email_address=EQUIPMENT.upper()
    )
    c.records.put(tables.CONNECTOR, twin)


ROWS: list[tuple[Arrange, str, CheckStatus, str, str]] = [
    # what was done wrong        check           status   the message  cause or remedy
    (wrong_host, "name", FAILED, "cannot be resolved", "EWS URL"),
    (no_url, "name", FAILED, "contains no host name", "Exchange.asmx"),
    (port_closed, "port", FAILED, "refuses connections", "Test-NetConnection"),
    (http_port_with_https, "tls", FAILED, "does not speak TLS", "port 443"),
    (untrusted, "tls", FAILED, "not trusted", "ca_certificate"),
    (wrong_name, "tls", FAILED, "exch01.example.test", "subject alternative"),
    (expired, "tls", FAILED, "expired on", "Renew"),
    (expires_soon, "tls", WARNING, "expires on", "Renew it before then"),
    (old_tls, "tls", FAILED, "TLS 1.2", "Enable TLS 1.2"),
    (wrong_path, "web", FAILED, "HTTP 404", "/EWS/Exchange.asmx"),
    (login_page, "web", FAILED, "web page", "pre-authentication"),
    (redirected, "web", FAILED, "sso.example.test", "pre-authentication"),
    (login_page_later, "sign_in", FAILED, "web page", "pre-authentication"),
    (out_of_order, "web", FAILED, "HTTP 503", "AppPool"),
    (wrong_password, "sign_in", FAILED, "does not let the account", "Unlock-ADAccount"),
    (
        method_not_offered,
        "methods",
        FAILED,
        "offers ntlm, negotiate, but not BASIC",
        "Set-WebServicesVirtualDirectory -BasicAuthentication $true",
    ),
    (
        ntlm_not_offered,
        "methods",
        FAILED,
        "but not NTLM",
        "Set-WebServicesVirtualDirectory -WindowsAuthentication $true",
    ),
    (ntlm_good, "sign_in", PASSED, "signed in with NTLM", ""),
    (ntlm_wrong_password, "sign_in", FAILED, SVC, "Unlock-ADAccount -Identity 'svc'"),
    (
        ews_disabled,
        "sign_in",
        FAILED,
        "HTTP 403",
        f"Set-CASMailbox -Identity '{EQUIPMENT}' -EwsEnabled $true",
    ),
    (ews_disabled_for_the_account, "sign_in", FAILED, "403", "Get-CASMailbox"),
    (account_disabled, "sign_in", FAILED, "does not let", "Get-ADUser -Identity 'svc'"),
    (password_has_expired, "sign_in", FAILED, "does not let", "Set-ADAccountPassword"),
    (no_kerberos, "sign_in", FAILED, "KDC", f"setspn -Q 'HTTP/{MAIL}'"),
    (proxy_wants_a_password, "port", FAILED, "name and password", "disable_proxy"),
    (proxy_not_there, "port", FAILED, "the proxy http://127.0.0.1:1", "disable_proxy"),
    (without_the_proxy, "sign_in", PASSED, "signed in", ""),
    (a_group, "mailbox", FAILED, "no mailbox", "New-Mailbox"),
    (account_locked, "sign_in", FAILED, "locked", "Unlock-ADAccount -Identity 'svc'"),
    (password_expired, "sign_in", FAILED, "Expired", "Set-ADAccountPassword"),
    (
        no_impersonation,
        "impersonation",
        FAILED,
        "may not act for",
        f"-Role ApplicationImpersonation -User '{SVC}'",
    ),
    (only_the_equipment, "user", FAILED, f"not act for {ALICE}", "Widen the scope"),
    (mailbox_missing, "mailbox", FAILED, "There is no mailbox", "New-Mailbox"),
    (alias_address, "mailbox", FAILED, EQUIPMENT, "primary address"),
    (a_persons_mailbox, "kind", WARNING, "person's mailbox", "EquipmentMailbox"),
    (
        automatic,
        "processing",
        FAILED,
        "AutoAccept",
        f"Set-CalendarProcessing -Identity '{EQUIPMENT}' -AutomateProcessing None",
    ),
    (user_missing, "user", FAILED, "nobody@example.test", "misspelt"),
    (no_subscriptions, "notifications", WARNING, "SubscriptionCount", "polled"),
    (throttled, "throttling", WARNING, "up to 90 s", "Set-ThrottlingPolicyAssociation"),
    (clock_off, "clock", FAILED, "10 min ahead of ours", "w32tm"),
    (clock_a_little_off, "clock", WARNING, "behind ours", "NTP"),
    (wrong_metadata, "metadata", FAILED, "cannot be resolved", "Get-ExchangeServer"),
    (metadata_elsewhere, "metadata", FAILED, "HTTP 404", "an Exchange server"),
    (metadata_is_something_else, "metadata", FAILED, "no keys", "Get-AuthConfig"),
    (metadata_untrusted, "metadata", FAILED, "not trusted", "ca_certificate"),
    (no_metadata, "domains", FAILED, "No Exchange metadata", "Invalid Token"),
    (oauth_good, "sign_in", PASSED, "signed in with OAUTH", ""),
    (
        not_signed_in,
        "sign_in",
        FAILED,
        "Nobody has signed in",
        "https://pex.example.test/admin/platform/msexchangeconnector/1/sign_in/",
    ),
    (
        wrong_token_endpoint,
        "token_endpoint",
        FAILED,
        "not a token endpoint",
        "Endpoints",
    ),
    (wrong_secret, "sign_in", FAILED, "Invalid client secret", "create a new one"),
    (token_refused, "sign_in", FAILED, "does not accept", "EWS.AccessAsUser.All"),
    (addin_wrong_host, "addin_name", FAILED, "cannot be resolved", "Resolve-DnsName"),
    (addin_wrong_port, "addin_port", FAILED, "refuses connections", "reverse proxy"),
    (addin_internal_certificate, "addin_certificate", FAILED, "not trusted", "public"),
    (addin_wrong_certificate, "addin_certificate", FAILED, "www.example.test", ADDIN),
    (addin_expired, "addin_certificate", FAILED, "expired", "Renew"),
    (addin_expires_soon, "addin_certificate", WARNING, "expires on", "empty pane"),
    (addin_another_server, "addin_answers", FAILED, "not the add-in's pane", "proxy"),
    (addin_another_installation, "addin_answers", FAILED, "another", "DNS record"),
    (id_mismatch, "addin_answers", FAILED, "no integration 1", "installation"),
    (another_provider, "user_sign_in_alone", WARNING, "Branch 2", "end_user record"),
    (disk_nearly_full, "disk", FAILED, "50 MiB", "state_dir"),
    (theme, "settings", FAILED, "ivr_theme", "null"),
    (group, "settings", FAILED, "host_identity_provider_group", "the platform has"),
    (odd_room, "settings", FAILED, "Closed room", "defaults"),
    (disk_scarce, "disk", WARNING, "500 MiB", "Free up space"),
    (used_by_another, "alone", FAILED, "test-server", "of its own"),
    (used_by_another_integration, "alone", FAILED, "Branch", "New-Mailbox -Equipment"),
]


@pytest.mark.parametrize(
    ("arrange", "check", "status", "message", "advice"),
    ROWS,
    ids=[row[0].__name__ for row in ROWS],
)
@pytest_twisted.ensureDeferred
async def test_it_is_named(
    clinic: Clinic,
    arrange: Arrange,
    check: str,
    status: CheckStatus,
    message: str,
    advice: str,
) -> None:
    """The line of that check, and no unrelated one, says what is wrong and how to mend
    it; no secret is in the report."""
    arrange(clinic)
    report = await clinic.examine()
    found = line(report, check)
    assert found.status is status, text(report)
    assert message in found.message, found.message
    assert advice in " ".join((found.cause, found.remedy, *found.commands)), found
    if status is not PASSED:
        assert found.cause
        assert found.remedy
    failed = {
        each.check.partition(":")[0] for each in report.lines if each.status is FAILED
    }
    assert failed <= {check, *ALSO.get(check, ())}, text(report)
    for secret in (SECRET, "good token", "another token"):
        assert secret not in text(report)
        assert secret not in repr(report)


ALSO = {
    # Without a proxy the metadata cannot be reached, so no domain is configured.
    "sign_in": ("domains",),
    # The add-in is asked over the connection that is not trusted.
    "addin_certificate": ("addin_answers",),
    # The same certificate keeps the metadata away.
    "tls": ("metadata",),
    # There is no identity provider to be asked.
    "user_sign_in_alone": (
        "user_sign_in_keys",
        "user_sign_in_window",
        "user_sign_in_token",
        "user_sign_in_redirect",
    ),
    # The same proxy is in between.
    "port": ("metadata",),
}


@pytest_twisted.ensureDeferred
async def test_everything_in_order(clinic: Clinic) -> None:
    """Nothing fails where nothing is wrong; the one thing that Exchange does not tell
    is not guessed."""
    report = await clinic.examine()
    assert report.status is PASSED, text(report)
    open_ = [each.check for each in report.lines if each.status is not PASSED]
    assert open_ == ["kind"]
    assert MAIL in line(report, "tls").details[0]


@pytest_twisted.ensureDeferred
async def test_what_depends_on_a_failure_says_so(clinic: Clinic) -> None:
    """After a failure, what needs it is not tried; what does not need it still is."""
    wrong_host(clinic)
    report = await clinic.examine()
    assert "Name" in line(report, "port").message
    assert line(report, "sign_in").status is NOT_CHECKED
    assert line(report, "addin_answers").status is PASSED
    assert clinic.sandbox.calls == {}


@pytest_twisted.ensureDeferred
async def test_nothing_is_changed(clinic: Clinic) -> None:
    """Only calls that read, and a subscription that is given back."""
    await clinic.examine()
    assert set(clinic.sandbox.calls) == {
        "GetFolder",
        "ResolveNames",
        "GetUserConfiguration",
        "Subscribe",
        "Unsubscribe",
    }


@pytest_twisted.ensureDeferred
async def test_asked_twice_at_once(clinic: Clinic) -> None:
    """The same question while an examination goes on gets the same report, by one
    sign-in; afterwards it is made anew."""
    doctor = clinic.doctor()
    first, second = (Deferred.fromCoroutine(doctor.examine(1, ALICE)) for _ in range(2))
    assert await second is await first
    assert clinic.sandbox.calls["GetFolder"] == 2  # the mailbox and the user
    assert await doctor.examine(1, ALICE) is not await first


@pytest_twisted.ensureDeferred
async def test_no_such_integration(clinic: Clinic) -> None:
    """An unknown one is an error, each time."""
    doctor = clinic.doctor()
    for _ in range(2):
        with pytest.raises(NotFound):
            await doctor.examine(2)


@pytest_twisted.ensureDeferred
async def test_without_a_user(clinic: Clinic) -> None:
    """No user named and none known: not checked, and how to name one."""
    clinic.user = ""
    found = line(await clinic.examine(), "user")
    assert found.status is NOT_CHECKED
    assert "--user" in found.remedy


@pytest_twisted.ensureDeferred
async def test_only_personal_rooms(clinic: Clinic) -> None:
    """Without single-use rooms nothing is asked of Exchange's mailboxes."""
    clinic.change(enable_dynamic_vmrs=False)
    report: DoctorReport = await clinic.examine()
    assert "sign_in" not in [each.check for each in report.lines]
    assert clinic.sandbox.calls == {}
