"""A visit to an endpoint: look at it, and bring it its list if there is a reason.

What is about to be sent is durable before it is sent, and that it was sent is recorded
afterwards. Killed in between, the next visit sends the list again: it replaces all
bookings, so that does no harm.
"""

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from pexschedd.clock import Now
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.onetouch.cisco.access import EndpointAccess
from pexschedd.onetouch.cisco.delivery import hand_over, listed_by, look_at
from pexschedd.onetouch.cisco.session import EndpointSession
from pexschedd.onetouch.pushing.bookings import RoomBooking, digest_of
from pexschedd.onetouch.pushing.endpoint_list import EndpointList, ListOf
from pexschedd.onetouch.pushing.endpoint_states import EndpointStates
from pexschedd.onetouch.pushing.push_plan import (
    PushReason,
    SeenEndpoint,
    days_to_list,
    reason_by_look,
    reason_by_record,
    shows_another_room,
)
from pexschedd.onetouch.pushing.software import Way
from pexschedd.onetouch.pushing.visit_report import VisitReport

OpenSession = Callable[[EndpointAccess], EndpointSession]


class EndpointVisitor:
    """Makes visits, of which there may be only one at a time to an endpoint."""

    def __init__(
        self,
        open_session: OpenSession,
        states: EndpointStates,
        list_of: ListOf,
        now: Now,
    ) -> None:
        self._open_session = open_session
        self._states = states
        self._list_of = list_of
        self._now = now

    async def visit(
        self, endpoint_id: int, access: EndpointAccess, *, asked: bool = False
    ) -> VisitReport:
        """Visit an endpoint; with `asked`, its list is sent in any case.

        Raises `EndpointProblem`, and `StoreFull` if nothing can be stored.
        """
        # Whoever changes it in the meantime has the endpoint visited again.
        listed, state = self._list_of(endpoint_id), self._states.of(endpoint_id)
        if listed.bookings is None and shows_another_room(state, listed.room):
            listed = msgspec.structs.replace(listed, bookings=())
        because = PushReason.ASKED if asked else None
        if because is None and listed.bookings is not None:
            because = reason_by_record(
                state,
                digest_of(listed.bookings),
                access.address,
                self._now(),
            )
        async with self._open_session(access) as session:
            if because is not None:
                await session.begin()
            seen = await look_at(session, self._now())
            report = await self._bring_list(endpoint_id, session, seen, listed, because)
            return msgspec.structs.replace(
                report,
                clock_difference=_ahead(session.last_date, self._now()),
                has_session=session.has_cookie,
            )

    async def _bring_list(
        self,
        endpoint_id: int,
        session: EndpointSession,
        seen: SeenEndpoint,
        listed: EndpointList,
        because: PushReason | None,
    ) -> VisitReport:
        """Bring a list for the reason that is known, or that the endpoint gives."""
        bookings = listed.bookings
        if bookings is None:
            await self._states.was_seen(endpoint_id)
            return VisitReport(seen=seen, because=None, was_read=False)
        state = self._states.of(endpoint_id)
        if because is None and state is not None:
            seen = await self._with_list(session, state, seen, bookings)
            because = reason_by_look(state, seen, bookings, self._now())
        if because is None:
            await self._states.was_seen(endpoint_id)
            return VisitReport(seen=seen, because=None, meetings=len(bookings))
        await session.begin()
        digest = digest_of(bookings)
        address = session.access.address
        await self._states.intend(endpoint_id, address, listed.room, digest)
        is_same = state is not None and state.software == seen.software.version
        proved = state.way if state is not None and is_same else ""
        way = await hand_over(session, bookings, seen.software, proved)
        await self._states.was_sent(
            endpoint_id, digest, len(bookings), seen, way if bookings else None, because
        )
        return VisitReport(seen=seen, because=because, way=way, meetings=len(bookings))

    async def _with_list(
        self,
        session: EndpointSession,
        state: EndpointState,
        seen: SeenEndpoint,
        bookings: tuple[RoomBooking, ...],
    ) -> SeenEndpoint:
        """The endpoint as seen, with its own list if it can be compared."""
        days = days_to_list(bookings, self._now())
        if days is None or state.way in ("", Way.DOCUMENT):
            return seen
        return msgspec.structs.replace(seen, listed=await listed_by(session, days))


def _ahead(date: str, now: datetime) -> float | None:
    try:
        return (parsedate_to_datetime(date) - now).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return None
