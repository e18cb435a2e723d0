"""PURE: what the account may do, and the equipment mailbox itself."""

from pexschedd.doctor import remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import CallResult, MailboxKind, ResolvedAddress
from pexschedd.doctor.powershell import one_line, quoted
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed, warning
from pexschedd.ews.response_codes import Category, category

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


def said(seen: CallResult) -> str:
    return f"{seen.code}: {seen.text}" if seen.text else seen.code


def impersonation(case: ExaminedIntegration, seen: CallResult) -> CheckFinding:
    mailbox = case.connector.room_mailbox_email_address
    who = case.connector.username or case.connector.oauth_client_id
    if seen.code in _IMPERSONATION:
        return failed(
            f"{who} may not act for {mailbox} ({said(seen)}).",
            cause="The account lacks the role ApplicationImpersonation, or the role's "
            "scope does not include this mailbox.",
            remedy="The first command shows what is assigned; the last one assigns the "
            "role for all mailboxes. The integration's exchange_setup has it with a "
            "narrower scope. A change takes up to an hour to work."
            if not case.online
            else "Assign the application the role with a scope that includes this "
            "mailbox (Exchange Online PowerShell). A change takes up to two hours.",
            commands=remedies.impersonation(case),
        )
    if seen.code in _NO_MAILBOX:
        return not_checked("Exchange knows no such mailbox; see below.")
    if category(seen.code) in (Category.THROTTLED, Category.TRANSIENT):
        return not_checked(
            f"Exchange is busy ({said(seen)}).", remedy="Run the check again."
        )
    return passed(f"{who} may act for {mailbox}.")


def mailbox(case: ExaminedIntegration, seen: CallResult) -> CheckFinding:
    address = case.connector.room_mailbox_email_address
    if seen.code in _NO_MAILBOX:
        return failed(
            f"There is no mailbox {address} ({said(seen)}).",
            cause="The address is misspelt, the mailbox was not made yet, or it is in "
            "another organization.",
            remedy="Correct the field Mailbox email address, or make the mailbox.",
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
            remedy="Put the primary address into the field Mailbox email address.",
            commands=(remedies.look_at_mailbox(case),),
        )
    if category(seen.code) in (Category.THROTTLED, Category.TRANSIENT):
        return not_checked(
            f"Exchange is busy ({said(seen)}).", remedy="Run the check again."
        )
    if seen.code in _IMPERSONATION:
        return not_checked("The account may not look into it; see above.")
    if seen.code:
        return failed(
            f"The mailbox {address} cannot be opened ({said(seen)}).",
            cause="The mailbox is there, but not in order: disabled, full, or being "
            "moved.",
            remedy="Look at the mailbox.",
            commands=(
                remedies.look_at_mailbox(case),
                f"Get-MailboxStatistics -Identity {quoted(address)}",
            ),
        )
    return passed(f"The mailbox {address} can be opened.")


_NOT_MAILBOXES = {
    "PublicDL": "a distribution group",
    "PrivateDL": "a distribution list",
    "Contact": "a contact",
    "PublicFolder": "a public folder",
    "GroupMailbox": "a group",
}


def _exactly(address: str, found: list[ResolvedAddress]) -> ResolvedAddress:
    """A directory also finds those whose address begins like this one."""
    same = [each for each in found if each.address.casefold() == address.casefold()]
    return same[0] if same else ResolvedAddress(address)


def kind(case: ExaminedIntegration, seen: MailboxKind) -> CheckFinding:
    """EWS does not tell a resource from a person, but some of what it says does."""
    address = case.connector.room_mailbox_email_address
    look = remedies.look_at_mailbox(case)
    found = _exactly(address, seen.asked.result or [])
    if found.mailbox_type in _NOT_MAILBOXES:
        return failed(
            f"{address} is {_NOT_MAILBOXES[found.mailbox_type]}.",
            cause="Requests that are sent to it do not stay in a mailbox of its own.",
            remedy="Use an equipment (or room) mailbox: put its address into the field "
            "Mailbox email address. The last command makes one, by another address.",
            commands=(look, remedies.make_another_mailbox(case)),
        )
    if seen.processing == "AutoUpdate":
        return warning(
            f"{address} looks like a person's mailbox.",
            cause="Exchange notes its requests in the calendar (AutomateProcessing is "
            "AutoUpdate), which is what people's mailboxes do and resources' do not. "
            "A person's mail would be answered and deleted.",
            remedy="The first command says what it is: RecipientTypeDetails should be "
            "EquipmentMailbox or RoomMailbox. If not, make an equipment mailbox, by "
            "another address, and put that into the field Mailbox email address.",
            commands=(look, remedies.make_another_mailbox(case)),
        )
    return not_checked(
        "Exchange Web Services do not say whether it is an equipment mailbox"
        + (f' (it is called "{one_line(found.name)}").' if found.name else "."),
        remedy="The command says it: RecipientTypeDetails should be EquipmentMailbox "
        "or RoomMailbox.",
        commands=(look,),
    )


def processing(case: ExaminedIntegration, seen: CallResult) -> CheckFinding:
    commands = remedies.calendar_processing(case)
    if not seen.went_well or not seen.result:
        return not_checked(
            "Exchange does not say what it does with requests by itself.",
            remedy="The second command says it: AutomateProcessing has to be None; "
            "the first sets it.",
            commands=commands,
        )
    if seen.result == "AutoAccept":
        return failed(
            "Exchange answers meeting requests by itself (AutomateProcessing is "
            "AutoAccept).",
            cause="This is the default of a resource. Meetings are accepted, but no "
            "room is made for them.",
            remedy="Switch automatic processing off.",
            commands=commands,
        )
    if seen.result == "AutoUpdate":
        return warning(
            "Exchange notes meeting requests in the calendar (AutomateProcessing is "
            "AutoUpdate).",
            cause="Requests are still answered by us, but meetings appear in the "
            "calendar before they have a room.",
            remedy="Switch automatic processing off.",
            commands=commands,
        )
    return passed(f"Automatic processing is off ({seen.result}).")


def user(case: ExaminedIntegration, seen: CallResult | None) -> CheckFinding:
    if seen is None:
        return not_checked(
            "No user was named, and no organizer is known yet.",
            remedy="Name one: --user someone@example.com, or user in the request.",
        )
    who = case.connector.username or case.connector.oauth_client_id
    if seen.went_well:
        return passed(f"{who} may act for {case.user}.")
    if seen.code in _IMPERSONATION:
        return failed(
            f"{who} may not act for {case.user} ({said(seen)}).",
            cause="The role ApplicationImpersonation covers the equipment mailbox, but "
            "not this user. Scheduling works; joining instructions cannot be sent "
            "later for meetings made while this server was away, nor by "
            "schedulingrecovery.",
            remedy="Widen the scope of the role to the users of the add-in, or assign "
            "it for all mailboxes, or accept what is lost.",
            commands=remedies.impersonation(case),
        )
    if seen.code in _NO_MAILBOX or seen.code == "ErrorMailboxLogonFailed":
        return failed(
            f"There is no mailbox {case.user} ({said(seen)}).",
            cause="The address is misspelt, or belongs to nobody with a mailbox here.",
            remedy="Name another user.",
            commands=(f"Get-Recipient -Identity {quoted(case.user)}",),
        )
    reason = said(seen) or seen.no_soap or seen.refusal
    return not_checked(f"Exchange gave no clear answer ({one_line(reason)[:200]}).")
