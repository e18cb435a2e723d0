"""What to do about one message in the equipment mailbox. Pure.

`decide` looks at a message, at what is known and at the time, and returns a
`Decision`: the records to write and the answer to give. It performs nothing, so every
story can be told as a table of cases, and a crash can be replayed.

| message              | known                    | answer                    |
|----------------------|--------------------------|---------------------------|
| request, valid tag   | meeting unknown          | accept, new single        |
| request, valid tag   | meeting scheduled        | accept, edited single     |
| request              | the same message before  | the same answer again     |
| request              | something newer known    | discard without a word    |
| request, no tag      | -                        | decline, invalid alias id |
| request, unknown tag | -                        | decline, invalid alias id |
| request, valid tag   | tag is another meeting's | decline, invalid alias id |
| request, valid tag   | its room was deleted     | decline, alias deleted    |
| request, valid tag   | alias leads elsewhere    | decline, alias conflict   |
| request, valid tag   | meeting is over already  | decline, single in past   |
| cancellation         | meeting scheduled        | remove, the room goes     |
| cancellation         | meeting unknown          | remove, the tag is spent  |
| anything else        | -                        | left alone                |

Whatever a message holds that does not fit raises `Undecidable`; the caller turns that,
and every other error, into the general error text with a correlation id.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from pexschedd.model import tables
from pexschedd.model.conference import (
    Conference,
    ConferenceAlias,
    ScheduledAlias,
    ScheduledConference,
)
from pexschedd.model.integration import Connector
from pexschedd.model.meeting import MeetingMessage, MessageKind
from pexschedd.model.table import Table
from pexschedd.scheduling import tags
from pexschedd.scheduling.decision import (
    Change,
    Decision,
    Put,
    RemoveRoom,
    Text,
    Undecidable,
)
from pexschedd.scheduling.mailbox import Action


class Known(Protocol):
    def alias(self, uuid: str) -> ScheduledAlias | None: ...
    def alias_by_id(self, id: int | None) -> ScheduledAlias | None: ...
    def meeting(self, connector_id: int, uid: str) -> ScheduledConference | None: ...
    def conference(self, id: int) -> Conference | None: ...
    def owner_of(self, alias: str) -> int | None: ...
    def name_taken(self, name: str) -> bool: ...


class RoomWording(Protocol):
    """The integration's templates for what a room is called."""

    def name(self, message: MeetingMessage, alias: ScheduledAlias) -> str: ...
    def description(self, message: MeetingMessage, alias: ScheduledAlias) -> str: ...
    def subject(self, message: MeetingMessage, alias: ScheduledAlias) -> str: ...
    def alias_description(
        self, message: MeetingMessage, alias: ScheduledAlias
    ) -> str: ...


class Fresh(msgspec.Struct, frozen=True):
    """What a decision may use up. Ids and randomness are passed in."""

    new_id: Callable[[Table[Any]], int]
    digits: Callable[[int], str]


def decide(
    message: MeetingMessage,
    known: Known,
    connector: Connector,
    wording: RoomWording,
    now: datetime,
    fresh: Fresh,
) -> Decision:
    match message.kind:
        case MessageKind.OTHER:
            return Decision("not about a meeting")
        case MessageKind.CANCELLATION:
            return _cancelled(message, known, connector, now)
        case MessageKind.REQUEST:
            return _Request(message, known, connector, wording, now, fresh).decide()


def _cancelled(
    message: MeetingMessage, known: Known, connector: Connector, now: datetime
) -> Decision:
    if message.recurrence_id is not None:
        raise Undecidable("one occurrence was cancelled; series cannot be scheduled")
    meeting = known.meeting(connector.id, message.uid)
    if meeting is not None:
        if message.sequence < meeting.sequence:
            return Decision("cancels what has been sent again since", Action.DISCARD)
        return Decision(
            "cancelled", Action.REMOVE, changes=(RemoveRoom(meeting.conference),)
        )
    # Its request may still be on the way: the tag is spent, so that the request,
    # when it comes, does not schedule a meeting that nobody wants any more.
    spent = tuple(
        Put(
            tables.SCHEDULED_ALIAS,
            msgspec.structs.replace(
                alias, ews_item_uid=message.uid, conference_deletion_time=now
            ),
        )
        for alias in _tagged(message, known, connector)
        if not alias.is_used and alias.conference_deletion_time is None
    )
    return Decision("cancelled before it was scheduled", Action.REMOVE, changes=spent)


