"""Looking at an endpoint, and handing a list over, in a session.

Software differs in what it takes, and no list says which takes what: so each way is
tried in turn, the most likely one first, and what worked is remembered.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pexschedd.onetouch.cisco import bookings_document, bookings_put
from pexschedd.onetouch.cisco.answers import (
    AnswerKind,
    EndpointAnswer,
    is_in_cloud,
    listed_ids,
    meaning,
    system_unit,
)
from pexschedd.onetouch.cisco.session import EndpointSession
from pexschedd.onetouch.pushing.bookings import RoomBooking
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from pexschedd.onetouch.pushing.push_plan import SeenEndpoint
from pexschedd.onetouch.pushing.software import Software, Way, ways_of

_STATUS = "/getxml?location=/Status/"


async def look_at(session: EndpointSession, now: datetime) -> SeenEndpoint:
    """Return what an endpoint says of itself.

    Raises `EndpointProblem`, also for what is no endpoint.
    """
    response = await session.get(_STATUS + "SystemUnit")
    answer = meaning(response)
    unit = system_unit(response.body)
    if unit is None or answer.kind is not AnswerKind.DONE:
        raise _of_answer(answer) or EndpointProblem(
            ProblemKind.REFUSED,
            "it does not answer as an endpoint's API does "
            f"({answer.reason or 'its answer has no SystemUnit'}). "
            "Check its address and port.",
        )
    software = Software(unit.version)
    if software.asks_for_cloud:
        response = await session.get(_STATUS + "Webex/Status")
        software = Software(unit.version, is_in_cloud(response.body))
    started = None if unit.uptime is None else now - timedelta(seconds=unit.uptime)
    return SeenEndpoint(software, unit.product, started)


async def listed_by(session: EndpointSession, days: int) -> frozenset[str] | None:
    """Return the ids of the bookings that an endpoint lists; None if it does not.

    Raises `EndpointProblem`.
    """
    command = bookings_put.list_command(days)
    return listed_ids((await session.post(bookings_put.PATH, command)).body)


async def hand_over(
    session: EndpointSession,
    bookings: Sequence[RoomBooking],
    software: Software,
    proved: str = "",
) -> Way:
    """Replace an endpoint's bookings; return the way that worked.

    `proved` is the way that worked for this software before, or empty. Raises
    `EndpointProblem`.
    """
    refusals: list[EndpointAnswer] = []
    for way in ways_of(software, proved):
        document = _document(way, bookings, software)
        if document is None:
            continue
        answer = meaning(await session.post(*document))
        if answer.kind is AnswerKind.DONE:
            return way
        if answer.kind is AnswerKind.BUSY:
            raise EndpointProblem(ProblemKind.BUSY, f"it is busy: {answer.reason}.")
        refusals.append(answer)
    raise _refused(refusals)


def _document(
    way: Way, bookings: Sequence[RoomBooking], software: Software
) -> tuple[str, bytes] | None:
    """The path and document of a way; None if another way sends the same."""
    if way is Way.DOCUMENT:
        document = bookings_document.bookings_document(bookings)
        return bookings_document.PATH, document
    if way is Way.COMMAND:
        return bookings_put.PATH, bookings_put.put_command(bookings, software)
    if not bookings:
        return bookings_put.PATH, bookings_put.command("Bookings", "Clear", "")
    joinable = [booking for booking in bookings if booking.number]
    if len(joinable) == len(bookings):
        return None
    return bookings_put.PATH, bookings_put.put_command(joinable, software)


def _refused(refusals: Sequence[EndpointAnswer]) -> EndpointProblem:
    """The problem for all the answers: the one that says most."""
    for kind in (AnswerKind.NOT_ALLOWED, AnswerKind.REFUSED):
        for answer in refusals:
            if answer.kind is kind:
                return _of_answer(answer) or EndpointProblem(
                    ProblemKind.REFUSED, f"it refuses its meetings: {answer.reason}."
                )
    reasons = "; ".join(dict.fromkeys(answer.reason for answer in refusals))
    return EndpointProblem(
        ProblemKind.REFUSED,
        "its software knows no command that takes meetings, or not in its present "
        f"mode, such as that for Microsoft Teams or Zoom ({reasons}).",
    )


def _of_answer(answer: EndpointAnswer) -> EndpointProblem | None:
    if answer.kind is AnswerKind.NOT_ALLOWED:
        return EndpointProblem(
            ProblemKind.NOT_ALLOWED,
            f"its account may not do this ({answer.reason}). Give it the role Admin, "
            "and allow local accounts on an endpoint that is registered in the cloud.",
        )
    if answer.kind is AnswerKind.BUSY:
        return EndpointProblem(ProblemKind.BUSY, f"it is busy: {answer.reason}.")
    return None
