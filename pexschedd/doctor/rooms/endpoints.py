"""Judges the endpoints of a deployment, with their rooms and profiles. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from pexschedd.doctor.report import (
    CheckFinding,
    CheckStatus,
    failed,
    not_checked,
    passed,
    warning,
)
from pexschedd.model.onetouch.endpoint import CISCO, POLY, Endpoint
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.pushing.problems import ProblemKind
from pexschedd.onetouch.screen.calendar_processing import (
    ProcessingLoss,
    mending_command,
)
from pexschedd.util.powershell import one_line

MOST_NAMED = 20
READ_LATELY = 3
"""Intervals within which a room should have been read."""
SHORTEST_AGE = 900.0
"""Seconds for which no reading is late, however short the interval."""
ASKED_LATELY = 86_400.0
"""Seconds within which an endpoint that asks by itself should have asked."""
_CREDENTIALS = ProblemKind.CREDENTIALS
_DISPROVED = {
    ProblemKind.UNREACHABLE,
    ProblemKind.UNTRUSTED,
    ProblemKind.CREDENTIALS,
    ProblemKind.SETTINGS,
}
"""Kinds of stored problems that are over when a visit goes well."""


class SeenRoom(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint and its room, with all that is known of them."""

    endpoint: Endpoint
    now: datetime
    interval: float
    """Seconds between two readings of the room."""
    read_at: datetime | None = None
    """The last time that the calendar was read."""
    calendar_problem: str = ""
    losses: tuple[ProcessingLoss, ...] = ()
    state: EndpointState | None = None
    visit: str | None = None
    """The problem of a visit now: a clause about "it"; "" if it went well, None if
    there was none."""


class _Problem(msgspec.Struct, frozen=True):
    message: str
    remedy: str
    is_failure: bool = True
    command: str = ""


def judged(seen: SeenRoom) -> CheckFinding:
    """Judge one endpoint by all that is known of it."""
    problems = [*_of_calendar(seen), *_of_endpoint(seen)]
    if not problems:
        if seen.endpoint.endpoint_type == CISCO and seen.visit is None:
            return not_checked("There was no time for a visit.")
        return passed(_all_is_well(seen))
    first, *others = sorted(problems, key=lambda each: not each.is_failure)
    make = failed if first.is_failure else warning
    return make(
        one_line(first.message),
        cause=f"Its screen, for the room {seen.endpoint.room_resource_email}, may be "
        "without meetings, or show old ones.",
        remedy=first.remedy,
        commands=[each.command for each in problems if each.command],
        details=[one_line(f"{each.message} {each.remedy}") for each in others],
    )


def _all_is_well(seen: SeenRoom) -> str:
    room = f"The calendar of {seen.endpoint.room_resource_email} is read"
    if seen.endpoint.endpoint_type == CISCO:
        return f"{room}, and the endpoint answers."
    if seen.endpoint.endpoint_type == POLY:
        return f"{room}, and the endpoint asks for it."
    return f"{room}. The endpoint itself is not looked at."


def _of_calendar(seen: SeenRoom) -> list[_Problem]:
    room = seen.endpoint.room_resource_email
    found = []
    if seen.calendar_problem:
        remedy = "See the line on rooms' calendars."
        found.append(_Problem(seen.calendar_problem, remedy))
    elif seen.read_at is None:
        text = f"The calendar of {room} was never read since it was configured."
        remedy = "Wait for one interval; then look at the deployment's alarms."
        found.append(_Problem(text, remedy, is_failure=False))
    else:
        age = (seen.now - seen.read_at).total_seconds()
        if age > max(SHORTEST_AGE, READ_LATELY * seen.interval):
            text = (
                f"The calendar of {room} was last read {_duration(age)} ago, instead "
                f"of every {seen.interval:.0f} seconds."
            )
            remedy = "Look at the deployment's alarms: they say what fails."
            found.append(_Problem(text, remedy))
    if seen.losses:
        switches = " and ".join(seen.losses)
        text = f"{room} takes away what a Join button is found in ({switches})."
        command = mending_command(room, seen.losses)
        found.append(_Problem(text, "Run the command.", command=command))
    return found