def _tagged(
    message: MeetingMessage, known: Known, connector: Connector
) -> list[ScheduledAlias]:
    """The aliases of this integration that the body names, in document order."""
    found = (known.alias(uuid) for uuid in tags.find(message.html, message.text).pxps)
    return [a for a in found if a is not None and a.exchange_connector == connector.id]


def is_older(message: MeetingMessage, meeting: ScheduledConference) -> bool:
    """Whether something newer is scheduled already (MS-OXOCAL: sequence first, then
    the organizer's last critical change)."""
    if message.sequence != meeting.sequence:
        return message.sequence < meeting.sequence
    return (
        message.changed is not None
        and meeting.changed is not None
        and message.changed < meeting.changed
    )


def is_same(message: MeetingMessage, meeting: ScheduledConference) -> bool:
    """Whether this very version is scheduled: a second copy of the same message.

    The last change is known in whole seconds only; within one second an organizer's
    program can change a meeting twice.
    """
    return (
        message.sequence == meeting.sequence
        and message.changed is not None
        and message.changed == meeting.changed
        and (message.start, message.end) == (meeting.meeting_start, meeting.meeting_end)
    )


class _Request:
    """One meeting request on its way to a decision."""

    def __init__(
        self,
        message: MeetingMessage,
        known: Known,
        connector: Connector,
        wording: RoomWording,
        now: datetime,
        fresh: Fresh,
    ) -> None:
        self.message = message
        self.known = known
        self.connector = connector
        self.wording = wording
        self.now = now
        self.fresh = fresh
        self.meeting = known.meeting(connector.id, message.uid) if message.uid else None

    def decide(self) -> Decision:
        message, meeting = self.message, self.meeting
        start, end = self._times()
        if meeting is not None and is_older(message, meeting):
            return Decision("older than what is scheduled", Action.DISCARD)
        if meeting is not None and self._seen_before(meeting):
            alias = self.known.alias_by_id(meeting.scheduled_alias)
            return Decision(
                "seen before", Action.ACCEPT, Text(meeting.answer), alias=alias
            )
        if message.outdated:
            return Decision("out of date, says the server", Action.DISCARD)

        alias = self._alias()
        if alias is None:
            return self._decline(Text.INVALID_ALIAS, "no valid tag")
        if alias.conference_deletion_time is not None:
            return self._decline(Text.ALIAS_DELETED, "alias deleted", alias)
        if alias.ews_item_uid and alias.ews_item_uid != message.uid:
            return self._decline(
                Text.INVALID_ALIAS, "the tag is another meeting's", alias
            )
        if end <= self.now:
            return self._decline(Text.SINGLE_PAST, "in the past", alias)
        own = meeting.conference if meeting is not None else None
        for text in (alias.alias, alias.numeric_alias):
            if self.known.owner_of(text) not in (None, own):
                return self._decline(Text.ALIAS_CONFLICT, "alias in use", alias)
        if meeting is None:
            return self._accept_new(alias, start, end, Text.NEW_SINGLE)
        if meeting.scheduled_alias != alias.id:
            # The organizer had the add-in hand out another alias: another room.
            other = self._accept_new(alias, start, end, Text.EDITED_SINGLE)
            changes = (RemoveRoom(meeting.conference), *other.changes)
            return msgspec.structs.replace(
                other, note="edited, with another alias", changes=changes
            )
        return self._accept_edited(meeting, alias, start, end)

    def _seen_before(self, meeting: ScheduledConference) -> bool:
        alias = self._alias()
        return (
            bool(meeting.answer)
            and is_same(self.message, meeting)
            and alias is not None
            and alias.id == meeting.scheduled_alias
            and self.wording.subject(self.message, alias) == meeting.subject
        )

    def _times(self) -> tuple[datetime, datetime]:
        message = self.message
        if message.is_series or message.recurrence_id is not None:
            raise Undecidable("recurring meetings cannot be scheduled")
        if not message.uid:
            raise Undecidable("the request does not say which meeting it is about")
        if message.start is None or message.end is None:
            raise Undecidable("the request has no start or no end")
        if message.end < message.start:
            raise Undecidable("the meeting ends before it starts")
        return message.start, message.end

    def _alias(self) -> ScheduledAlias | None:
        """The alias that the tag means.

        Bodies can hold several tags: an older invitation quoted below a new one. The
        first is the newest, but the one that the meeting has already wins.
        """
        found = _tagged(self.message, self.known, self.connector)
        if self.meeting is not None:
            for alias in found:
                if alias.id == self.meeting.scheduled_alias:
                    return alias
        return found[0] if found else None

    def _decline(
        self, text: Text, note: str, alias: ScheduledAlias | None = None
    ) -> Decision:
        return Decision(f"declined: {note}", Action.DECLINE, text, alias)

    def _window(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        before = timedelta(minutes=self.connector.meeting_buffer_before)
        after = timedelta(minutes=self.connector.meeting_buffer_after)
        return start - before, end + after

    def _accept_new(
        self, alias: ScheduledAlias, start: datetime, end: datetime, text: Text
    ) -> Decision:
        message, connector = self.message, self.connector
        opens, closes = self._window(start, end)
        conference = Conference(
            id=self.fresh.new_id(tables.CONFERENCE),
            name=self._free_name(alias, own=""),
            description=self.wording.description(message, alias),
            primary_owner_email_address=_bounded(message.organizer.email, 100),
            ivr_theme=connector.ivr_theme,
            host_identity_provider_group=connector.host_identity_provider_group,
            non_idp_participants=connector.non_idp_participants,
            creation_time=self.now,
        )
        scheduled = ScheduledConference(
            id=self.fresh.new_id(tables.SCHEDULED_CONFERENCE),
            conference=conference.id,
            start_time=opens,
            end_time=closes,
            ews_item_id=_bounded(message.ref.item_id, 255),
            ews_item_uid=message.uid,
            scheduled_alias=alias.id,
            subject=self.wording.subject(message, alias),
            exchange_connector=connector.id,
            meeting_start=start,
            meeting_end=end,
            sequence=message.sequence,
            changed=message.changed,
            answer=text,
        )
        used = msgspec.structs.replace(alias, is_used=True, ews_item_uid=message.uid)
        changes: list[Change] = [
            Put(tables.SCHEDULED_ALIAS, used),
            Put(tables.CONFERENCE, conference),
        ]
        description = self.wording.alias_description(message, alias)
        changes.extend(
            Put(
                tables.CONFERENCE_ALIAS,
                ConferenceAlias(
                    id=self.fresh.new_id(tables.CONFERENCE_ALIAS),
                    alias=address,
                    conference=conference.id,
                    description=description,
                    creation_time=self.now,
                ),
            )
            for address in dict.fromkeys((alias.alias, alias.numeric_alias))
        )
        changes.append(Put(tables.SCHEDULED_CONFERENCE, scheduled))
        return Decision("scheduled", Action.ACCEPT, text, used, tuple(changes))

    def _accept_edited(
        self,
        meeting: ScheduledConference,
        alias: ScheduledAlias,
        start: datetime,
        end: datetime,
    ) -> Decision:
        message = self.message
        opens, closes = self._window(start, end)
        changes: list[Change] = [
            Put(
                tables.SCHEDULED_CONFERENCE,
                msgspec.structs.replace(
                    meeting,
                    start_time=opens,
                    end_time=closes,
                    meeting_start=start,
                    meeting_end=end,
                    subject=self.wording.subject(message, alias),
                    ews_item_id=_bounded(message.ref.item_id, 255),
                    sequence=message.sequence,
                    changed=message.changed,
                    answer=Text.EDITED_SINGLE,
                ),
            )
        ]
        conference = self.known.conference(meeting.conference)
        if conference is not None:
            name = conference.name
            # Nodes know a running conference by its name: renaming it while people
            # may be inside would split them from those who join later.
            if not meeting.start_time <= self.now < meeting.end_time:
                name = self._free_name(alias, own=name)
            renamed = msgspec.structs.replace(
                conference,
                name=name,
                description=self.wording.description(message, alias),
            )
            if renamed != conference:
                changes.append(Put(tables.CONFERENCE, renamed))
        return Decision(
            "rescheduled", Action.ACCEPT, Text.EDITED_SINGLE, alias, tuple(changes)
        )

    def _free_name(self, alias: ScheduledAlias, *, own: str) -> str:
        """A name that no other conference has: a random number is added if need be."""
        wanted = self.wording.name(self.message, alias) or alias.numeric_alias
        if own == wanted or _made_unique(own, wanted):
            return own
        name = wanted
        while self.known.name_taken(name):
            name = f"{wanted[:NAME_STEM]} {self.fresh.digits(6)}"
        return name


NAME_STEM = 243
"""A conference's name has at most 250 characters: room for a blank and six digits."""


def _made_unique(name: str, wanted: str) -> bool:
    """Whether `name` is `wanted` with a random number added: it stays as it is."""
    stem, blank, digits = name.rpartition(" ")
    return bool(blank) and stem == wanted[:NAME_STEM] and digits.isdecimal()


def _bounded(text: str, length: int) -> str:
    """Empty rather than cut: half an address or id is worse than none."""
    return text if len(text) <= length else ""
