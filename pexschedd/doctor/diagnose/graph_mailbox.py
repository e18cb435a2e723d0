"""Judges the equipment mailbox that Microsoft Graph reaches: its kind, what Exchange
does with requests, and how new ones are noticed. Pure."""

from collections.abc import Sequence
from ipaddress import ip_address

from pexschedd.doctor import graph_remedies, remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.graph_permissions import is_denied, unclear
from pexschedd.doctor.observations import (
    GraphResult,
    HostAddresses,
    ProcessingTraces,
    RequestTrace,
)
from pexschedd.doctor.report import CheckFinding, failed, not_checked, passed, warning
from pexschedd.scheduling.alarms import names
from pexschedd.util.powershell import one_line

PATIENCE = 300.0
"""Seconds after which Exchange has entered a request in the calendar, if it does."""

_RESOURCES = ("equipment", "room")
_UNANSWERED = ("notresponded", "tentativelyaccepted", "none")
_ANSWERED = ("accepted", "declined")

_LEAVES_ANSWERS = (
    "Exchange enters requests in the calendar and leaves the answer to us "
    "(AutomateProcessing AutoUpdate)."
)
_LOSES = (
    "What that loses: meetings are not in the mailbox's calendar, so the audit has "
    "nothing to compare, and every answer is a mail that takes Mail.Send."
)
_VISIBLE = (
    "Exchange hides updates of meetings that are answered already, such as a change of "
    "the text alone: they go to Deleted Items, where this daemon looks, too. So the "
    "organization's setting VisibleMeetingUpdateProperties may stay as it is."
)


def kind(case: ExaminedIntegration, seen: GraphResult) -> CheckFinding:
    """Judge the kind of the mailbox, which has to be a resource's."""
    address = case.connector.mailbox_address
    look = remedies.look_at_mailbox(case)
    if is_denied(seen):
        return warning(
            f"The application has no permission MailboxSettings.Read for {address} "
            f"({one_line(seen.words)}), so its kind cannot be seen.",
            cause="Scheduling works without. A person's mail would be answered and "
            "deleted.",
            remedy="The first command shows the kind: RecipientTypeDetails should be "
            "EquipmentMailbox or RoomMailbox. The others assign the role Application "
            "MailboxSettings.Read; that takes up to two hours to work.",
            commands=(look, *graph_remedies.grant(case, "MailboxSettings.Read")),
        )
    if not seen.went_well:
        return unclear(seen)
    purpose = one_line(str(seen.result))[:40].casefold()
    if purpose in _RESOURCES:
        return passed(f"{address} is the mailbox of a resource ({purpose}).")
    if not purpose:
        return not_checked(
            "Microsoft Graph does not say what kind of mailbox it is.",
            remedy="The command shows it: RecipientTypeDetails should be "
            "EquipmentMailbox or RoomMailbox.",
            commands=(look,),
        )
    return warning(
        f"{address} is not the mailbox of a resource (userPurpose is {purpose}).",
        cause="A person's mail would be answered and deleted.",
        remedy="If it is a person's or a shared mailbox, create an equipment mailbox "
        "under another address (the last command does so), and enter that in the field "
        "Mailbox email address.",
        commands=(look, remedies.make_another_mailbox(case)),
    )


def processing(case: ExaminedIntegration, seen: GraphResult) -> CheckFinding:
    """Judge AutomateProcessing: by what EWS tells, else by the audit's alarm and by its
    traces, as Graph does not tell it.

    The answer to a meeting needs its event, which Exchange makes with AutoUpdate. With
    answers by mail there may be none.
    """
    commands = remedies.calendar_processing(case)
    if case.processing == "None":
        return _no_events(case)
    if case.processing == "AutoUpdate":
        return passed(_LEAVES_ANSWERS)
    if case.processing == "AutoAccept":
        return failed(
            "Exchange answers meeting requests itself (AutomateProcessing is "
            "AutoAccept).",
            cause="This is the default for a resource. Meetings are accepted, but no "
            "virtual room is created for them.",
            remedy="Set automatic processing to AutoUpdate.",
            commands=commands,
        )
    alarm = case.details(names.AUTOMATIC)
    if alarm:
        return failed(
            "By the alarm Exchange answers meeting requests itself (AutomateProcessing "
            "AutoAccept): " + one_line(alarm)[:300],
            cause="This is the default for a resource. Meetings are accepted, but no "
            "virtual room is created for them.",
            remedy="Set automatic processing to AutoUpdate, unless the second command "
            "shows that it is by now: the next audit lowers the alarm.",
            commands=commands,
        )
    if not seen.went_well:
        return unclear(seen)
    traces: ProcessingTraces = seen.result
    requests = traces.requests
    if _any_response(requests, _UNANSWERED):
        return passed(_LEAVES_ANSWERS)
    if any(each.has_event and _is_old(each) for each in requests) and _any_response(
        requests, _ANSWERED
    ):
        return warning(
            "A request lies in the inbox whose meeting is answered already.",
            cause="Exchange answers requests itself (AutomateProcessing AutoAccept, "
            "the default for a resource), a person or another program does, or this "
            "daemon was interrupted between answer and removal.",
            remedy="Set automatic processing to AutoUpdate, unless the second command "
            "shows that it is. " + _VISIBLE,
            commands=commands,
        )
    if any(not each.has_event and _is_old(each) for each in requests):
        return _no_events(case)
    if any(each.casefold() in _UNANSWERED for each in traces.responses):
        return passed(
            "Meetings lie unanswered in the calendar, as AutomateProcessing AutoUpdate "
            "has it."
        )
    wanted = "AutoUpdate"
    if _answers_by_mail(case):
        wanted = "AutoUpdate, or None as answers are mails"
    return not_checked(
        "Microsoft Graph does not reveal whether Exchange processes requests "
        "automatically, and no request lies in the inbox that would show it.",
        remedy=f"The first command shows it: AutomateProcessing has to be {wanted}. If "
        f"it is not, the second command sets AutoUpdate. {_VISIBLE}",
        commands=tuple(reversed(commands)),
    )


