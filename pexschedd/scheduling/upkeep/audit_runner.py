"""The comparison of an equipment mailbox's calendar with the rooms, with repairs.

The calendar is read page by page and the records in time slices; `audit_rules.py` finds
the differences. Meetings are scheduled all the while, so only records that are the same
before and after count: nothing is reported, or repaired, that was merely changing.

When calendar and record have different times, either may be wrong: the calendar if
Exchange refused an answer, the record if the state folder came from a backup. So the
organizer's own copy decides; without it nothing is changed.
"""

from datetime import datetime
from functools import partial

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.bodies import tags
from pexschedd.clock import Now
from pexschedd.errors import MailboxError
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import CalendarMeeting
from pexschedd.model.schedule import MeetingRecord, RecurringConference
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.names import AUTOMATIC, DIFFERS
from pexschedd.scheduling.ports.mailbox import MailboxKeeping, OrganizersCalendars
from pexschedd.scheduling.records.lookup import all_meeting_records
from pexschedd.scheduling.upkeep import audit_rules
from pexschedd.scheduling.upkeep.audit_rules import (
    AuditFinding,
    AuditReport,
    BookedMeeting,
    FindingKind,
)
from pexschedd.scheduling.upkeep.progress import KeepGoing
from pexschedd.scheduling.upkeep.restore_room import RoomNotRestorable, RoomRestorer
from pexschedd.store.store import Store
from pexschedd.util.cooperate import in_slices

_MOST_NAMED = 10
"""The number of meetings that an alarm names; the report has all of them."""

_ALARMING = (
    FindingKind.LOST,
    FindingKind.TIMES,
    FindingKind.UNKNOWN,
    FindingKind.NO_MEETING,
)


