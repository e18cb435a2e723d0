"""Feedback of endpoints: they tell the daemon when they have lost their bookings.

An endpoint posts what happens to URLs that are registered with it (`xCommand
HttpFeedback Register`, four slots in all). Ours has a key that nobody can guess, and
says nothing but "look now": what is posted is not read. Without a registration
everything works, and a loss is noticed by the next look.

Sources: the vendor's API reference guides of CE 9 (HttpFeedback), and RoomOS 11.24 (the
event SyncRequired).
"""

import hmac
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from msgspec.structs import replace
from twisted.logger import Logger

from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.onetouch.cisco.access import EndpointAccess
from pexschedd.onetouch.cisco.answers import AnswerKind, feedback_urls, meaning
from pexschedd.onetouch.cisco.bookings_put import PATH, command
from pexschedd.onetouch.cisco.session import EndpointSession
from pexschedd.onetouch.pushing.endpoint_records import EndpointRecords
from pexschedd.onetouch.pushing.endpoint_states import EndpointStates
from pexschedd.onetouch.pushing.problems import EndpointProblem
from pexschedd.onetouch.pushing.push_plan import PushReason
from pexschedd.onetouch.pushing.software import Software
from pexschedd.onetouch.pushing.visit_report import VisitReport

AccessTo = Callable[[EndpointRecords], EndpointAccess]
OpenSession = Callable[[EndpointAccess], EndpointSession]

SLOTS = (4, 2, 1)
"""Slots in the order in which they are tried; the third is that of the vendor's own
management suite."""
_STATUS = "/getxml?location=/Status/HttpFeedback"
_BOOT = "/Event/BootEvent"
_SYNC_REQUIRED = "/Event/Bookings/SyncRequired"
_KEY_BYTES = 24
_REASONS = (
    PushReason.FIRST,
    PushReason.ADDRESS,
    PushReason.RESTARTED,
    PushReason.SOFTWARE,
    PushReason.REFRESH,
    PushReason.ASKED,
)
"""Reasons for sending a list after which the registration may be missing: a day at the
most lies between two of them."""


def register_command(slot: int, url: str, software: Software) -> bytes:
    """Return the command that has an endpoint tell `url` of lost bookings."""
    # The same versions know the value None and the event (11.24).
    events = [_SYNC_REQUIRED, _BOOT] if software.knows_none else [_BOOT]
    expressions = "".join(
        f'<Expression item="{number}">{event}</Expression>'
        for number, event in enumerate(events, 1)
    )
    arguments = (
        f"<FeedbackSlot>{slot}</FeedbackSlot><ServerUrl>{escape(url)}</ServerUrl>"
    )
    return command("HttpFeedback", "Register", arguments + expressions)


def deregister_command(slot: int) -> bytes:
    """Return the command that frees a slot."""
    arguments = f"<FeedbackSlot>{slot}</FeedbackSlot>"
    return command("HttpFeedback", "Deregister", arguments)


def slot_for(taken: Mapping[int, str], ours: str) -> int | None:
    """Return the slot to register in: the one with a URL that begins with `ours`, or
    else a free one; None if all are others'.

    taken: the URLs by their slots, as the endpoint has them.
    """
    for slot, url in taken.items():
        if url.startswith(ours):
            return slot
    return next((slot for slot in SLOTS if not taken.get(slot)), None)


class CiscoFeedback:
    """See `pushing.feedback.EndpointFeedback`.

    `access_to` gives the way to an endpoint by its records. `base` is the URL at which
    endpoints reach the daemon, without a slash at the end; empty if they cannot: then
    earlier registrations are taken back. `random` returns so many random bytes.
    """

    _log = Logger()

    def __init__(
        self,
        access_to: AccessTo,
        open_session: OpenSession,
        states: EndpointStates,
        base: str,
        random: Callable[[int], bytes],
    ) -> None:
        self._access_to = access_to
        self._open_session = open_session
        self._states = states
        self._ours = f"{base}/feedback/" if base else ""
        self._random = random

    def is_from(self, endpoint_id: int, key: str) -> bool:
        """Return whether the key is the one that this endpoint was given."""
        state = self._states.of(endpoint_id)
        known = state.feedback_key if state is not None and self._ours else ""
        return bool(known) and hmac.compare_digest(known.encode(), key.encode())

    async def keep(self, records: EndpointRecords, report: VisitReport) -> None:
        """See `EndpointFeedback`."""
        endpoint_id, because = records.endpoint.id, report.because
        state = self._states.of(endpoint_id)
        if because not in _REASONS or state is None:
            return
        access, software = self._access_to(records), report.seen.software
        try:
            if self._ours:
                if because is PushReason.ADDRESS:
                    # What is there no more still has the key.
                    state = replace(state, feedback_key="", feedback_slot=0)
                await self._register(endpoint_id, state, access, software)
            elif state.feedback_slot:
                await self._deregister(state, access)
                await self._states.set_feedback(endpoint_id, "", 0)
        except EndpointProblem as problem:
            self._log.info(
                "endpoint feedback is not registered endpoint={endpoint}: {reason}",
                endpoint=endpoint_id,
                reason=problem.message,
            )

    async def take_back(self, state: EndpointState, records: EndpointRecords) -> None:
        """See `EndpointFeedback`."""
        access = self._access_to(records)
        try:
            await self._deregister(state, access)
        except EndpointProblem as problem:
            self._log.info(
                "endpoint feedback is still registered endpoint={endpoint}: {reason}",
                endpoint=state.endpoint,
                reason=problem.message,
            )

    async def _register(
        self,
        endpoint_id: int,
        state: EndpointState,
        access: EndpointAccess,
        software: Software,
    ) -> None:
        key = state.feedback_key or self._random(_KEY_BYTES).hex()
        url = f"{self._ours}{endpoint_id}/{key}"
        if not state.feedback_key:
            # Durable first: what is registered can be taken back.
            await self._states.set_feedback(endpoint_id, key, state.feedback_slot)
        async with self._open_session(access) as session:
            await session.begin()
            taken = await _taken(session)
            slot = slot_for(taken, self._ours)
            if slot is None:
                reason = "all its slots for feedback are taken by others"
            else:
                document = register_command(slot, url, software)
                answer = meaning(await session.post(PATH, document))
                reason = "" if answer.kind is AnswerKind.DONE else answer.reason
        if reason:
            slot = None
            self._log.info(
                "endpoint feedback is not registered endpoint={endpoint}: {reason}",
                endpoint=endpoint_id,
                reason=reason,
            )
        if state.feedback_slot != (slot or 0):
            await self._states.set_feedback(endpoint_id, key, slot or 0)

    async def _deregister(self, state: EndpointState, access: EndpointAccess) -> None:
        """Free the slot, if what is registered there is still ours."""
        end = f"/feedback/{state.endpoint}/{state.feedback_key}"
        async with self._open_session(access) as session:
            await session.begin()
            taken = await _taken(session)
            if taken.get(state.feedback_slot, "").endswith(end):
                await session.post(PATH, deregister_command(state.feedback_slot))


async def _taken(session: EndpointSession) -> dict[int, str]:
    return feedback_urls((await session.get(_STATUS)).body)
