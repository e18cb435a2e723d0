"""PURE: the service account, and what it may do with the equipment mailbox."""

from pexschedd.doctor import remedies
from pexschedd.doctor.case import Case
from pexschedd.doctor.observations import Asked, Kind, Resolved
from pexschedd.doctor.powershell import one_line, quoted
from pexschedd.doctor.report import Finding, failed, not_checked, passed, warning
from pexschedd.ews.response_codes import Category, category
from pexschedd.scheduling import alarms

_TOKENS = ("OAUTH", "APP_PERM")
_ACCOUNT = {
    "ErrorAccountDisabled": "The account, or that of the mailbox, is disabled.",
    "ErrorPasswordExpired": "The account's password has expired.",
    "ErrorPasswordChangeRequired": "The account has to change its password first.",
}
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


def _said(seen: Asked) -> str:
    return f"{seen.code}: {seen.text}" if seen.text else seen.code


def sign_in(case: Case, seen: Asked) -> Finding:
    connector = case.connector
    who = connector.username or connector.oauth_client_id
    method = connector.authentication_method
    answered = seen.answered
    if seen.refused == "sign_in_needed":
        return failed(
            one_line(seen.refusal),
            cause="Nobody has signed in to the service account yet, or the sign-in "
            "has ended (the password was changed, it was revoked, or it was not used "
            "for 90 days).",
            remedy="Sign in as the service account, in a browser: open "
            f"{_sign_in_page(case)} and follow the link there.",
        )
    if seen.refused:
        return failed(
            one_line(seen.refusal),
            cause="No sign-in to Exchange could be made with these settings.",
            remedy=_SETTINGS.get(method, "Correct the fields of the service account."),
            commands=_look(case),
        )
    if answered.trouble is not None:
        return failed(
            f"{case.host} gave no answer: {answered.problem}.",
            cause="The connection broke while the account signed in.",
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
            f"{case.host} is busy (HTTP {status}): it has not looked at the account.",
            remedy="Run the check again in a while.",
        )
    if seen.code in _ACCOUNT:
        return failed(
            f"{who}: {_said(seen)}.",
            cause=_ACCOUNT[seen.code],
            remedy="Enable the account, or set a new password in Active Directory and "
            "in the field Service account password.",
            commands=(*remedies.look_at_account(case), *remedies.new_password(case)),
        )
    if not seen.is_soap:
        return failed(
            f"{case.host} does not answer as Exchange does ({seen.no_soap}).",
            cause="After the sign-in something else answers: a sign-in page of a "
            "reverse proxy, or a web server that is not Exchange.",
            remedy="Exempt the path /EWS from pre-authentication in the reverse proxy, "
            "and check the field EWS URL.",
            commands=("Get-WebServicesVirtualDirectory | Format-List Server,*Url",),
        )
    return passed(f"{who} is signed in with {method}.")


_APPLICATION = (
    "Correct the fields OAuth client ID, OAuth client secret and OAuth token endpoint. "
    "A secret or certificate expires after two years at the most: make a new one in "
    "the app registration (Certificates & secrets)."
)
_SETTINGS = {
    "OAUTH": _APPLICATION,
    "APP_PERM": _APPLICATION,
    "KERBEROS": "Correct the service account's name and password, and the fields "
    "Kerberos realm, Kerberos KDC and Exchange service principal name. The clocks may "
    "differ by 5 minutes at the most. The commands look at the account and at who has "
    "Exchange's name.",
}


def _look(case: Case) -> tuple[str, ...]:
    match case.connector.authentication_method:
        case "KERBEROS":
            spn = case.connector.kerberos_exchange_spn or f"HTTP/{case.host}"
            return (*remedies.look_at_account(case), f"setspn -Q {quoted(spn)}")
        case "BASIC" | "NTLM":
            return remedies.look_at_account(case)
    return ()


def _sign_in_page(case: Case) -> str:
    """On this server, which the redirect URI leads to."""
    base = case.connector.oauth_redirect_uri.removesuffix("oauth_redirect/")
    return f"{base}{case.connector.id}/sign_in/"


def _not_signed_in(case: Case, seen: Asked, who: str) -> Finding:
    diagnostics = one_line(seen.answered.header("x-ms-diagnostics"))[:300]
    if case.connector.authentication_method in _TOKENS:
        return failed(
            f"Exchange does not accept the access token of {who} (HTTP 401)."
            + (f" It says: {diagnostics}" if diagnostics else ""),
            cause="The token is for another resource, or the application has no "
            "permission for EWS.",
            remedy="Check the application's permissions (EWS.AccessAsUser.All, or the "
            "role Application EWS.AccessAsApp) and that an administrator has "
            "consented.",
            commands=remedies.impersonation(case) if case.online else (),
        )
    return failed(
        f"{case.host} does not let the account {who} sign in (HTTP 401).",
        cause="The user name or the password is wrong, or the account is disabled, "
        "locked or expired: Exchange does not say which.",
        remedy="Correct the fields Service account username (name@example.com or "
        "EXAMPLE\\name) and Service account password; look at the account with the "
        "first command, unlock it with the second, set a new password with the third "
        "(Active Directory module).",
        commands=(*remedies.look_at_account(case), *remedies.new_password(case)),
    )