class AuditRunner:
    """Audits one integration after another."""

    _log = Logger()

    def __init__(
        self,
        store: Store,
        restorer: RoomRestorer,
        alarms: Alarms,
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._store = store
        self._restorer = restorer
        self._alarms = alarms
        self._clock = clock
        self._now = now

    async def audit(
        self,
        connector: Connector,
        mailbox: MailboxKeeping,
        organizers: OrganizersCalendars,
        keep_going: KeepGoing = lambda: True,
    ) -> AuditReport | None:
        """Compare, repair, and update the alarms; return None if it was stopped.

        Raises `MailboxError` when the mailbox cannot be read; then no alarm changes.
        """
        automatic = await mailbox.processes_automatically(
            partial(self._has_dealt_with, connector)
        )
        records = _Snapshot(self._store, connector.id)
        await records.take(self._clock)
        now = self._now()
        findings: list[AuditFinding] = []
        meetings, seen, cursor = 0, set[str](), ""
        while True:
            page, cursor = await mailbox.calendar(cursor)
            async for meeting in in_slices(page, self._clock, 50):
                if not keep_going():
                    return None
                seen.add(meeting.uid)
                meetings += audit_rules.counts(meeting, now)
                finding = audit_rules.examine(meeting, records, now)
                if finding is not None and records.is_settled(meeting.uid):
                    finding = await self._repair(
                        connector, meeting, finding, organizers
                    )
                    findings.append(finding)
            if not cursor:
                break
        rooms = 0
        scheduled = all_meeting_records(self._store)
        async for record in in_slices(scheduled, self._clock):
            if not keep_going():
                return None
            booked = records.of(record)
            if booked is None:
                continue
            rooms += not audit_rules.is_past(booked, now)
            finding = audit_rules.missing(booked, seen, now)
            if finding is not None and records.is_settled(booked.uid):
                findings.append(finding)
        report = AuditReport(meetings, rooms, tuple(findings))
        if automatic or (automatic is None and _looks_automatic(report)):
            report = msgspec.structs.replace(report, automatic=True)
        self._update_alarms(connector, report)
        return report

    async def _repair(
        self,
        connector: Connector,
        meeting: CalendarMeeting,
        finding: AuditFinding,
        organizers: OrganizersCalendars,
    ) -> AuditFinding:
        try:
            match finding.kind:
                case FindingKind.LOST:
                    alias = self._tagged(connector, meeting)
                    done = "the room was made again"
                case FindingKind.TIMES:
                    await self._ask_organizer(meeting, organizers, self._now())
                    alias = self._scheduled(connector, meeting.uid)
                    done = "the room has the calendar's times now"
                case _:
                    return finding
            if alias is None:
                raise RoomNotRestorable("its alias is gone")
            await self._restorer.restore(connector, meeting, alias)
        except (RoomNotRestorable, MailboxError) as error:
            return msgspec.structs.replace(finding, note=error.message)
        except _CalendarIsBehind:
            note = "the organizer's calendar agrees with the room"
            return msgspec.structs.replace(finding, healed=True, note=note)
        self._log.info(
            "audit repaired meeting integration={integration} uid={uid}: {done}",
            integration=connector.id,
            uid=meeting.uid,
            done=done,
        )
        return msgspec.structs.replace(finding, healed=True, note=done)

    async def _ask_organizer(
        self, meeting: CalendarMeeting, organizers: OrganizersCalendars, now: datetime
    ) -> None:
        """Return if the organizer's copy agrees with this calendar.

        Otherwise raise `_CalendarIsBehind`, or `RoomNotRestorable` without a copy.
        """
        address = meeting.organizer.email
        if not address:
            raise RoomNotRestorable("the calendar does not say who organizes it")
        own = await organizers.find(address, meeting.uid, start=meeting.start)
        if own is None:
            raise RoomNotRestorable("the organizer does not have this meeting any more")
        if _same_times(own, meeting, now):
            return
        raise _CalendarIsBehind

    def _tagged(
        self, connector: Connector, meeting: CalendarMeeting
    ) -> ScheduledAlias | None:
        for uuid in tags.tags_of(meeting).pxps:
            alias = self._store.find(tables.SCHEDULED_ALIAS_BY_UUID, uuid)
            if (
                alias is not None
                and alias.exchange_connector == connector.id
                and not alias.is_deleted(self._now())
                and alias.ews_item_uid in ("", meeting.uid)
            ):
                return alias
        return None

    def _has_dealt_with(self, connector: Connector, uid: str) -> bool:
        """Return whether a meeting has a room, or had one."""
        key = (connector.id, uid)
        return bool(uid) and (
            self._scheduled(connector, uid) is not None
            or self._store.find(tables.SCHEDULED_ALIAS_BY_UID, key) is not None
        )

    def _scheduled(self, connector: Connector, uid: str) -> ScheduledAlias | None:
        key = (connector.id, uid)
        record = self._store.find(tables.RECURRING_BY_UID, key) or self._store.find(
            tables.SCHEDULED_BY_UID, key
        )
        if record is None or record.scheduled_alias is None:
            return None
        return self._store.get(tables.SCHEDULED_ALIAS, record.scheduled_alias)

    def _update_alarms(self, connector: Connector, report: AuditReport) -> None:
        """Raise and lower the alarms."""
        if report.automatic:
            self._alarms.raise_(
                AUTOMATIC,
                connector.name,
                f"Exchange itself answers the meeting requests that are sent to "
                f"{connector.mailbox_address}, so they are not scheduled. "
                "Run Set-CalendarProcessing -Identity "
                f'"{connector.mailbox_address}" '
                f"-AutomateProcessing {_processing(connector)}.",
            )
        else:
            self._alarms.lower(connector.name, AUTOMATIC)
        wrong = [f for f in report.findings if f.kind in _ALARMING and not f.healed]
        if wrong:
            self._alarms.raise_(DIFFERS, connector.name, _described(connector, wrong))
        else:
            self._alarms.lower(connector.name, DIFFERS)


def _processing(connector: Connector) -> str:
    """The setting that the integration needs: Graph can answer only a meeting that
    Exchange has entered in the calendar."""
    return "AutoUpdate" if connector.uses_graph else "None"


class _CalendarIsBehind(Exception):
    """The organizer's copy has other times than the equipment mailbox's calendar."""


def _same_times(one: CalendarMeeting, other: CalendarMeeting, now: datetime) -> bool:
    if one.is_series != other.is_series:
        return False
    return audit_rules.next_times(one, now) == audit_rules.next_times(other, now)


def _looks_automatic(report: AuditReport) -> bool:
    """Return whether invitations are empty, as Exchange leaves those it processes."""
    return any(f.kind is FindingKind.UNKNOWN and f.bare for f in report.findings)


_WORDS = {
    FindingKind.LOST: "has no room",
    FindingKind.UNKNOWN: "was accepted, but no room and no security tag of it is known",
    FindingKind.TIMES: "has other times than its room",
    FindingKind.NO_MEETING: "has a room, but is not in the calendar",
}


def _described(connector: Connector, wrong: list[AuditFinding]) -> str:
    """The text of the alarm; it names meetings by uid and times, never by subject."""
    lines = [_line(finding) for finding in wrong[:_MOST_NAMED]]
    if len(wrong) > _MOST_NAMED:
        lines.append(f"and {len(wrong) - _MOST_NAMED} more")
    text = (
        "The calendar of the equipment mailbox and the rooms do not agree: "
        + "; ".join(lines)
        + "."
    )
    if any(f.kind in (FindingKind.UNKNOWN, FindingKind.LOST) for f in wrong):
        text += (
            " Meetings without a room get one by schedulingrecovery "
            f"--exchange-connector-id {connector.id}."
        )
    return text


def _line(finding: AuditFinding) -> str:
    times = ""
    if finding.calendar is not None:
        times += f", in the calendar {finding.calendar}"
    if finding.record is not None:
        times += f", in the records {finding.record}"
    note = f" ({finding.note})" if finding.note else ""
    return f"meeting {finding.uid}{times}: {_WORDS[finding.kind]}{note}"


class _Snapshot:
    """The rooms of an integration at one moment, for `audit_rules.examine`.

    There may be too many for the memory, so only two hashes are kept of each. The
    records that it returns are the present ones; they count only if `is_settled`.
    """

    def __init__(self, store: Store, connector_id: int) -> None:
        self._store = store
        self._connector_id = connector_id
        self._plans: dict[int, int] = {}
        """The hash of a meeting's record, by the hash of its uid."""
        self._pending: set[str] = set()

    async def take(self, clock: IReactorTime) -> None:
        async for record in in_slices(all_meeting_records(self._store), clock):
            if self._is_ours(record):
                self._plans[hash(record.ews_item_uid)] = _hash_of_plan(record)
        # The answers are read after the records, and the calendar later still: if a
        # record has no pending answer, the calendar must agree with it.
        async for answer in in_slices(self._store.all(tables.OUTBOX), clock):
            if answer.exchange_connector == self._connector_id:
                self._pending.add(answer.item_id)

    def _is_ours(self, record: MeetingRecord) -> bool:
        if record.exchange_connector != self._connector_id:
            return False
        # An occurrence that was sent to us alone is no meeting of its own in the
        # calendar's list; what belongs to a series is in the series' record.
        return isinstance(record, RecurringConference) or (
            record.recurring_conference is None
            and record.recurrence_id is None
            and bool(record.ews_item_uid)
        )

    def is_settled(self, uid: str) -> bool:
        """Return whether the meeting is as it was at the time of the snapshot."""
        record = self._current(uid)
        plan = None if record is None else _hash_of_plan(record)
        return self._plans.get(hash(uid)) == plan

    def booked(self, uid: str) -> BookedMeeting | None:
        record = self._current(uid)
        if record is None:
            return None
        # An occurrence without its series: the calendar may list it as a meeting.
        return self.of(record) or BookedMeeting(uid, record, pending=True)

    def of(self, record: MeetingRecord) -> BookedMeeting | None:
        """The meeting of a record, if it is one of the snapshot's."""
        uid, item_id = record.ews_item_uid, record.ews_item_id
        if not self._is_ours(record) or hash(uid) not in self._plans:
            return None
        unknown = not item_id and bool(self._pending)
        return BookedMeeting(uid, record, unknown or item_id in self._pending)

    def _current(self, uid: str) -> MeetingRecord | None:
        key = (self._connector_id, uid)
        return self._store.find(tables.RECURRING_BY_UID, key) or self._store.find(
            tables.SCHEDULED_BY_UID, key
        )

    def alias(self, uuid: str) -> ScheduledAlias | None:
        alias = self._store.find(tables.SCHEDULED_ALIAS_BY_UUID, uuid)
        if alias is None or alias.exchange_connector != self._connector_id:
            return None
        return alias


def _hash_of_plan(record: MeetingRecord) -> int:
    if isinstance(record, RecurringConference):
        # These change with time alone.
        record = msgspec.structs.replace(record, current_index=0, is_depleted=False)
    return hash(record)
