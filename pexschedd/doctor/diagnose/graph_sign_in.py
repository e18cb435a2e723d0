"""Judges the application's sign-in to Microsoft Graph, and its credential. Pure."""

from pexschedd.crypto.certificates import day, read_pem
from pexschedd.doctor import graph_remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.connectivity import EXPIRY_WARNS
from pexschedd.doctor.observations import GraphResult
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed, warning
from pexschedd.util.powershell import one_line

_NEW_CERTIFICATE = (
    "Make a new one with the command make_certificate of the management API, and "
    "upload the integration's public_key to the app registration (Certificates & "
    "secrets) before the old one ends."
)


def credential(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Judge the client secret or certificate, as far as it is known here."""
    connector = case.connector
    if connector.oauth_client_secret:
        return not_checked(
            "Only Entra ID knows when the client secret ends: after two years at most.",
            remedy="The second command shows it (Microsoft Graph PowerShell). Make a "
            "new secret before that, and enter it as OAuth client secret.",
            commands=graph_remedies.credentials(case)[:2],
        )
    if not (connector.private_key and connector.public_key):
        return failed(
            "The application has neither a client secret nor a certificate.",
            cause="It can show nothing to Entra ID, and gets no token.",
            remedy="Make a client secret in the app registration (Certificates & "
            "secrets) and enter its value as OAuth client secret; or make a "
            "certificate with the command make_certificate of the management API, and "
            "upload its public_key there.",
        )
    try:
        ends = read_pem(connector.public_key)[0].not_valid_after_utc
    except (ValueError, IndexError):
        return not_checked("The integration's certificate cannot be read.")
    if case.now is None:
        return passed(f"The application's certificate is valid until {day(ends)}.")
    if ends <= case.now:
        return failed(
            f"The application's certificate has expired on {day(ends)}.",
            cause="Entra ID gives no token for it.",
            remedy=_NEW_CERTIFICATE,
        )
    if ends - case.now < EXPIRY_WARNS:
        return warning(
            f"The application's certificate expires on {day(ends)}.",
            cause="After that, Entra ID gives no token and nothing is scheduled.",
            remedy=_NEW_CERTIFICATE,
        )
    return passed(f"The application's certificate is valid until {day(ends)}.")


def sign_in(case: ExaminedIntegration, seen: GraphResult) -> CheckFinding:
    """Judge whether the application gets a token that Microsoft Graph takes.

    The message of a refused token has its remedy: see `identity/oauth/`.
    """
    who = f"The application {one_line(case.application)}"
    if seen.refused == "mailbox_busy":
        return not_checked(one_line(seen.refusal), remedy="Run the check again.")
    if seen.refused in ("sign_in_refused", "sign_in_needed", "mailbox_refused"):
        return failed(
            one_line(seen.refusal),
            cause="Entra ID gives the application no token with these settings.",
            remedy="Correct the fields OAuth client ID, OAuth client secret and OAuth "
            "token endpoint as the message says. The sign-in log of Entra ID has the "
            "attempt under Service principal sign-ins. The commands show which secrets "
            "and certificates the application has, and when they end (Microsoft Graph "
            "PowerShell).",
            commands=graph_remedies.credentials(case),
        )
    if seen.refused:
        return failed(
            one_line(seen.refusal),
            cause="The token endpoint or Microsoft Graph cannot be reached, or is not "
            "trusted.",
            remedy="Check the field OAuth token endpoint, and what stands between this "
            "machine and the internet.",
        )
    if seen.status == 401:
        return failed(
            f"Microsoft Graph does not accept the token of the application "
            f"({one_line(seen.words)}).",
            cause="The token is of another of Microsoft's clouds, the application is "
            "disabled, or a conditional access policy blocks this machine's address.",
            remedy="Check that the fields OAuth token endpoint and Graph API domain "
            "are of the same cloud, that the enterprise application is enabled, and "
            "the policies for workload identities.",
        )
    return passed(f"{who} is signed in.")
