"""Judges the sign-in of the service account. Pure."""

from pexschedd.doctor import remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.mailbox import error_text
from pexschedd.doctor.observations import CallResult
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed
from pexschedd.util.powershell import one_line, quoted

_TOKENS = ("OAUTH", "APP_PERM")

_ACCOUNT = {
    "ErrorAccountDisabled": "The account, or that of the mailbox, is disabled.",
    "ErrorPasswordExpired": "The account's password has expired.",
    "ErrorPasswordChangeRequired": "The account has to change its password first.",
}

_APPLICATION = (
    "Correct the fields OAuth client ID, OAuth client secret and OAuth token endpoint. "
    "A secret or certificate expires after two years at most: create a new one in "
    "the app registration (Certificates & secrets)."
)

_SETTINGS = {
    "OAUTH": _APPLICATION,
    "APP_PERM": _APPLICATION,
    "KERBEROS": "Correct the service account's name and password, and the fields "
    "Kerberos realm, Kerberos KDC and Exchange service principal name. The clocks may "
    "differ by 5 minutes at most. The commands show the account, and the account that "
    "holds Exchange's service principal name.",
}


def sign_in(case: ExaminedIntegration, seen: CallResult) -> CheckFinding:
    """Judge the account's sign-in, up to the point where Exchange answers with SOAP."""
    connector = case.connector
    who = connector.username or connector.oauth_client_id or ""
    method = connector.authentication_method
    answered = seen.answered
    if seen.refused == "sign_in_needed":
        return failed(
            one_line(seen.refusal),
            cause="Nobody has signed in to the service account yet, or the sign-in is "
            "no longer valid (the password was changed, it was revoked, or it was not "
            "used for 90 days).",
            remedy="Sign in as the service account, in a browser: open "
            f"{_sign_in_page(case)} and follow the link there.",
        )
    if seen.refused:
        return failed(
            one_line(seen.refusal),
            cause="Signing in to Exchange is not possible with these settings.",
            remedy=_SETTINGS.get(method, "Correct the fields of the service account."),
            commands=_look(case),
        )
    if answered.failure is not None:
        return failed(
            f"{case.host} did not answer: {answered.problem}.",
            cause="The connection broke while the account was signing in.",
            remedy="Try again; check what stands between this machine and Exchange.",
        )
    status = answered.status
    if status == 401:
        return _not_signed_in(case, seen, who)
    if status == 403:
        return _forbidden(case, who)
    if status == 456:
        return failed(
            f"The account {who} is locked (HTTP 456).",
            cause="Too many wrong passwords, or an administrator has locked it.",
            remedy="Unlock the account.",
            commands=remedies.look_at_account(case),
        )
    if status in (429, 502, 503, 504):
        return not_checked(
            f"{case.host} is busy (HTTP {status}) and has not checked the account.",
            remedy="Run the check again in a while.",
        )
    if seen.code in _ACCOUNT:
        return failed(
            f"{who}: {error_text(seen)}.",
            cause=_ACCOUNT[seen.code],
            remedy="Enable the account, or set a new password in Active Directory and "
            "in the field Service account password.",
            commands=(*remedies.look_at_account(case), *remedies.new_password(case)),
        )
    if not seen.is_soap:
        return failed(
            f"{case.host} does not answer as Exchange does ({seen.no_soap}).",
            cause="After the sign-in, something else answers: a sign-in page of a "
            "reverse proxy, or a web server that is not Exchange.",
            remedy="Exempt the path /EWS from pre-authentication in the reverse proxy, "
            "and check the field EWS URL.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    return passed(f"{who} is signed in with {method}.")


def _look(case: ExaminedIntegration) -> tuple[str, ...]:
    match case.connector.authentication_method:
        case "KERBEROS":
            spn = case.connector.kerberos_exchange_spn or f"HTTP/{case.host}"
            return (*remedies.look_at_account(case), f"setspn -Q {quoted(spn)}")
        case "BASIC" | "NTLM":
            return remedies.look_at_account(case)
    return ()


def _sign_in_page(case: ExaminedIntegration) -> str:
    """On this server, which the redirect URI leads to."""
    base = case.connector.oauth_redirect_uri.removesuffix("oauth_redirect/")
    return f"{base}{case.connector.id}/sign_in/"


def _not_signed_in(
    case: ExaminedIntegration, seen: CallResult, who: str
) -> CheckFinding:
    diagnostics = one_line(seen.answered.header("x-ms-diagnostics"))[:300]
    if case.connector.authentication_method in _TOKENS:
        return failed(
            f"Exchange does not accept the access token of {who} (HTTP 401)."
            + (f" It says: {diagnostics}" if diagnostics else ""),
            cause="The token is for another resource, or the application has no "
            "permission for EWS.",
            remedy="Check the application's permissions (EWS.AccessAsUser.All, or the "
            "role Application EWS.AccessAsApp) and that an administrator has "
            "consented to them.",
            commands=remedies.impersonation(case) if case.online else (),
        )
    bound = _is_bound_to_the_certificate(case)
    return failed(
        f"{case.host} does not let the account {who} sign in (HTTP 401).",
        cause="The user name or the password is wrong, or the account is disabled, "
        "locked or expired: Exchange does not say which."
        + (_EXTENDED_PROTECTION if bound else ""),
        remedy="Correct the fields Service account username (name@example.com or "
        "EXAMPLE\\name) and Service account password; look at the account with the "
        "first command, unlock it with the second, set a new password with the third "
        "(Active Directory module).",
        commands=(
            *remedies.look_at_account(case),
            *remedies.new_password(case),
            *((remedies.EXTENDED_PROTECTION,) if bound else ()),
        ),
    )


_EXTENDED_PROTECTION = (
    " If they are right: with Extended Protection (see the last command) Exchange "
    "refuses every sign-in whose TLS connection ends in between, with a certificate "
    "other than its own; event 4625 on the server then has status 0xC000035B."
)


def _is_bound_to_the_certificate(case: ExaminedIntegration) -> bool:
    connector = case.connector
    return connector.authentication_method in (
        "NTLM",
        "KERBEROS",
    ) and connector.url.lower().startswith("https:")


def _forbidden(case: ExaminedIntegration, who: str) -> CheckFinding:
    if case.online:
        return failed(
            f"Exchange Online forbids EWS (HTTP 403) for {who}.",
            cause="The organization has EWS switched off, or the application is not "
            "in its list. EWS ends in Exchange Online on 2027-04-01.",
            remedy="Enable EWS for the organization and list the application; it "
            "takes up to a day (Exchange Online PowerShell).",
            commands=remedies.allow_ews(case),
        )
    return failed(
        f"{case.host} forbids EWS (HTTP 403) for {who} or the mailbox.",
        cause="EWS is disabled for the account, the mailbox or the organization "
        "(EwsEnabled), or programs are restricted and 'pexschedd' is not allowed "
        "(EwsApplicationAccessPolicy).",
        remedy="Check with the Get commands, then enable what is disabled. Run the "
        "last command only if EwsApplicationAccessPolicy is EnforceAllowList: it adds "
        "this program to the list.",
        commands=remedies.allow_ews(case),
    )
