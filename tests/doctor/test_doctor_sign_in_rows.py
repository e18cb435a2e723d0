"""Mistakes with the service account: its password, its methods, and OAuth."""

from collections.abc import Callable

import pytest_twisted
from twisted.web.server import Site

from pexschedd.errors import SignInNeeded, SignInRefused
from pexschedd.ews.auth import HttpResponse
from pexschedd.ews.auth.ntlm import NtlmAuthenticator
from pexschedd.model.integration.exchange import OAUTH_REDIRECT_PATH
from pexschedd.sandbox.signin.settings import SignIn
from tests.doctor.doctor_support import (
    EQUIPMENT,
    INTERNAL,
    MAIL,
    SECRET,
    SVC,
    Clinic,
    Page,
    accounts,
)
from tests.doctor.rows_support import FAILED, PASSED, Row, assert_named, by_mistake
from tests.net.net_support import dns


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


def oauth(c: Clinic, give: Callable[[], str], body: bytes, status: int = 400) -> None:
    """Integration with OAuth and a token endpoint that answers so."""
    port = c.listen(Site(Page(body, status)), INTERNAL.server(dns(MAIL)))
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


ROWS: list[Row] = [
    # what was done wrong        check           status   the message  cause or remedy
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
    (account_locked, "sign_in", FAILED, "locked", "Unlock-ADAccount -Identity 'svc'"),
    (password_expired, "sign_in", FAILED, "Expired", "Set-ADAccountPassword"),
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
]


@by_mistake(ROWS)
@pytest_twisted.ensureDeferred
async def test_it_is_named(clinic: Clinic, row: Row) -> None:
    """The line of that check, and no unrelated one, says what is wrong and how to mend
    it; no secret is in the report."""
    await assert_named(clinic, *row)
