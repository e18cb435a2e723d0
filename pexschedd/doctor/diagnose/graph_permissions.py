"""Judges what the application may do over Microsoft Graph, each permission by itself.
Pure.

A refusal is judged by its code or its status, never by its text. "Not there" is a good
answer to a request that tries to change what is not there: the permission was looked at
first.
"""

from pexschedd.doctor import graph_remedies, remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import GraphResult
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed, warning
from pexschedd.util.powershell import one_line, quoted

NO_MAILBOX = ("errorinvaliduser", "request_resourcenotfound", "resourcenotfound")
NOT_ONLINE = "mailboxnotenabledforrestapi"

_BUSY = (423, 429, 500, 502, 503, 504, 509)
_NOT_THERE = (400, 404, 409, 412)

_ASSIGN = (
    "The application needs the role with a scope that includes the mailbox (RBAC for "
    "Applications, Exchange Online PowerShell): the commands show what it has, make "
    "it known to Exchange (object id of the enterprise application, not that of the "
    "app registration), make a scope and assign the role. Skip what is there. The "
    "integration's exchange_setup script does all of it. A change takes up to two "
    "hours to work, though the first command tells of it at once. Remove a consent to "
    "the same permission in Entra ID: it is for all mailboxes, whatever the scope."
)


def mailbox(case: ExaminedIntegration, seen: GraphResult) -> CheckFinding:
    """Judge the equipment mailbox: it has to exist, in Exchange Online."""
    address = case.connector.mailbox_address
    said = one_line(seen.words)
    if seen.code == NOT_ONLINE:
        return failed(
            f"Microsoft Graph does not reach the mailbox {address} ({said}).",
            cause="It is on an Exchange server on-premises, as some are in a hybrid "
            "organization; or it has no licence that it needs, or is inactive.",
            remedy="Set mailbox_protocol to EWS if it is to stay on-premises; else "
            "move it to Exchange Online. The command shows where it is.",
            commands=(
                f"Get-Recipient -Identity {quoted(address)} | Format-List *Type*",
            ),
        )
    if seen.code in NO_MAILBOX:
        return failed(
            f"There is no mailbox {address} ({said}).",
            cause="The address is misspelt, is not that by which Entra ID knows the "
            "mailbox (its user principal name), or is of another tenant than the "
            "token endpoint.",
            remedy="Correct the field Mailbox email address or OAuth token endpoint, "
            "or create the mailbox.",
            commands=(
                (
                    f"Get-Mailbox -Identity {quoted(address)} | Format-List "
                    "RecipientTypeDetails,PrimarySmtpAddress,UserPrincipalName"
                ),
                remedies.make_mailbox(case),
            ),
        )
    if is_denied(seen):
        return not_checked("The application may not open it; see below.")
    if not seen.went_well:
        return unclear(seen)
    return passed(
        f"The mailbox {address} can be opened. Who may send to it cannot be seen from "
        "here: let Exchange take requests of people only who have signed in "
        "(RequireSenderAuthenticationEnabled), as anybody else can write any sender."
    )


def mail_read(case: ExaminedIntegration, seen: GraphResult) -> CheckFinding:
    """Judge Mail.Read: messages have to come with body and extended properties."""
    if is_denied(seen):
        return _missing(case, seen, "Mail.Read", "No meeting request can be read.")
    if not seen.went_well:
        return unclear(seen)
    sample = seen.result
    if not sample.id:
        return passed(
            "Messages can be read. As there is none, it cannot be seen whether they "
            "come with bodies and extended properties."
        )
    lacking = [
        name
        for name, is_there in (
            ("body", sample.has_body),
            ("extended properties", sample.has_extended_property),
        )
        if not is_there
    ]
    if lacking:
        return failed(
            f"Messages come without {' and '.join(lacking)}.",
            cause="The application has Mail.ReadBasic, which hides them, and no more. "
            "Without them a request cannot be recognised.",
            remedy=_ASSIGN,
            commands=graph_remedies.grant(case, "Mail.ReadWrite"),
        )
    return passed("Messages can be read, with bodies and extended properties.")


def mail_write(case: ExaminedIntegration, seen: GraphResult) -> CheckFinding:
    """Judge Mail.ReadWrite."""
    if is_denied(seen):
        what = "Messages that are dealt with cannot be taken out of the mailbox."
        return _missing(case, seen, "Mail.ReadWrite", what)
    if seen.went_well or _is_not_there(seen):
        return passed("Messages can be changed and taken away.")
    return unclear(seen)


