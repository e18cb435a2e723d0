"""The decision about one meeting request. Pure; see `decide`.

A request is about a single meeting, a series, or one occurrence of a series. So are the
records of the meeting, and not always the same as the request: a single meeting can
become a series and back, and an occurrence comes alone when only it was sent to us. A
whole meeting takes place in one room, as long as it keeps its alias.
"""

import re
from datetime import datetime, timedelta

import msgspec

from pexschedd.bodies import tags
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage
from pexschedd.model.recurrence import Moved, Recurrence
from pexschedd.model.schedule import (
    OccurrenceVersion,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.scheduling.decisions import organizer
from pexschedd.scheduling.decisions.conference import ConferenceBuilder, bounded
from pexschedd.scheduling.decisions.context import (
    IdSource,
    KnownMeetings,
    RoomTexts,
    scheduled,
    tagged,
)
from pexschedd.scheduling.decisions.decision import (
    Change,
    Decision,
    Delete,
    Put,
    RemoveRoom,
    Text,
    Undecidable,
)
from pexschedd.scheduling.decisions.series_edit import (
    with_newer,
    with_occurrence,
    without_occurrence,
)
from pexschedd.scheduling.decisions.versions import Version, newest
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.recurrence import series_dates as series_of

_FORWARDED = re.compile(r"\A\w{1,4}[:：] ?")
"""The prefix of a subject that an attendee has forwarded: FW, WG, TR, ... in the
attendee's language. The rest of the subject is the organizer's."""


class MeetingRequest:
    """A request, with the records of its meeting.

    Raises `Undecidable` for a request that contradicts itself.
    """

    def __init__(
        self,
        message: MeetingMessage,
        known: KnownMeetings,
        connector: Connector,
        texts: RoomTexts,
        now: datetime,
        ids: IdSource,
    ) -> None:
        if not message.uid:
            raise Undecidable("the request does not say which meeting it is about")
        if message.start is None or message.end is None:
            raise Undecidable("the request has no start or no end")
        if message.end < message.start:
            raise Undecidable("the meeting ends before it starts")
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
        self.rooms = ConferenceBuilder(message, known, connector, texts, now, ids)
        self.series = known.series(connector.id, message.uid)
        self.meetings = known.meetings(connector.id, message.uid)
        version = Version.of(message)
        self.cancelled = [
            each
            for each in known.cancelled_early(connector.id, message.uid)
            if Version(each.sequence, each.changed).is_newer_than(version)
            and organizer.is_the_organizers(message, connector.id, [each], known)
        ]
        self.meeting = next(
            (m for m in self.meetings if m.recurrence_id == self.original), None
        )

    def decide(self) -> Decision:
        """The answer to the request, and the records that change."""
        everything = scheduled(self.known, self.connector.id, self.message.uid)
        if not organizer.is_the_organizers(
            self.message, self.connector.id, everything, self.known
        ):
            return organizer.refused("the request")
        held = self._held()
        version = Version.of(self.message)
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
            tokens = tags.find(self.message.html, self.message.text).tok
            if tokens:
                return Decision("sent while we were offline", token=tokens[0])
            return self._decline(Text.INVALID_ALIAS, "no valid tag")
        refused = self._refused(alias)
        if refused is not None:
            return refused
        text, changes = self._schedule(alias)
        used = msgspec.structs.replace(
            alias,
            is_used=True,
            ews_item_uid=self.message.uid,
            conference_deletion_time=None,
            room_end=None,
        )
        if used != alias:
            changes = [Put(tables.SCHEDULED_ALIAS, used), *changes]
        past = self._past()
        if past is None:
            note = "scheduled" if held is None else "rescheduled"
            return Decision(note, Action.ACCEPT, text, used, tuple(changes))
        declined = self._decline(past, "in the past", alias)
        if held is None:
            return declined
        # The schedule changes all the same: the old time must not stay open.
        return msgspec.structs.replace(declined, changes=tuple(changes))

    def _held(self) -> Version | None:
        """The last version of what the request is about, if there is any."""
        if self.original is not None and self.series is not None:
            return newest(self.series, self.original)
        if self.meeting is not None:
            return Version.scheduled(self.meeting)
        if self.original is None and self.series is not None:
            return Version.scheduled(self.series)
        for each in self.cancelled:
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
        return Decision("seen before", Action.ACCEPT, Text(held.answer), alias)

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
        changed = with_occurrence(self.series, moved, Version.of(self.message))
        return changed.recurrence

    def _alias(self) -> ScheduledAlias | None:
        """The alias that the tag means.

        Bodies can hold several tags: an older invitation quoted below a new one. The
        first is the newest, but the one that the meeting has already wins.
        """
        found = tagged(self.message, self.known, self.connector)
        has = {each.scheduled_alias for each in (*self.meetings, self.series) if each}
        return next((a for a in found if a.id in has), found[0] if found else None)

    def _refused(self, alias: ScheduledAlias) -> Decision | None:
        if alias.is_deleted(self.now):
            return self._decline(Text.ALIAS_DELETED, "alias deleted", alias)
        if alias.ews_item_uid and alias.ews_item_uid != self.message.uid:
            return self._decline(
                Text.INVALID_ALIAS, "the tag is another meeting's", alias
            )
        for text in (alias.alias, alias.numeric_alias):
            owner = self.known.owner_of(text)
            if owner is not None and owner not in self._own_rooms():
                return self._decline(Text.ALIAS_CONFLICT, "alias in use", alias)
        return None

    def _past(self) -> Text | None:
        if self.recurrence is not None:
            over = series_of.is_over(self.recurrence, self.now)
            return Text.SERIES_PAST if over else None
        return Text.SINGLE_PAST if self.end <= self.now else None

    def _decline(
        self, text: Text, note: str, alias: ScheduledAlias | None = None
    ) -> Decision:
        return Decision(f"declined: {note}", Action.DECLINE, text, alias)

    def _own_rooms(self) -> set[int]:
        return {each.conference for each in (*self.meetings, self.series) if each}

    def _schedule(self, alias: ScheduledAlias) -> tuple[Text, list[Change]]:
        if self.original is not None and self.series is not None:
            if alias.id == self.series.scheduled_alias:
                return self._schedule_exception(self.series, self.original)
            raise Undecidable("one occurrence of a series has another alias")
        room, changes = self._room(alias)
        if self.recurrence is not None:
            text, record = self._series_record(alias, room, self.recurrence)
            for each in self.cancelled:
                version = Version(each.sequence, each.changed)
                record = without_occurrence(record, each.recurrence_id, version)
                changes.append(Delete(tables.CANCELLED_OCCURRENCE, each.id))
            changes.append(Put(tables.RECURRING_CONFERENCE, record))
            kept: ScheduledConference | RecurringConference = record
        else:
            text, kept = self._meeting_record(alias, room)
            changes.append(Put(tables.SCHEDULED_CONFERENCE, kept))
        return text, [*self._superseded(kept, room), *changes]

    def _schedule_exception(
        self, series: RecurringConference, original: datetime
    ) -> tuple[Text, list[Change]]:
        version = msgspec.structs.replace(
            Version.of(self.message), answer=Text.EDITED_OCCURRENCE
        )
        moved = Moved(original, self.start, self.end)
        changed = with_occurrence(series, moved, version)
        return Text.EDITED_OCCURRENCE, [Put(tables.RECURRING_CONFERENCE, changed)]

    def _room(self, alias: ScheduledAlias) -> tuple[int, list[Change]]:
        """The room that the alias leads to, or a new one: its id and its changes."""
        owner = self.known.owner_of(alias.alias)
        if owner is None or owner not in self._own_rooms():
            return self.rooms.new(alias)
        return owner, self.rooms.renamed(owner, alias, is_open=self._is_open())

    def _is_open(self) -> bool:
        """Return whether the room, as it is scheduled until now, may be in use."""
        if any(m.start_time <= self.now < m.end_time for m in self.meetings):
            return True
        if self.series is None:
            return False
        windows = series_of.open_windows(
            self.series.recurrence,
            timedelta(minutes=self.series.join_before),
            timedelta(minutes=self.series.join_after),
            self.now,
        )
        return windows.current is not None

    def _superseded(
        self, kept: ScheduledConference | RecurringConference, room: int
    ) -> list[Change]:
        """The changes that delete what the request replaces."""
        changes: list[Change] = []
        old: list[ScheduledConference | RecurringConference] = [*self.meetings]
        old += [self.series] if self.series else []
        for each in old:
            if self.original is not None and each is not self.meeting:
                continue  # another occurrence
            if each.conference != room:
                changes.append(RemoveRoom(each.conference))
            elif isinstance(each, RecurringConference):
                if not isinstance(kept, RecurringConference):
                    changes.append(Delete(tables.RECURRING_CONFERENCE, each.id))
            elif isinstance(kept, RecurringConference) or each.id != kept.id:
                changes.append(Delete(tables.SCHEDULED_CONFERENCE, each.id))
        return list(dict.fromkeys(changes))

    def _meeting_record(
        self, alias: ScheduledAlias, room: int
    ) -> tuple[Text, ScheduledConference]:
        old = self.meeting
        text = Text.EDITED_SINGLE if old or self.series else Text.NEW_SINGLE
        if old is not None and self.original is not None:
            text = Text.EDITED_OCCURRENCE
        return text, ScheduledConference(
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
            answer=text,
            organizer=organizer.address_of(self.message),
            recurrence_id=self.original,
        )

    def _series_record(
        self, alias: ScheduledAlias, room: int, recurrence: Recurrence
    ) -> tuple[Text, RecurringConference]:
        old = self.series
        text = Text.EDITED_SERIES if old or self.meeting else Text.NEW_SERIES
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
            answer=text,
            versions=versions,
            organizer=organizer.address_of(self.message),
        )
        orphans = (m for m in self.meetings if m.conference == room)
        return text, with_newer(record, (*orphans, *([old] if old else ())))
