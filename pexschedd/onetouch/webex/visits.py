"""A visit to a device through the cloud: it is brought its list if there is a reason.

The reasons are those of `pushing.push_plan`. Visits are frequent and mostly ask
nothing: a device is looked at now and then only, for having been restarted. What is
about to be sent is durable before it is sent, so that killed in between the next visit
sends it again.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.onetouch.pushing.bookings import RoomBooking, digest_of
from pexschedd.onetouch.pushing.endpoint_list import ListOf
from pexschedd.onetouch.pushing.endpoint_records import EndpointRecords
from pexschedd.onetouch.pushing.endpoint_states import EndpointStates
from pexschedd.onetouch.pushing.problems import EndpointProblem, ProblemKind
from pexschedd.onetouch.pushing.push_plan import (
    PushReason,
    SeenEndpoint,
    reason_by_look,
    reason_by_record,
    shows_another_room,
)
from pexschedd.onetouch.pushing.software import Software, Way
from pexschedd.onetouch.pushing.visit_report import VisitReport
from pexschedd.onetouch.webex.access import BaseOf, DeviceAccess, access_of
from pexschedd.onetouch.webex.answers import REFUSED, problem_of, uptime_in
from pexschedd.onetouch.webex.cloud import WebexCloud
from pexschedd.onetouch.webex.commands import (
    CLEAR,
    PUT,
    clear_document,
    put_document,
    uptime_path,
)

LOOK_EVERY = 900.0
"""Seconds between two looks at a device: as long may a restarted one be without
buttons."""
_UNSEEN = SeenEndpoint(Software())


class DeviceVisitor:
    """Makes visits, of which there may be only one at a time to a device."""

    def __init__(
        self,
        cloud: WebexCloud,
        states: EndpointStates,
        list_of: ListOf,
        base_of: BaseOf,
        *,
        clock: IReactorTime,
        now: Now,
        chance: Callable[[], float],
    ) -> None:
        self._cloud = cloud
        self._states = states
        self._list_of = list_of
        self._base_of = base_of
        self._clock = clock
        self._now = now
        self._chance = chance
        self._looked: dict[int, float] = {}

    async def visit(self, records: EndpointRecords, asked: bool) -> VisitReport:
        """Visit a device; with `asked`, it is sent its list in any case.

        Raises `EndpointProblem`, and `StoreFull` if nothing can be stored.
        """
        id = records.endpoint.id
        access = access_of(records.endpoint, records.profile, self._base_of)
        # Whoever changes it in the meantime has the device visited again.
        listed, state = self._list_of(id), self._states.of(id)
        bookings = listed.bookings
        if bookings is None and shows_another_room(state, listed.room):
            bookings = ()
        because = PushReason.ASKED if asked else None
        if because is None and bookings is not None:
            digest = digest_of(bookings)
            because = reason_by_record(state, digest, access.address, self._now())
        is_new = asked or because in (PushReason.FIRST, PushReason.ADDRESS)
        is_failing = state is not None and bool(state.problem)
        looks = is_new or self._is_due(id) or (is_failing and because is None)
        seen = await self._look(id, access) if looks else None
        if bookings is None:
            if seen is not None:
                await self._states.was_seen(id)
            return VisitReport(seen=seen or _UNSEEN, because=None, was_read=False)
        if because is None and seen is not None and state is not None:
            because = reason_by_look(state, seen, bookings, self._now())
        if because is None:
            if seen is not None:
                await self._states.was_seen(id)
            return _unchanged(seen, bookings)
        if seen is None:
            seen = _as_before(state)
        digest = digest_of(bookings)
        await self._states.intend(id, access.address, listed.room, digest)
        way = await self._hand_over(access, bookings)
        await self._states.was_sent(id, digest, len(bookings), seen, way, because)
        return VisitReport(seen=seen, because=because, way=way, meetings=len(bookings))

    def _is_due(self, id: int) -> bool:
        """Return whether a device is to be looked at: after a start, one after the
        other."""
        now = self._clock.seconds()
        looked = self._looked.setdefault(id, now - self._chance() * LOOK_EVERY)
        return now - looked >= LOOK_EVERY

    async def _look(self, id: int, access: DeviceAccess) -> SeenEndpoint:
        path = uptime_path(access.device_id)
        answer = await self._cloud.ask(access, "GET", path, None)
        problem = problem_of(answer, access.device_id)
        # It can be sent its meetings without the scope for its state.
        if problem is not None and problem.kind is not ProblemKind.NOT_ALLOWED:
            raise problem
        self._looked[id] = self._clock.seconds()
        uptime = uptime_in(answer) if problem is None else None
        if uptime is None:
            return _UNSEEN
        started = self._now() - timedelta(seconds=uptime)
        return msgspec.structs.replace(_UNSEEN, started=started)

    async def _hand_over(
        self, access: DeviceAccess, bookings: Sequence[RoomBooking]
    ) -> Way:
        """Replace a device's bookings; return the way that worked."""
        refusals: list[EndpointProblem] = []
        for way, path, document in _ways(access.device_id, bookings):
            answer = await self._cloud.ask(access, "POST", path, document)
            problem = problem_of(answer, access.device_id)
            if problem is None:
                return way
            if answer.status not in REFUSED:
                raise problem
            refusals.append(problem)
        raise refusals[0]


def _ways(
    device_id: str, bookings: Sequence[RoomBooking]
) -> Iterator[tuple[Way, str, bytes]]:
    """Yield what to send, the best first: some software takes no empty list, and no
    meeting without a number."""
    yield Way.COMMAND, PUT, put_document(device_id, bookings)
    joinable = [booking for booking in bookings if booking.number]
    if not joinable:
        yield Way.COMMAND_JOINABLE, CLEAR, clear_document(device_id)
    elif len(joinable) < len(bookings):
        yield Way.COMMAND_JOINABLE, PUT, put_document(device_id, joinable)


def _as_before(state: EndpointState | None) -> SeenEndpoint:
    started = state.started if state is not None else None
    return msgspec.structs.replace(_UNSEEN, started=started)


def _unchanged(
    seen: SeenEndpoint | None, bookings: Sequence[RoomBooking]
) -> VisitReport:
    return VisitReport(seen=seen or _UNSEEN, because=None, meetings=len(bookings))