def _no_events(case: ExaminedIntegration) -> CheckFinding:
    if _answers_by_mail(case):
        return passed(
            "Exchange does not enter requests in the calendar (AutomateProcessing "
            f"None), which is possible as answers are mails. {_LOSES}"
        )
    return failed(
        "Exchange does not enter requests in the calendar (AutomateProcessing is "
        "None).",
        cause="Microsoft Graph answers meetings in the calendar and not messages: "
        "without an event no request can be accepted or declined.",
        remedy="Set automatic processing to AutoUpdate. If the mailbox has to stay "
        f"without any, set graph_answer_method to MAIL. {_LOSES}",
        commands=remedies.calendar_processing(case),
    )


def _answers_by_mail(case: ExaminedIntegration) -> bool:
    return case.connector.graph_answer_method == "MAIL"


def _is_old(request: RequestTrace) -> bool:
    return request.age > PATIENCE


def _any_response(requests: Sequence[RequestTrace], responses: Sequence[str]) -> bool:
    return any(
        each.has_event and each.response.casefold() in responses for each in requests
    )


def notifications(case: ExaminedIntegration, seen: HostAddresses) -> CheckFinding:
    """Judge how new messages are noticed: never a failure, as polling always works."""
    connector = case.connector
    every = f"every {connector.poll_interval} s"
    if connector.graph_notification_method != "WEBHOOK":
        return passed(
            f"The mailbox is looked at {every}, which is sooner than the minute that "
            "Microsoft promises for webhooks."
        )
    if seen.found and not any(_is_public(each) for each in seen.found):
        return warning(
            f"{seen.host} is {', '.join(seen.found)} here, which the internet does not "
            "reach.",
            cause="Microsoft 365 has to reach the add-in's address from the internet "
            f"to tell of new messages. Until then the mailbox is looked at {every}.",
            remedy="Make the name lead to this server from the internet (the name may "
            "lead elsewhere there), or set graph_notification_method to POLL.",
        )
    return not_checked(
        f"Whether Microsoft 365 reaches https://{connector.addin_server_domain}/ from "
        "the internet cannot be seen from here.",
        remedy="Where Microsoft 365 refuses the subscription, the log says why "
        "(listener gets no notifications), and the metrics have polling and not "
        f"webhook. Until there is one, the mailbox is looked at {every}.",
    )


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def throttling(case: ExaminedIntegration, seen: list[GraphResult]) -> CheckFinding:
    """Judge the pauses that Graph asked for, now or by the alarm. Never a failure."""
    pauses = [
        each.problem
        for each in seen
        if each.problem is not None and each.status in (429, 503, 509)
    ]
    alarm = case.details(names.THROTTLED)
    if not (pauses or alarm):
        return passed("Microsoft Graph did not ask for a pause.")
    longest = max((each.retry_after or 0.0 for each in pauses), default=0.0)
    wanted = f" (up to {longest:g} s)" if longest else ""
    return warning(
        f"Microsoft Graph asks us to come back later{wanted}."
        + (f" Alarm: {one_line(alarm)[:300]}" if alarm else ""),
        cause="An application may ask 10,000 times in ten minutes for one mailbox, and "
        "four times at once; 30 answers a minute can be sent. Organizers are answered "
        "late.",
        remedy="These limits are fixed: spread users over several integrations, each "
        "with an equipment mailbox of its own.",
    )
