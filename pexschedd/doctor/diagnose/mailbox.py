"""Judges the account's permissions, and the equipment mailbox itself. Pure."""

from pexschedd.doctor import remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import CallResult, MailboxKind, ResolvedAddress
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed, warning
from pexschedd.exchange.response_codes import Category, category
from pexschedd.util.powershell import one_line, quoted

_IMPERSONATION = (
    "ErrorImpersonateUserDenied",
    "ErrorImpersonationDenied",
    "ErrorImpersonationFailed",
    "ErrorAccessDenied",
)

_NO_MAILBOX = (
    "ErrorNonExistentMailbox",
    "ErrorMissingExchangePrincipal",
    "ErrorInvalidSmtpAddress",
    "ErrorMissingEmailAddress",
    "ErrorInvalidExchangeImpersonationHeaderData",
)


def error_text(seen: CallResult) -> str:
    """Return the code of Exchange's error, with its text; empty without an error."""
    return f"{seen.code}: {seen.text}" if seen.text else seen.code


def impersonation(case: ExaminedIntegration, seen: CallResult) -> CheckFinding:
    """Judge the account's permission to act for the equipment mailbox."""
    mailbox = case.connector.mailbox_address
    who = case.connector.username or case.connector.oauth_client_id or ""
    if seen.code in _IMPERSONATION:
        return failed(
            f"{who} may not act for {mailbox} ({error_text(seen)}).",
            cause="The account lacks the role ApplicationImpersonation, or the role's "
            "scope does not include this mailbox.",
            remedy="The first command shows what is assigned; the last one assigns the "
            "role for all mailboxes. The integration's exchange_setup script assigns "
            "it with a narrower scope. A change takes up to an hour to take effect."
            if not case.online
            else "Assign the application the role with a scope that includes this "
            "mailbox (Exchange Online PowerShell). A change takes up to two hours to "
            "take effect.",
            commands=remedies.impersonation(case),
        )
    if seen.code in _NO_MAILBOX:
        return not_checked("Exchange does not know this mailbox; see below.")
    if category(seen.code) in (Category.THROTTLED, Category.TRANSIENT):
        return not_checked(
            f"Exchange is busy ({error_text(seen)}).", remedy="Run the check again."
        )
    return passed(f"{who} may act for {mailbox}.")


def mailbox(case: ExaminedIntegration, seen: CallResult) -> CheckFinding:
    """Judge the equipment mailbox: it has to exist, by its primary address."""
    address = case.connector.mailbox_address
    if seen.code in _NO_MAILBOX:
        return failed(
            f"There is no mailbox {address} ({error_text(seen)}).",
            cause="The address is misspelt, the mailbox has not been created yet, or "
            "it is in another organization.",
            remedy="Correct the field Mailbox email address, or create the mailbox.",
            commands=(
                (
                    "Get-Mailbox -RecipientTypeDetails EquipmentMailbox,RoomMailbox | "
                    "Format-Table Name,PrimarySmtpAddress"
                ),
                remedies.make_mailbox(case),
            ),
        )
    if seen.code == "ErrorNonPrimarySmtpAddress":
        return failed(
            f"{address} is not the primary address of its mailbox ({seen.text}).",
            cause="Exchange opens a mailbox by its primary address only.",
            remedy="Enter the primary address in the field Mailbox email address.",
            commands=(remedies.look_at_mailbox(case),),
        )
    if category(seen.code) in (Category.THROTTLED, Category.TRANSIENT):
        return not_checked(
            f"Exchange is busy ({error_text(seen)}).", remedy="Run the check again."
        )
    if seen.code in _IMPERSONATION:
        return not_checked("The account may not open it; see above.")
    if seen.code:
        return failed(
            f"The mailbox {address} cannot be opened ({error_text(seen)}).",
            cause="The mailbox exists, but may be disabled, full or being moved.",
            remedy="Check the mailbox with the commands.",
            commands=(
                remedies.look_at_mailbox(case),
                f"Get-MailboxStatistics -Identity {quoted(address)}",
            ),
        )
    return passed(
        f"The mailbox {address} can be opened. Who may send to it cannot be seen from "
        "here: let Exchange take requests of people only who have signed in "
        "(RequireSenderAuthenticationEnabled), as anybody else can write any sender."
    )


_NOT_MAILBOXES = {
    "PublicDL": "a distribution group",
    "PrivateDL": "a distribution list",
    "Contact": "a contact",
    "PublicFolder": "a public folder",
    "GroupMailbox": "a group",
}


def _exactly(address: str, found: list[ResolvedAddress]) -> ResolvedAddress:
    """A directory also returns entries whose address only begins like this one."""
    same = [each for each in found if each.address.casefold() == address.casefold()]
    return same[0] if same else ResolvedAddress(address)