def _forbidden(case: Case, who: str) -> Finding:
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
        remedy="Look with the Get commands, then enable what is disabled. The last "
        "command only if a policy is enforced.",
        commands=remedies.allow_ews(case),
    )


def impersonation(case: Case, seen: Asked) -> Finding:
    mailbox = case.connector.room_mailbox_email_address
    who = case.connector.username or case.connector.oauth_client_id
    if seen.code in _IMPERSONATION:
        return failed(
            f"{who} may not act for {mailbox} ({_said(seen)}).",
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
            f"Exchange is busy ({_said(seen)}).", remedy="Run the check again."
        )
    return passed(f"{who} may act for {mailbox}.")


def mailbox(case: Case, seen: Asked) -> Finding:
    address = case.connector.room_mailbox_email_address
    if seen.code in _NO_MAILBOX:
        return failed(
            f"There is no mailbox {address} ({_said(seen)}).",
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
            f"Exchange is busy ({_said(seen)}).", remedy="Run the check again."
        )
    if seen.code in _IMPERSONATION:
        return not_checked("The account may not look into it; see above.")
    if seen.code:
        return failed(
            f"The mailbox {address} cannot be opened ({_said(seen)}).",
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


def kind(case: Case, seen: Kind) -> Finding:
    """EWS does not tell a resource from a person, but some of what it says does."""
    address = case.connector.room_mailbox_email_address
    look = remedies.look_at_mailbox(case)
    found: Resolved = next(iter(seen.asked.result or ()), Resolved(address))
    if found.mailbox_type in _NOT_MAILBOXES:
        return failed(
            f"{address} is {_NOT_MAILBOXES[found.mailbox_type]}.",
            cause="Requests that are sent to it do not stay in a mailbox of its own.",
            remedy="Use an equipment (or room) mailbox: put its address into the field "
            "Mailbox email address.",
            commands=(look, remedies.make_mailbox(case)),
        )
    if seen.processing == "AutoUpdate":
        return warning(
            f"{address} looks like a person's mailbox.",
            cause="Exchange notes its requests in the calendar (AutomateProcessing is "
            "AutoUpdate), which is what people's mailboxes do and resources' do not. "
            "A person's mail would be answered and deleted.",
            remedy="The first command says what it is: RecipientTypeDetails should be "
            "EquipmentMailbox or RoomMailbox. If not, make an equipment mailbox.",
            commands=(look, remedies.make_mailbox(case)),
        )
    return not_checked(
        "Exchange Web Services do not say whether it is an equipment mailbox"
        + (f' (it is called "{one_line(found.name)}").' if found.name else "."),
        remedy="The command says it: RecipientTypeDetails should be EquipmentMailbox "
        "or RoomMailbox.",
        commands=(look,),
    )


def processing(case: Case, seen: Asked) -> Finding:
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


def user(case: Case, seen: Asked | None) -> Finding:
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
            f"{who} may not act for {case.user} ({_said(seen)}).",
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
            f"There is no mailbox {case.user} ({_said(seen)}).",
            cause="The address is misspelt, or belongs to nobody with a mailbox here.",
            remedy="Name another user.",
            commands=(f"Get-Recipient -Identity {quoted(case.user)}",),
        )
    reason = _said(seen) or seen.no_soap or seen.refusal
    return not_checked(f"Exchange gave no clear answer ({one_line(reason)[:200]}).")


def throttling(case: Case, seen: list[Asked]) -> Finding:
    """A hint and never a failure: what is too little depends on what users do."""
    commands = remedies.throttling(case)
    if case.online:
        commands = ()
    pauses = [each for each in seen if category(each.code) is Category.THROTTLED]
    statuses = [each for each in seen if each.answered.status in (429, 503)]
    alarm = case.details(alarms.THROTTLED)
    if not (pauses or statuses or alarm):
        return passed("Exchange asked for no pause.")
    longest = max((each.back_off or 0.0 for each in pauses), default=0.0)
    wanted = f" (up to {longest:g} s)" if longest else ""
    return warning(
        f"Exchange asks us to come back later{wanted}."
        + (f" Alarm: {one_line(alarm)[:300]}" if alarm else ""),
        cause="The throttling policy of the service account allows less than is "
        "needed, or the server is overloaded. Answers to organizers are late.",
        remedy="Give the service account a policy of its own."
        if commands
        else "Exchange Online has fixed limits: spread users over several "
        "integrations.",
        commands=commands,
    )


def notifications(case: Case, seen: Asked) -> Finding:
    every = case.connector.poll_interval
    if seen.went_well and seen.result:
        return passed("Exchange tells us of new messages (streaming subscription).")
    reason = _said(seen) or seen.no_soap or seen.answered.problem or seen.refusal
    return warning(
        f"Exchange does not let us subscribe ({one_line(reason)[:200]}).",
        cause="New messages are seen only when the mailbox is looked at, every "
        f"{every} s.",
        remedy="Raise the limit of subscriptions in the service account's throttling "
        "policy, and let connections stay open through proxies. Scheduling works "
        "without.",
        commands=() if case.online else remedies.throttling(case),
    )