def calendars(case: ExaminedIntegration, seen: GraphResult) -> CheckFinding:
    """Judge Calendars.ReadWrite for the equipment mailbox."""
    if is_denied(seen):
        what = "Meetings can neither be accepted nor declined."
        return _missing(case, seen, "Calendars.ReadWrite", what)
    if seen.went_well or _is_not_there(seen):
        return passed("Meetings in the mailbox's calendar can be answered.")
    return unclear(seen)


def mail_send(case: ExaminedIntegration, _: object) -> CheckFinding:
    """Tell how Mail.Send can be looked at: only sending a mail would try it."""
    use = "for mails to organizers whose request cannot be answered as a meeting"
    if case.connector.graph_answer_method == "MAIL":
        use = "for every answer (graph_answer_method is MAIL)"
    return not_checked(
        f"Mail.Send, which is needed {use}, cannot be tried without sending a mail.",
        remedy="The first command shows whether the application has the role: InScope "
        "has to be True beside Application Mail.Send. The others assign it, as the "
        "integration's exchange_setup script does.",
        commands=graph_remedies.grant(case, "Mail.Send"),
    )


def user(case: ExaminedIntegration, seen: GraphResult | None) -> CheckFinding:
    """Judge Calendars.ReadWrite for an organizer."""
    if seen is None:
        return not_checked(
            "No user was named, and no organizer is known yet.",
            remedy="Name one: --user someone@example.com, or user in the request.",
        )
    said = one_line(seen.words)
    if is_denied(seen):
        return failed(
            f"The application may not change meetings of {case.user} ({said}).",
            cause="It has no role Application Calendars.ReadWrite whose scope includes "
            "this user. Scheduling works, but joining instructions cannot be sent "
            "afterwards for meetings made while this server was down, nor by "
            "schedulingrecovery.",
            remedy="Assign the role with a scope over the users of the add-in, as the "
            "commands do for all users and the integration's exchange_setup script "
            "for those of a group, or accept this limitation. A change takes up to two "
            "hours to work.",
            commands=graph_remedies.grant_organizers(case),
        )
    if seen.code == NOT_ONLINE:
        return warning(
            f"Microsoft Graph does not reach the mailbox of {case.user} ({said}).",
            cause="In a hybrid organization it is on a server on-premises, or it has "
            "no licence. Joining instructions cannot be sent afterwards for this "
            "user's meetings.",
            remedy="Move the mailbox to Exchange Online, or accept this limitation.",
            commands=(
                f"Get-Recipient -Identity {quoted(case.user)} | Format-List *Type*",
            ),
        )
    if seen.code in NO_MAILBOX:
        return failed(
            f"There is no mailbox {case.user} ({said}).",
            cause="The address is misspelt, is no user principal name, or has no "
            "mailbox in this tenant.",
            remedy="Name another user.",
            commands=(f"Get-Recipient -Identity {quoted(case.user)}",),
        )
    if seen.went_well or _is_not_there(seen):
        return passed(f"The application may change meetings of {case.user}.")
    return unclear(seen)


def is_denied(seen: GraphResult) -> bool:
    """Return whether the application lacks the permission for what it asked."""
    return seen.status == 403


def _is_not_there(seen: GraphResult) -> bool:
    mailbox_is_the_reason = seen.code in NO_MAILBOX or seen.code == NOT_ONLINE
    return seen.status in _NOT_THERE and not mailbox_is_the_reason


def unclear(seen: GraphResult) -> CheckFinding:
    """Return the finding of an answer that tells nothing about what was tried."""
    said = one_line(seen.words)[:300]
    if seen.status in _BUSY or seen.refused == "mailbox_busy":
        return not_checked(
            f"Microsoft Graph is busy ({said}).", remedy="Run the check again."
        )
    return not_checked(f"Microsoft Graph gave no clear answer ({said}).")


def _missing(
    case: ExaminedIntegration, seen: GraphResult, permission: str, consequence: str
) -> CheckFinding:
    address = case.connector.mailbox_address
    role = "Mail.ReadWrite" if permission == "Mail.Read" else permission
    return failed(
        f"The application has no permission {permission} for {address} "
        f"({one_line(seen.words)}).",
        cause=f"It lacks the role Application {role}, its scope does not include the "
        "mailbox, an application access policy of Exchange closes the mailbox, or the "
        f"role was assigned less than two hours ago. {consequence}",
        remedy=_ASSIGN,
        commands=(*graph_remedies.grant(case, role), *graph_remedies.consents(case)),
    )