def _of_endpoint(seen: SeenRoom) -> list[_Problem]:
    endpoint, state = seen.endpoint, seen.state
    if endpoint.endpoint_type == POLY:
        return _of_poly(seen)
    if endpoint.endpoint_type != CISCO:
        return []
    if seen.visit:
        return [_Problem(f"The endpoint was visited: {seen.visit}", _TRY_AGAIN)]
    if state is None or (seen.visit == "" and state.problem_kind in _DISPROVED):
        return []
    if state.problem:
        text = f"The last list could not be brought to the endpoint: {state.problem}"
        return [_Problem(text, _TRY_AGAIN)]
    return []


_TRY_AGAIN = (
    "Do what the message says, then try the endpoint alone, by "
    "command/v1/mjx_endpoint/check/: that sends its list as well."
)


def is_locked_out(state: EndpointState | None) -> bool:
    """Return whether an endpoint has refused its account: it is not asked again, since
    endpoints lock accounts."""
    return state is not None and state.problem_kind == _CREDENTIALS


def _of_poly(seen: SeenRoom) -> list[_Problem]:
    endpoint, state = seen.endpoint, seen.state
    missing = [
        name
        for name in ("poly_username", "poly_password")
        if not getattr(endpoint, name)
    ]
    if missing:
        text = f"The endpoint has no {' and no '.join(missing)}."
        return [_Problem(text, "Enter both here, and the same in the endpoint.")]
    last = state.last_contact_time if state is not None else None
    remedy = (
        "Enter this server as the endpoint's Exchange server, with the account of its "
        "record, and see whether an alarm says that it is refused."
    )
    if last is None:
        text = "The endpoint has never asked for its meetings."
        return [_Problem(text, remedy, is_failure=False)]
    age = (seen.now - last).total_seconds()
    if age > ASKED_LATELY:
        text = f"The endpoint last asked for its meetings {_duration(age)} ago."
        return [_Problem(text, remedy, is_failure=False)]
    return []


def _duration(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:.0f} seconds"


def profile(record: JoinProfile, rules: int, endpoints: int) -> CheckFinding:
    """Judge whether a profile finds anything, and has somewhere to show it."""
    if not rules:
        return warning(
            f"The profile {record.name} has no meeting processing rule.",
            cause="Nothing but addresses in plain text is found in invitations, so "
            "that most meetings are shown without Join.",
            remedy="Add a rule for each conferencing service whose meetings are "
            "joined.",
        )
    if not endpoints:
        return warning(
            f"The profile {record.name} has no endpoint.",
            cause="Nothing is shown anywhere.",
            remedy="Give an endpoint group this profile, and endpoints this group.",
        )
    return passed(
        f"The profile {record.name} has {rules} rules and {endpoints} endpoints."
    )


def without_profile(names: Sequence[str]) -> CheckFinding:
    """Judge the endpoints that have no group, or whose group has no profile."""
    if not names:
        return passed("Every endpoint has a group with a profile.")
    return warning(
        f"{len(names)} endpoints have no group, or one without a profile.",
        cause="Their rooms are not read, by this deployment or another, and nothing is "
        "shown on them.",
        remedy="Give each of them a group, and the group a profile.",
        details=sorted(names)[:MOST_NAMED],
    )


def summary(statuses: Sequence[CheckStatus], endpoints: int) -> CheckFinding:
    """Judge all endpoints of a deployment; `statuses` are those of the ones that were
    looked at."""
    if not endpoints:
        return not_checked("No endpoint belongs to this deployment.")
    bad = statuses.count(CheckStatus.FAILED)
    odd = statuses.count(CheckStatus.WARNING)
    left_out = endpoints - len(statuses)
    note = f" {left_out} more were not looked at." if left_out else ""
    if not bad and not odd:
        text = f"Nothing is wrong with {len(statuses)} of {endpoints} endpoints.{note}"
        return passed(text)
    return warning(
        f"Of {endpoints} endpoints, {bad} do not work and {odd} need a look.{note}",
        cause="Meetings may be missing on their screens.",
        remedy="See the lines on these endpoints.",
    )
