"""Reads one room: its list, what of it has changed, and what the rules find there.

The result is one record, which is committed at the end: a process that is killed
before has changed nothing, and reads again after its next start.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.clock import Now
from pexschedd.errors import MailboxError
from pexschedd.model import tables
from pexschedd.model.onetouch.room_calendar import RoomCalendar, RoomMeeting
from pexschedd.onetouch.calendars.changes import (
    changes_between,
    merged,
    plan_of,
)
from pexschedd.onetouch.calendars.judgement import (
    Judgement,
    invitation_of,
    judge,
    room_meeting,
)
from pexschedd.onetouch.configuration import ReadRoom
from pexschedd.onetouch.deployments import DeploymentKey
from pexschedd.onetouch.ports.room_mailboxes import RoomItem, RoomMailboxes
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.onetouch.rules.rule_sets import cost_of
from pexschedd.onetouch.screen.meeting_list import BACK
from pexschedd.onetouch.screen.remembered import (
    Memory,
    kept_besides,
    memory_of,
    remembered,
    with_lost_details,
)
from pexschedd.store.store import Store
from pexschedd.util.cooperate import Pauses
from pexschedd.util.worker_processes import HeavyWork, WorkAbandoned

STORED_EVERY = timedelta(hours=1)
"""Time after which a reading that found nothing new is stored."""
_AT_LEAST_AHEAD = timedelta(hours=4)
"""The window's least length: buffers of up to three hours are within it."""


class RoomReader:
    """Reads the rooms of one deployment. `mailboxes` are its rooms'; `heavy_work`
    applies the rules to long invitations."""

    _log = Logger()

    def __init__(
        self,
        deployment: DeploymentKey,
        mailboxes: RoomMailboxes,
        store: Store,
        lists: RoomLists,
        *,
        clock: IReactorTime,
        now: Now,
        heavy_work: HeavyWork,
    ) -> None:
        self._deployment = deployment
        self._mailboxes = mailboxes
        self._store = store
        self._lists = lists
        self._clock = clock
        self._now = now
        self._heavy_work = heavy_work

    async def read(
        self, room: ReadRoom, is_wanted: Callable[[], bool]
    ) -> Sequence[RoomMeeting]:
        """Read a room and store what has changed; return its meetings.

        Nothing is stored if `is_wanted` returns False by then. Raises `MailboxError`,
        and `StoreFull` if nothing can be stored.
        """
        began = self._now()
        since, until = began - BACK, began + _ahead(room)
        listing = await self._mailboxes.listing(room.email, since, until)
        before = self._stored(room)
        plan = plan_of(listing, before, room.rules.fingerprint)
        items: Sequence[RoomItem] = ()
        if plan.fetched:
            items = await self._mailboxes.fetch(room.email, plan.fetched)
        pauses = Pauses(self._clock)
        read = []
        for item in items:
            read.append(await self._judged(room, item))
            await pauses.item_done()
        meetings = merged(plan, read)
        if not is_wanted():
            return meetings
        if not listing.is_complete:
            self._log.warn(
                "room has too many meetings to show them all room={room} "
                "deployment={deployment} read={read}",
                room=room.email,
                deployment=str(self._deployment),
                read=len(meetings),
            )
        known = memory_of(before) if before is not None else {}
        memory = remembered(known, meetings, began)
        calendar = RoomCalendar(
            id=before.id if before is not None else 0,
            room_email=room.email,
            deployment=self._deployment.id,
            deployment_kind=self._deployment.kind_name,
            read_at=began,
            tried_at=began,
            rules=room.rules.fingerprint,
            meetings=meetings,
            memory=kept_besides(memory, meetings),
        )
        if before is None or _is_news(before, calendar):
            self._log_changes(room, known, before, calendar, since)
            await self._put(calendar)
        self._lists.was_read(room.email, began)
        return meetings

    async def failed(self, room: ReadRoom, error: MailboxError) -> None:
        """Store the problem of a room that could not be read, once."""
        before = self._stored(room)
        if before is None:
            before = RoomCalendar(
                id=0, room_email=room.email, deployment=self._deployment.id
            )
        if before.problem != error.message:
            await self._put(
                msgspec.structs.replace(
                    before,
                    deployment=self._deployment.id,
                    deployment_kind=self._deployment.kind_name,
                    tried_at=self._now(),
                    problem=error.message,
                )
            )

    def _stored(self, room: ReadRoom) -> RoomCalendar | None:
        return self._store.find(tables.ROOM_CALENDAR_BY_EMAIL, room.email)

    async def _put(self, calendar: RoomCalendar) -> None:
        with self._store.transaction() as change:
            if not calendar.id:
                calendar = msgspec.structs.replace(
                    calendar, id=change.new_id(tables.ROOM_CALENDAR)
                )
            change.put(tables.ROOM_CALENDAR, calendar)
            durable = change.commit()
        await durable

    async def _judged(self, room: ReadRoom, item: RoomItem) -> RoomMeeting:
        invitation = invitation_of(item)
        work = partial(judge, room.rules.rules, invitation)
        # As if its text were lost: details that were found before stay.
        judgement = Judgement(None, (), has_text=False)
        try:
            judgement = await self._heavy_work(work, cost_of(invitation))
        except CancelledError:
            raise
        except WorkAbandoned as error:
            self._log.warn(
                "room has an invitation that takes too long to search room={room} "
                "deployment={deployment}: {reason}",
                room=room.email,
                deployment=str(self._deployment),
                reason=error.message,
            )
        except Exception:  # noqa: BLE001 - one invitation must not stop its room
            self._log.failure(
                "invitation could not be searched unexpectedly room={room} "
                "deployment={deployment}",
                room=room.email,
                deployment=str(self._deployment),
            )
        return room_meeting(item, judgement)

    def _log_changes(
        self,
        room: ReadRoom,
        memory: Memory,
        before: RoomCalendar | None,
        after: RoomCalendar,
        since: datetime,
    ) -> None:
        old = with_lost_details(before.meetings if before else (), memory, {})
        new = with_lost_details(after.meetings, memory, {})
        for change in changes_between(old, new, since):
            meeting = change.meeting
            hidden = meeting.is_private or room.hides_subjects
            self._log.info(
                "OTJ meeting {kind} room={room} deployment={deployment} "
                "start={start} subject={subject} alias={alias} rule={rule}",
                kind=change.kind,
                room=room.email,
                deployment=str(self._deployment),
                start=meeting.start.isoformat(),
                subject="" if hidden else meeting.subject,
                alias=meeting.details.alias if meeting.details else "",
                rule=meeting.details.rule if meeting.details else "",
            )


def _ahead(room: ReadRoom) -> timedelta:
    return max(timedelta(days=room.days_ahead), _AT_LEAST_AHEAD)


def _is_news(before: RoomCalendar, after: RoomCalendar) -> bool:
    """Return whether a reading has to be stored."""
    if before.read_at is None or after.read_at is None:
        return True
    if after.read_at - before.read_at >= STORED_EVERY:
        return True
    times = {"read_at": None, "tried_at": None}
    return msgspec.structs.replace(before, **times) != msgspec.structs.replace(
        after, **times
    )