def _other_primary(address: str, found: list[ResolvedAddress]) -> str:
    """The primary address of the one mailbox that was found; empty if it is this
    address, or only begins like it."""
    if len(found) != 1 or found[0].mailbox_type in _NOT_MAILBOXES:
        return ""
    primary = found[0].address
    return "" if primary.casefold().startswith(address.casefold()) else primary


def kind(case: ExaminedIntegration, seen: MailboxKind) -> CheckFinding:
    """Judge the kind of the mailbox, which has to be a resource's.

    EWS does not tell a resource from a person; some of its responses hint at it.
    """
    address = case.connector.mailbox_address
    look = remedies.look_at_mailbox(case)
    entries = seen.asked.result or []
    found = _exactly(address, entries)
    if found.mailbox_type in _NOT_MAILBOXES:
        return failed(
            f"{address} is {_NOT_MAILBOXES[found.mailbox_type]}.",
            cause="Requests that are sent to it do not stay in a mailbox of its own.",
            remedy="Use an equipment (or room) mailbox, and enter its address in the "
            "field Mailbox email address. The last command creates one under another "
            "address.",
            commands=(look, remedies.make_another_mailbox(case)),
        )
    if seen.processing == "AutoUpdate":
        return warning(
            f"{address} looks like a person's mailbox.",
            cause="Exchange enters meeting requests in its calendar "
            "(AutomateProcessing is AutoUpdate), as it does for people but not for "
            "resources. A person's mail would be answered and deleted.",
            remedy="The first command shows what it is: RecipientTypeDetails should be "
            "EquipmentMailbox or RoomMailbox. If it is not, create an equipment "
            "mailbox under another address (the last command does so), and enter that "
            "in the field Mailbox email address.",
            commands=(look, remedies.make_another_mailbox(case)),
        )
    if primary := one_line(_other_primary(address, entries)):
        return warning(
            f"{address} is not the primary address of its mailbox: that is {primary}.",
            cause="Outlook shows the room under its primary address, so the add-in may "
            "take it for missing and invite it again.",
            remedy="Enter the primary address in the field Mailbox email address.",
            commands=(look,),
        )
    return not_checked(
        "Exchange Web Services do not reveal whether it is an equipment mailbox"
        + (f' (it is called "{one_line(found.name)}").' if found.name else "."),
        remedy="The command shows it: RecipientTypeDetails should be EquipmentMailbox "
        "or RoomMailbox.",
        commands=(look,),
    )


def processing(case: ExaminedIntegration, seen: CallResult) -> CheckFinding:
    """Judge AutomateProcessing, which has to be off."""
    commands = remedies.calendar_processing(case)
    if not seen.went_well or not seen.result:
        return not_checked(
            "Exchange does not reveal whether it processes requests automatically.",
            remedy="The second command shows it: AutomateProcessing has to be None; "
            "the first command sets it.",
            commands=commands,
        )
    if seen.result == "AutoAccept":
        return failed(
            "Exchange answers meeting requests itself (AutomateProcessing is "
            "AutoAccept).",
            cause="This is the default for a resource. Meetings are accepted, but no "
            "virtual room is created for them.",
            remedy="Switch automatic processing off.",
            commands=commands,
        )
    if seen.result == "AutoUpdate":
        return warning(
            "Exchange enters meeting requests in the calendar (AutomateProcessing is "
            "AutoUpdate).",
            cause="Requests are still answered by this daemon, but meetings appear in "
            "the calendar before they have a room.",
            remedy="Switch automatic processing off.",
            commands=commands,
        )
    return passed(f"Automatic processing is off ({seen.result}).")


def user(case: ExaminedIntegration, seen: CallResult | None) -> CheckFinding:
    """Judge the account's permission to act for a user of the add-in."""
    if seen is None:
        return not_checked(
            "No user was named, and no organizer is known yet.",
            remedy="Name one: --user someone@example.com, or user in the request.",
        )
    who = case.connector.username or case.connector.oauth_client_id or ""
    if seen.went_well:
        return passed(f"{who} may act for {case.user}.")
    if seen.code in _IMPERSONATION:
        return failed(
            f"{who} may not act for {case.user} ({error_text(seen)}).",
            cause="The role ApplicationImpersonation covers the equipment mailbox, but "
            "not this user. Scheduling works, but joining instructions cannot be sent "
            "afterwards for meetings made while this server was down, nor by "
            "schedulingrecovery.",
            remedy="Widen the scope of the role to the users of the add-in, assign it "
            "for all mailboxes, or accept this limitation.",
            commands=remedies.impersonation(case),
        )
    if seen.code in _NO_MAILBOX or seen.code == "ErrorMailboxLogonFailed":
        return failed(
            f"There is no mailbox {case.user} ({error_text(seen)}).",
            cause="The address is misspelt, or has no mailbox in this organization.",
            remedy="Name another user.",
            commands=(f"Get-Recipient -Identity {quoted(case.user)}",),
        )
    reason = error_text(seen) or seen.no_soap or seen.refusal
    return not_checked(f"Exchange gave no clear answer ({one_line(reason)[:200]}).")
