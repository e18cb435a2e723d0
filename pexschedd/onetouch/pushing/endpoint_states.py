"""The stored states of endpoints, changed step by step of a visit."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.onetouch.pushing.problems import EndpointProblem
from pexschedd.onetouch.pushing.push_plan import PushReason, SeenEndpoint
from pexschedd.onetouch.pushing.software import Way
from pexschedd.store.store import Store

CONTACT_STORED = timedelta(minutes=15)
"""The age of a stored contact from which a new one is stored."""


class EndpointStates:
    """The states. Changes are durable when a method returns; they raise `StoreFull` if
    nothing can be stored."""

    def __init__(self, store: Store, now: Now) -> None:
        self._store = store
        self._now = now

    def of(self, endpoint_id: int) -> EndpointState | None:
        """Return an endpoint's state; None if it was never tried."""
        return self._store.find(tables.ENDPOINT_STATE_BY_ENDPOINT, endpoint_id)

    async def intend(
        self, endpoint_id: int, address: str, room: str, digest: str
    ) -> None:
        """Record that a room's list is about to be sent."""
        await self._change(endpoint_id, address=address, room=room, intended=digest)

    async def was_sent(
        self,
        endpoint_id: int,
        digest: str,
        meetings: int,
        seen: SeenEndpoint,
        way: Way | None,
        because: PushReason,
    ) -> None:
        """Record that the list is on the screen; `way` is the one that took it, if that
        says something about the next list."""
        now, state = self._now(), self.of(endpoint_id)
        is_same = state is not None and state.software == seen.software.version
        known = state.way if state is not None and is_same else ""
        await self._change(
            endpoint_id,
            intended="",
            sent=digest,
            sent_time=now,
            sent_because=str(because),
            number_of_meetings=meetings,
            started=seen.started,
            product=seen.product,
            software=seen.software.version,
            way=known if way is None else str(way),
            last_contact_time=now,
            **_NO_PROBLEM,
        )

    async def was_seen(self, endpoint_id: int) -> None:
        """Record that it answered as it should; not each time."""
        state, now = self.of(endpoint_id), self._now()
        if state is not None and not state.problem and _is_recent(state, now):
            return
        await self._change(endpoint_id, last_contact_time=now, **_NO_PROBLEM)

    async def had_problem(self, endpoint_id: int, problem: EndpointProblem) -> bool:
        """Record a problem; return True if it is a new one."""
        state = self.of(endpoint_id)
        if state is not None and (state.problem_kind, state.problem) == (
            problem.kind,
            problem.message,
        ):
            return False
        since = state.problem_since if state is not None else None
        await self._change(
            endpoint_id,
            problem=problem.message,
            problem_kind=str(problem.kind),
            problem_since=since or self._now(),
        )
        return True

    async def set_feedback(self, endpoint_id: int, key: str, slot: int) -> None:
        """Record the key that an endpoint is given, and the slot in which it has it."""
        await self._change(endpoint_id, feedback_key=key, feedback_slot=slot)

    async def forget(self, endpoint_id: int) -> None:
        """Remove the state of an endpoint that there is no more."""
        state = self.of(endpoint_id)
        if state is None:
            return
        with self._store.transaction(essential=True) as change:
            change.delete(tables.ENDPOINT_STATE, state.id)
            durable = change.commit()
        await durable

    async def _change(self, endpoint_id: int, **fields: Any) -> None:
        if self._store.get(tables.MJX_ENDPOINT, endpoint_id) is None:
            return  # it was deleted in the meantime
        with self._store.transaction(essential=True) as change:
            state = self.of(endpoint_id) or EndpointState(
                id=change.new_id(tables.ENDPOINT_STATE), endpoint=endpoint_id
            )
            change.put(tables.ENDPOINT_STATE, replace(state, **fields))
            durable = change.commit()
        await durable


_NO_PROBLEM: dict[str, Any] = {
    "problem": "",
    "problem_kind": "",
    "problem_since": None,
}


def _is_recent(state: EndpointState, now: datetime) -> bool:
    contact = state.last_contact_time
    return contact is not None and timedelta(0) <= now - contact < CONTACT_STORED
