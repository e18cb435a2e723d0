"""Judges notifications and throttling. Pure."""

from pexschedd.doctor import remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.diagnose.mailbox import error_text
from pexschedd.doctor.observations import CallResult
from pexschedd.doctor.report import CheckFinding, passed, warning
from pexschedd.exchange.response_codes import Category, category
from pexschedd.scheduling.alarms import names
from pexschedd.util.powershell import one_line


def throttling(case: ExaminedIntegration, seen: list[CallResult]) -> CheckFinding:
    """Judge the pauses that Exchange asked for, now or by the alarm.

    Never a failure: how much is too little depends on the users.
    """
    commands = remedies.throttling(case)
    if case.online:
        commands = ()
    pauses = [each for each in seen if category(each.code) is Category.THROTTLED]
    statuses = [each for each in seen if each.answered.status in (429, 503)]
    alarm = case.details(names.THROTTLED)
    if not (pauses or statuses or alarm):
        return passed("Exchange did not ask for a pause.")
    longest = max((each.back_off or 0.0 for each in pauses), default=0.0)
    wanted = f" (up to {longest:g} s)" if longest else ""
    return warning(
        f"Exchange asks us to come back later{wanted}."
        + (f" Alarm: {one_line(alarm)[:300]}" if alarm else ""),
        cause="The throttling policy of the service account allows less than is "
        "needed, or the server is overloaded. Organizers are answered late.",
        remedy="Give the service account a policy of its own."
        if commands
        else "Exchange Online has fixed limits: spread users over several "
        "integrations.",
        commands=commands,
    )


def notifications(case: ExaminedIntegration, seen: CallResult) -> CheckFinding:
    """Judge the streaming subscription. Never a failure: polling replaces it."""
    every = case.connector.poll_interval
    if seen.went_well and seen.result:
        return passed("Exchange notifies us of new messages (streaming subscription).")
    reason = error_text(seen) or seen.no_soap or seen.answered.problem or seen.refusal
    return warning(
        f"Exchange does not let us subscribe ({one_line(reason)[:200]}).",
        cause="New messages are noticed only when the mailbox is polled, every "
        f"{every} s.",
        remedy="Raise the limit of subscriptions in the service account's throttling "
        "policy, and allow connections through proxies to stay open. Scheduling works "
        "without subscriptions, too.",
        commands=() if case.online else remedies.throttling(case),
    )
