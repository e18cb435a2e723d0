"""The rewriting of a meeting's body in its organizer's name.

A change of the body has to reach the attendees. Graph has no switch for that, and of a
change of nothing but the body some say that it is mailed, others that it is not. By its
documentation a change of more than the attendees is mailed to all of them, once. So the
attendees are sent along unchanged (`with_attendees`), and if the answer says all the
same that the change was not sent (`isDraft`), it is made once more.
"""

from twisted.logger import Logger

from pexschedd.errors import MailboxError
from pexschedd.exchange.error_policy import Retry
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_policy import rule_of
from pexschedd.graph.organizers.organizer_calendar import require_body
from pexschedd.graph.organizers.organizer_events import (
    OrganizedEvent,
    WrittenEvent,
    build_get_for_rewriting,
    build_rewrite,
    parse_organized,
    parse_written,
)
from pexschedd.graph.problems import GraphProblem
from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.ports.mailbox import RewriteKind

TRIES = 3
"""Attempts at an event that Exchange itself touches at the same time."""

NOT_SENT = (
    "Exchange has changed the meeting without telling its attendees: its organizer has "
    "to send the update."
)

_REWRITES = {
    Retry.READ_AGAIN: RewriteKind.CHANGED,
    Retry.SKIP: RewriteKind.GONE,
}
"""By the reaction to a problem of the one event; the mailbox's problems are raised."""


class MeetingRewrite:
    """Rewrites meetings in one organizer's calendar."""

    _log = Logger()

    def __init__(self, client: GraphClient, *, with_attendees: bool) -> None:
        self._client = client
        self._target = client.target
        self._with_attendees = with_attendees

    async def rewrite(self, ref: MessageRef, body: str) -> tuple[RewriteKind, str]:
        """See `scheduling.ports.mailbox.OrganizersCalendars`.

        Exchange refuses the change now and then although nobody has changed anything:
        it is made again if a person would see no difference.
        """
        read = await self._read(ref)
        if isinstance(read, GraphProblem):
            return _problem(read)
        if read.ref.change_key != ref.change_key:
            return RewriteKind.CHANGED, ""
        for _ in range(TRIES):
            written = await self._write(
                read, read.ref.change_key, body, with_attendees=self._with_attendees
            )
            if isinstance(written, WrittenEvent):
                return await self._make_sure(read, written, body)
            kind, reason = _problem(written)
            if kind is not RewriteKind.CHANGED:
                return kind, reason
            now = await self._read(ref)
            if isinstance(now, GraphProblem):
                return _problem(now)
            if not now.looks_like(read):
                break
            read = now
        return RewriteKind.CHANGED, ""

    async def _read(self, ref: MessageRef) -> OrganizedEvent | GraphProblem:
        request = build_get_for_rewriting(self._target.mailbox, ref.item_id)
        found = await self._client.read(request, parse_organized)
        if isinstance(found, GraphProblem):
            return found
        return require_body(found, self._client)

    async def _write(
        self, read: OrganizedEvent, etag: str, body: str, *, with_attendees: bool
    ) -> WrittenEvent | GraphProblem:
        request = build_rewrite(
            self._target.mailbox, read, etag, body, with_attendees=with_attendees
        )
        return await self._client.write(request, parse_written)

    async def _make_sure(
        self, read: OrganizedEvent, written: WrittenEvent, body: str
    ) -> tuple[RewriteKind, str]:
        """Make the change once more if it was not sent: it is not sent twice."""
        self._compare_online(read, written)
        if not written.is_draft:
            return RewriteKind.DONE, ""
        try:
            again = await self._write(read, written.etag, body, with_attendees=True)
        except MailboxError as error:
            # The body is new, so another attempt would find nothing left to do.
            return RewriteKind.FAILED, f"{NOT_SENT} {error.message}"
        if isinstance(again, GraphProblem):
            return RewriteKind.FAILED, f"{NOT_SENT} {again.words}"
        if again.is_draft:
            return RewriteKind.FAILED, NOT_SENT
        return RewriteKind.DONE, ""

    def _compare_online(self, read: OrganizedEvent, written: WrittenEvent) -> None:
        """Log it if the new body has made an online meeting of one that was none, or
        the other way round: Exchange goes by a block of its own in the body."""
        now = written.is_online_meeting
        if now is None or now == read.event.online:
            return
        self._log.warn(
            "server changed isOnlineMeeting with a new body before={before} now={now} "
            "mailbox={mailbox} integration={integration} uid={uid}",
            before=read.event.online,
            now=now,
            mailbox=self._target.mailbox,
            integration=self._target.integration,
            uid=read.event.meeting.uid,
        )


def _problem(problem: GraphProblem) -> tuple[RewriteKind, str]:
    reaction = rule_of(problem).of_one
    return _REWRITES.get(reaction, RewriteKind.FAILED), problem.words
