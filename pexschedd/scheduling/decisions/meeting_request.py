"""The decision about one meeting request. Pure; see `decide`.

A request is about a single meeting, a series, or one occurrence of a series. So are the
records of the meeting, and not always the same as the request: a single meeting can
become a series and back, and an occurrence comes alone when only it was sent to us. A
whole meeting takes place in one room, as long as it keeps its alias.
"""

import re
from datetime import datetime, timedelta
from functools import cached_property

import msgspec

from pexschedd.bodies import tags
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.recurrence import FIRST_YEAR, LAST_YEAR, Moved, Recurrence
from pexschedd.model.schedule import (
    MeetingRecord,
    OccurrenceVersion,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.scheduling.decisions import organizer, succession
from pexschedd.scheduling.decisions.alias_claim import AliasClaim
from pexschedd.scheduling.decisions.conference import ConferenceBuilder, bounded
from pexschedd.scheduling.decisions.context import (
    IdSource,
    KnownMeetings,
    RoomTexts,
    tagged_aliases,
)
from pexschedd.scheduling.decisions.decision import (
    AnswerTemplate,
    Decision,
    Delete,
    Put,
    RecordChange,
    Undecidable,
    declined,
)
from pexschedd.scheduling.decisions.early_cancellation import missed
from pexschedd.scheduling.decisions.own_records import OwnRecords
from pexschedd.scheduling.decisions.series_edit import (
    NOT_IN_SERIES,
    why_not_changed,
    with_newer,
    with_occurrence,
    without_occurrence,
)
from pexschedd.scheduling.decisions.versions import Version, version_of_occurrence
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.recurrence import series_dates

_PAST = (AnswerTemplate.SINGLE_PAST, AnswerTemplate.SERIES_PAST)

_FORWARDED = re.compile(r"\A\w{1,4}[:：] ?")
"""The prefix of a subject that an attendee has forwarded: FW, WG, TR, ... in the
attendee's language. The rest of the subject is the organizer's."""


def _is_possible(moment: datetime) -> bool:
    """Return whether a moment, and what is around it, is a time in a calendar."""
    return FIRST_YEAR <= moment.year <= LAST_YEAR


class MeetingRequest:
    """A request of a meeting's organizer, with the records of the meeting.

    Raises `Undecidable` for a request that contradicts itself.
    """

    def __init__(
        self,
        message: MeetingMessage,
        own: OwnRecords,
        known: KnownMeetings,
        connector: Connector,
        texts: RoomTexts,
        now: datetime,
        ids: IdSource,
        *,
        may_wait: bool,
    ) -> None:
        if not message.uid:
            raise Undecidable("the request does not say which meeting it is about")
        if message.start is None or message.end is None:
            raise Undecidable("the request has no start or no end")
        if message.end < message.start:
            raise Undecidable("the meeting ends before it starts")
        if not (_is_possible(message.start) and _is_possible(message.end)):
            raise Undecidable("the meeting is in a year that calendars do not have")
        if message.is_series and message.recurrence is None:
            raise Undecidable("the pattern of the series cannot be understood")
        self.message = message
        self.start, self.end = message.start, message.end
        self.recurrence: Recurrence | None = message.recurrence
        self.original = message.recurrence_id
        self.known = known
        self.connector = connector
        self.texts = texts
        self.now = now
        self.ids = ids
        self.may_wait = may_wait
        self.rooms = ConferenceBuilder(message, known, connector, texts, now, ids)
        self.series = own.series
        self.meetings = own.meetings
        self.scheduled = own.all
        version = Version.of_message(message)
        self.early_cancellations = [
            each
            for each in known.early_cancellations(connector.id, message.uid)
            if Version(each.sequence, each.changed).is_newer_than(version)
            and organizer.is_from(each.organizer, message, connector.id, known)
        ]
        self.meeting = next(
            (m for m in self.meetings if m.recurrence_id == self.original), None
        )

    def decide(self) -> Decision:
        """The answer to the request, and the records that change."""
        held = self._held()
        version = Version.of_message(self.message)
        if held is not None and held.is_newer_than(version):
            return Decision("older than what is scheduled", Action.DISCARD)
        alias = self._alias()
        if held is not None and held.answer and held.equals(version):
            repeated = self._repeated(held, alias)
            if repeated is not None:
                return repeated
        if self.message.outdated:
            return Decision("out of date, says the server", Action.DISCARD)
        if alias is None:
            tokens = tags.tags_of(self.message).tok
            if tokens:
                return Decision("sent while we were offline", token=tokens[0])
            return declined(AnswerTemplate.INVALID_ALIAS, "no valid tag")
        claim = AliasClaim(alias, self.message, self.scheduled, self.known)
        refused = claim.refused(self.now, may_wait=self.may_wait)
        if refused is not None:
            return refused
        unchanged = self._unchanged()
        if unchanged is not None:
            return unchanged
        template, kept, changes = self._schedule(claim)
        used = claim.used(self.series, kept)
        if used != alias:
            changes = [Put(tables.SCHEDULED_ALIAS, used), *changes]
        if self.past is None:
            note = "scheduled" if held is None else "rescheduled"
            return Decision(note, Action.ACCEPT, template, used, tuple(changes))
        if held is None:
            # The series of an occurrence may be on the way, as it was before.
            changes = [
                *missed(self.message, self.known, self.connector, self.now, self.ids)
            ]
        # What is scheduled changes all the same: the old time must not stay open.
        return declined(self.past, "in the past", alias, changes)

    def _unchanged(self) -> Decision | None:
        """The decision about an occurrence that its series cannot have; None if it
        can."""
        if self.original is None or self.series is None:
            return None
        reason = why_not_changed(self.series, self.original)
        if not reason:
            return None
        is_newer = self.message.sequence > self.series.sequence
        if reason == NOT_IN_SERIES and is_newer and self.may_wait:
            # A newer version of the series may have it, and be on the way.
            return Decision(f"waits: {reason}", waits=True)
        return Decision(
            f"declined: {reason}",
            Action.DECLINE,
            reply=f"<p>This change was not made: {reason}. The other meetings of the "
            "series, and their virtual meeting room, stay as they are.</p><p>Send the "
            "whole series again, or make a separate meeting with a room of its own."
            "</p>",
        )

    def _held(self) -> Version | None:
        """The last version of what the request is about, if there is any."""
        if self.original is not None and self.series is not None:
            return version_of_occurrence(self.series, self.original)
        if self.meeting is not None:
            return Version.of_record(self.meeting)
        if self.original is None and self.series is not None:
            return Version.of_record(self.series)
        for each in self.early_cancellations:
            if each.recurrence_id == self.original:
                return Version(each.sequence, each.changed)
        return None

    def _repeated(self, held: Version, alias: ScheduledAlias | None) -> Decision | None:
        """The answer to a second copy of the same message; None if it differs.

        Equal versions are not enough: the last change is known in whole seconds only,
        and a program can change a meeting twice within one second.
        """
        if alias is None:
            return None
        if self.series is not None:
            same = self._in_series() == self.series.recurrence
            subject = self.series.subject
            if self.original is not None:
                subject = self.texts.subject(self.message, alias)
            same = same and alias.id == self.series.scheduled_alias
        else:
            assert self.meeting is not None  # noqa: S101 - or no version would be held
            same = (self.start, self.end) == (
                self.meeting.meeting_start,
                self.meeting.meeting_end,
            )
            subject = self.meeting.subject
            same = same and self.recurrence is None
            same = same and alias.id == self.meeting.scheduled_alias
        passed_on = msgspec.structs.replace(
            self.message, subject=_FORWARDED.sub("", self.message.subject)
        )
        if not same or subject not in (
            self.texts.subject(self.message, alias),
            self.texts.subject(passed_on, alias),
        ):
            return None
        template = AnswerTemplate(held.answer)
        action = Action.DECLINE if template in _PAST else Action.ACCEPT
        return Decision("seen before", action, template, alias)

    def _in_series(self) -> Recurrence | None:
        """The series' recurrence as it would be with this message."""
        if self.recurrence is not None and self.series is not None:
            sent = msgspec.structs.replace(self.series, recurrence=self.recurrence)
            return with_newer(sent, [self.series]).recurrence
        if self.original is None or self.series is None:
            return self.recurrence
        moved = Moved(self.original, self.start, self.end)
        if moved in self.series.recurrence.exceptions:
            return self.series.recurrence
        edited = with_occurrence(self.series, moved, Version.of_message(self.message))
        return edited.recurrence

    def _alias(self) -> ScheduledAlias | None:
        """The alias that the tag means.

        Bodies can hold several tags: an older invitation quoted below a new one. The
        first is the newest, but the one that the meeting has already wins.
        """
        found = tagged_aliases(self.message, self.known, self.connector)
        has = {each.scheduled_alias for each in self.scheduled}
        return next((a for a in found if a.id in has), found[0] if found else None)

    @cached_property
    def past(self) -> AnswerTemplate | None:
        """The answer to a request for what is over already; None if it is not."""
        if self.recurrence is not None:
            over = series_dates.is_over(self.recurrence, self.now)
            return AnswerTemplate.SERIES_PAST if over else None
        return AnswerTemplate.SINGLE_PAST if self.end <= self.now else None

    def _schedule(
        self, claim: AliasClaim
    ) -> tuple[AnswerTemplate, MeetingRecord, list[RecordChange]]:
        """The answer, the record that was made or edited, and all changes."""
        alias = claim.alias
        if self.original is not None and self.series is not None:
            if alias.id == self.series.scheduled_alias:
                return self._schedule_exception(self.series, self.original)
            raise Undecidable("one occurrence of a series has another alias")
        room, changes = self._room(claim)
        if self.recurrence is not None:
            template, record = self._series_record(alias, room, self.recurrence)
            for each in self.early_cancellations:
                version = Version(each.sequence, each.changed)
                record = without_occurrence(record, each.recurrence_id, version)
                changes.append(Delete(tables.CANCELLED_OCCURRENCE, each.id))
            changes.append(Put(tables.RECURRING_CONFERENCE, record))
            kept: MeetingRecord = record
        else:
            template, kept = self._meeting_record(alias, room)
            changes.append(Put(tables.SCHEDULED_CONFERENCE, kept))
        return template, kept, [*self._superseded(kept, room), *changes]

    def _schedule_exception(
        self, series: RecurringConference, original: datetime
    ) -> tuple[AnswerTemplate, RecurringConference, list[RecordChange]]:
        version = msgspec.structs.replace(
            Version.of_message(self.message),
            answer=self.past or AnswerTemplate.EDITED_OCCURRENCE,
        )
        moved = Moved(original, self.start, self.end)
        edited = with_occurrence(series, moved, version)
        put = Put(tables.RECURRING_CONFERENCE, edited)
        return AnswerTemplate.EDITED_OCCURRENCE, edited, [put]

    def _room(self, claim: AliasClaim) -> tuple[int, list[RecordChange]]:
        """The room that the alias leads to, or a new one: its id and its changes."""
        alias, conference = claim.alias, self.known.conference_of(claim.alias.alias)
        if conference is None or not claim.has_room(conference):
            left = [m for m in self.scheduled if not self.original or m is self.meeting]
            freed = succession.freed_names(left, self.known, self.now)
            return self.rooms.new(alias, freed=freed)
        is_open = any(
            succession.is_open(m, self.now) for m in self.known.in_room(conference)
        )
        return conference, self.rooms.renamed(conference, alias, is_open=is_open)

    def _superseded(self, kept: MeetingRecord, room: int) -> list[RecordChange]:
        """The changes that delete what the request replaces."""
        changes: list[RecordChange] = []
        elsewhere: list[MeetingRecord] = []
        for each in self.scheduled:
            if self.original is not None and each is not self.meeting:
                continue  # another occurrence
            if each.conference != room:
                elsewhere.append(each)
            elif isinstance(each, RecurringConference):
                if not isinstance(kept, RecurringConference):
                    changes.append(Delete(tables.RECURRING_CONFERENCE, each.id))
            elif isinstance(kept, RecurringConference) or each.id != kept.id:
                changes.append(Delete(tables.SCHEDULED_CONFERENCE, each.id))
        return [*succession.removal(elsewhere, self.known), *changes]

    def _meeting_record(
        self, alias: ScheduledAlias, room: int
    ) -> tuple[AnswerTemplate, ScheduledConference]:
        old = self.meeting
        template = (
            AnswerTemplate.EDITED_SINGLE
            if old or self.series
            else AnswerTemplate.NEW_SINGLE
        )
        if old is not None and self.original is not None:
            template = AnswerTemplate.EDITED_OCCURRENCE
        return template, ScheduledConference(
            id=old.id if old else self.ids.new_id(tables.SCHEDULED_CONFERENCE),
            conference=room,
            start_time=self.start
            - timedelta(minutes=self.connector.meeting_buffer_before),
            end_time=self.end + timedelta(minutes=self.connector.meeting_buffer_after),
            ews_item_id=bounded(self.message.ref.item_id, 255),
            ews_item_uid=self.message.uid,
            scheduled_alias=alias.id,
            subject=self.texts.subject(self.message, alias),
            exchange_connector=self.connector.id,
            meeting_start=self.start,
            meeting_end=self.end,
            sequence=self.message.sequence,
            changed=self.message.changed,
            answer=self.past or template,
            organizer=organizer.address_of(self.message),
            recurrence_id=self.original,
        )

    def _series_record(
        self, alias: ScheduledAlias, room: int, recurrence: Recurrence
    ) -> tuple[AnswerTemplate, RecurringConference]:
        old = self.series
        template = (
            AnswerTemplate.EDITED_SERIES
            if old or self.meeting
            else AnswerTemplate.NEW_SERIES
        )
        versions: tuple[OccurrenceVersion, ...] = ()
        if old is not None:
            # The message names the exceptions that still count.
            counting = {m.original for m in recurrence.exceptions}
            counting.update(recurrence.deleted)
            versions = tuple(v for v in old.versions if v.original in counting)
        record = RecurringConference(
            id=old.id if old else self.ids.new_id(tables.RECURRING_CONFERENCE),
            conference=room,
            current_index=old.current_index if old else 0,
            ews_item_id=bounded(self.message.ref.item_id, 255),
            scheduled_alias=alias.id,
            subject=self.texts.subject(self.message, alias),
            exchange_connector=self.connector.id,
            ews_item_uid=self.message.uid,
            recurrence=recurrence,
            join_before=self.connector.meeting_buffer_before,
            join_after=self.connector.meeting_buffer_after,
            sequence=self.message.sequence,
            changed=self.message.changed,
            answer=self.past or template,
            versions=versions,
            organizer=organizer.address_of(self.message),
        )
        orphans = (m for m in self.meetings if m.conference == room)
        return template, with_newer(record, (*orphans, *([old] if old else ())))
