"""Makes rooms again for meetings that were accepted and have none (deployment guide,
"Recovering meetings").

After a new installation, or from an old backup, the equipment mailbox's calendar still
holds the meetings that were accepted, and the attendees' invitations name an alias.
The meeting keeps it where its owner is still known: by our own records, or by the
invitation itself, which holds tag and alias and counts as long as nothing else has that
alias now. Otherwise the meeting gets a new alias, and the organizer's invitation is
rewritten and sent again.

Recovery can be repeated: a meeting with a room is left alone, unless the last run could
not tell its organizer.
"""

from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import MailboxError, TemplateError, Unavailable
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.scheduling.ports.mailbox import MailboxKeeping, OrganizersCalendars
from pexschedd.scheduling.recurrence.meeting_times import has_finished, starts_after
from pexschedd.scheduling.run_requests import RecoveryRequest
from pexschedd.scheduling.upkeep.invitation_update import InvitationUpdater
from pexschedd.scheduling.upkeep.meeting_recovery import (
    THERE,
    MeetingRecovery,
    RecoveryContext,
)
from pexschedd.scheduling.upkeep.progress import ProgressListener, WorkTally
from pexschedd.scheduling.upkeep.restore_room import RoomNotRestorable
from pexschedd.scheduling.upkeep.retry import pages
from pexschedd.util.stop_signal import StopSignal
from pexschedd.util.worker_processes import HeavyWork, WorkAbandoned, work_at_once


class RecoveryRunner:
    """Recovers the meetings of one integration after another."""

    def __init__(
        self,
        recovery: MeetingRecovery,
        *,
        clock: IReactorTime,
        now: Now,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        self._recovery = recovery
        self._heavy_work = heavy_work
        self._clock = clock
        self._now = now

    async def recover(
        self,
        connector: Connector,
        mailbox: MailboxKeeping,
        organizers: OrganizersCalendars,
        request: RecoveryRequest,
        listener: ProgressListener,
        stop: StopSignal,
        tally: WorkTally,
        *,
        dry_run: bool = False,
    ) -> None:
        """Recover the meetings of an integration, and count them in `tally`.

        Raises `MailboxError` when the equipment mailbox cannot be read, `WorkStopped`
        if it waits for Exchange when `stop` is set. Anything that goes wrong with a
        single meeting is a failure in `tally`.
        """
        invitations = InvitationUpdater(organizers, self._clock, stop, self._heavy_work)
        context = RecoveryContext(connector, invitations, request.message, dry_run)
        read = 0
        async for page in pages(mailbox.calendar, self._clock, stop):
            for meeting in page:
                if stop.is_set:
                    return
                read += 1
                if (
                    meeting.accepted
                    and not meeting.cancelled
                    and starts_after(meeting, request.since)
                    and not has_finished(meeting, self._now())
                ):
                    await self._recover(meeting, context, tally, listener)
                listener.progress("reading the calendar", read)

    async def _recover(
        self,
        meeting: CalendarMeeting,
        context: RecoveryContext,
        tally: WorkTally,
        listener: ProgressListener,
    ) -> None:
        try:
            done = await self._recovery.recover(meeting, context)
        except (
            RoomNotRestorable,
            MailboxError,
            TemplateError,
            Unavailable,
            WorkAbandoned,
        ) as error:
            name = f"meeting {meeting.uid} ({meeting.start:%Y-%m-%dT%H:%M:%SZ})"
            tally.failed(f"{name}: {error.message}")
            return
        tally.add(done)
        if done != THERE:
            listener.note(f"meeting {meeting.uid}: {done}")
