"""Two organizers and a colleague who sends whatever he likes about their meetings.

The same messages of the organizers arrive in two worlds: one with the colleague, who is
an attendee and so knows the UIDs and tags of what was sent, and one without. What the
organizers have, and what they are told, must be the same in both.

He may take up a tag by the rule that `succession` states, once its meeting has been
left and is over. From then on that tag is his, and is looked at no more.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.meeting import MeetingMessage, MessageKind, Person
from pexschedd.model.recurrence import Recurrence
from pexschedd.model.schedule import MeetingRecord, ScheduledConference
from pexschedd.scheduling.decisions.decision import Decision, Undecidable
from pexschedd.scheduling.ports.mailbox import Action
from pexschedd.scheduling.recurrence.series_dates import is_over
from tests.scheduling.decisions.decide_support import HOUR, NOW, Rooms, request, run
from tests.scheduling.decisions.series_support import daily
from tests.thorough import examples

DAY = 24 * HOUR
ORGANIZERS = (Person("Alice", "alice@example.test"), Person("Carol", "carol@x.test"))
THEIRS = frozenset(each.email for each in ORGANIZERS)
BOB = Person("Bob", "bob@example.test")
NOBODY = Person("Bob", "")
EVERYBODY = tuple(each.email for each in (*ORGANIZERS, BOB))
ITS_OWN = "bobs-own"

organizers = st.sampled_from(ORGANIZERS)
hours = st.integers(-30, 100).map(lambda number: number * HOUR)
lengths = st.sampled_from([1, 3, 30]).map(lambda number: number * HOUR)
numbers = st.integers(0, 50)
lasting = st.sampled_from([None, 1, 2, 3, 6])
"""Occurrences of a series; None for one without end."""


class Meeting(msgspec.Struct):
    """A meeting as its organizer has it."""

    message: MeetingMessage
    tag: str
    gone: bool = False


def spread(message: MeetingMessage, number: int | None, is_series: bool) -> Any:
    """The message about a series that begins with it, or about it alone."""
    assert message.start is not None
    assert message.end is not None
    recurrence = daily(number, message.start, duration=message.end - message.start)
    return msgspec.structs.replace(
        message, is_series=is_series, recurrence=recurrence if is_series else None
    )


class Colleague(RuleBasedStateMachine):
    """The organizers' mail in both worlds, the colleague's in one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.digits = count()
        self.peace, self.war = Rooms(), Rooms()
        self.meetings: list[Meeting] = []
        self.sent: list[MeetingMessage] = []
        self.taken: set[str] = set()
        """The tags that the colleague has taken up by the rule."""
        self.book(ITS_OWN)

    def book(self, tag: str = "") -> str:
        number = len(self.peace.aliases) + 1
        uuid = f"2f6e8c1a-7a55-4f65-9a10-{number:012}"
        for rooms in (self.peace, self.war):
            rooms.book(number, uuid)
        return uuid

    @property
    def aliases(self) -> list[ScheduledAlias]:
        """Those that the organizers have used, and one that the colleague has."""
        return list(self.war.aliases.values())

    def decided(self, message: MeetingMessage, rooms: Rooms, **how: Any) -> Any:
        """Apply the decision, and return it; None for a contradiction."""
        try:
            digits = f"{next(self.digits):06}"
            decision = run(message, rooms, self.now, digits, **how)
        except Undecidable:
            return None
        if not decision.waits:
            rooms.apply(decision)
        return decision

    # The organizers

    def deliver(self, message: MeetingMessage) -> None:
        self.sent.append(message)
        tag = self.tag_of(message)
        in_peace = self.decided(message, self.peace)
        in_war = self.decided(message, self.war)
        if tag not in self.taken and not self.is_his(message.uid):
            assert self.told(in_peace) == self.told(in_war)
        self.look()

    def is_his(self, uid: str) -> bool:
        """Return whether he has made a meeting of his own of one that is gone."""
        return any(each.organizer not in THEIRS for each in self.found(self.war, uid))

    @staticmethod
    def told(decision: Decision | None) -> Any:
        return decision and (decision.action, decision.template, decision.reply)

    @staticmethod
    def tag_of(message: MeetingMessage) -> str:
        return message.html[len("<p>PXPS:-") : -len("#</p>")]

    def change(self, meeting: Meeting, **changes: Any) -> MeetingMessage:
        """The next version of a meeting."""
        assert meeting.message.start is not None
        meeting.message = msgspec.structs.replace(
            meeting.message,
            sequence=meeting.message.sequence + 1,
            changed=self.now,
            received=self.now,
            **changes,
        )
        return meeting.message

    @rule(
        who=organizers,
        at=hours,
        length=lengths,
        number=lasting,
        is_series=st.booleans(),
    )
    def invite(
        self,
        who: Person,
        at: timedelta,
        length: timedelta,
        number: int | None,
        is_series: bool,
    ) -> None:
        self.invited(who, self.now + at, length, number, is_series, self.book())

    def invited(
        self,
        who: Person,
        start: datetime,
        length: timedelta,
        number: int | None,
        is_series: bool,
        tag: str,
    ) -> None:
        message = request(
            uid=f"UID-{len(self.meetings)}",
            tag=tag,
            start=start,
            end=start + length,
            organizer=who,
            attendees=EVERYBODY,
            changed=self.now,
            received=self.now,
        )
        message = spread(message, number, is_series)
        self.meetings.append(Meeting(message, tag))
        self.deliver(message)

    @precondition(lambda self: self.meetings)
    @rule(n=numbers, at=hours, length=lengths, number=lasting, is_series=st.booleans())
    def another_meeting_with_the_tag(
        self,
        n: int,
        at: timedelta,
        length: timedelta,
        number: int | None,
        is_series: bool,
    ) -> None:
        old = self.meetings[n % len(self.meetings)]
        who = old.message.organizer
        self.invited(who, self.now + at, length, number, is_series, old.tag)

    @precondition(lambda self: self.meetings)
    @rule(n=numbers, at=hours, length=lengths, number=lasting, is_series=st.booleans())
    def edit(
        self,
        n: int,
        at: timedelta,
        length: timedelta,
        number: int | None,
        is_series: bool,
    ) -> None:
        meeting = self.meetings[n % len(self.meetings)]
        if meeting.gone:
            return
        start = self.now + at
        message = msgspec.structs.replace(
            meeting.message, start=start, end=start + length
        )
        spread_out = spread(message, number, is_series)
        self.deliver(
            self.change(
                meeting,
                start=start,
                end=start + length,
                is_series=is_series,
                recurrence=spread_out.recurrence,
            )
        )

    @precondition(lambda self: self.meetings)
    @rule(n=numbers, day=st.integers(0, 5), by=hours, kind=st.sampled_from(MessageKind))
    def one_occurrence(
        self, n: int, day: int, by: timedelta, kind: MessageKind
    ) -> None:
        meeting = self.meetings[n % len(self.meetings)]
        if meeting.gone or not meeting.message.is_series:
            return
        start, end = meeting.message.start, meeting.message.end
        assert start is not None
        assert end is not None
        message = msgspec.structs.replace(
            meeting.message,
            kind=kind,
            recurrence_id=start + day * DAY,
            start=start + day * DAY + by,
            end=end + day * DAY + by,
            is_series=False,
            recurrence=None,
            changed=self.now,
        )
        self.deliver(message)

    @precondition(lambda self: self.meetings)
    @rule(n=numbers)
    def cancel(self, n: int) -> None:
        meeting = self.meetings[n % len(self.meetings)]
        if not meeting.gone:
            meeting.gone = True
            self.deliver(self.change(meeting, kind=MessageKind.CANCELLATION))

    @precondition(lambda self: self.sent)
    @rule(n=numbers)
    def a_late_copy(self, n: int) -> None:
        self.deliver(self.sent[n % len(self.sent)])

    @rule(by=st.sampled_from([HOUR, DAY, 4 * DAY]))
    def time_passes(self, by: timedelta) -> None:
        self.now += by

    # The colleague

    @precondition(lambda self: self.sent)
    @rule(
        n=numbers,
        alias=st.none() | numbers,
        uid=st.none() | st.sampled_from(["", ITS_OWN]) | numbers,
        organizer=st.sampled_from([BOB, BOB, NOBODY]),
        changes=st.fixed_dictionaries(
            {},
            optional={
                "kind": st.sampled_from(MessageKind),
                "sequence": st.sampled_from([0, 1, 7, 2**31 - 1]),
                "has_sequence": st.booleans(),
                "changed": st.sampled_from([None, NOW - 900 * DAY, NOW + 900 * DAY]),
                "recurrence_id": st.none() | hours.map(lambda by: NOW + by),
                "names_its_part": st.booleans(),
                "outdated": st.booleans(),
                "received": hours.map(lambda by: NOW + by),
                "attendees": st.sampled_from([(), EVERYBODY]),
                "start": hours.map(lambda by: NOW + by),
                "end": hours.map(lambda by: NOW + 2 * DAY + by),
            },
        ),
        number=lasting,
        is_series=st.none() | st.booleans(),
        may_wait=st.booleans(),
    )
    def the_colleague_sends(
        self,
        n: int,
        alias: int | None,
        uid: int | str | None,
        organizer: Person,
        changes: dict[str, Any],
        number: int | None,
        is_series: bool | None,
        may_wait: bool,
    ) -> None:
        """Any message of somebody else's, with parts of another or of his own."""
        seen = self.sent[n % len(self.sent)]
        if alias is not None:
            tag = self.aliases[alias % len(self.aliases)].uuid
            changes["html"] = f"<p>PXPS:-{tag}#</p>"
        if uid is not None:
            other = self.sent[uid % len(self.sent)].uid if isinstance(uid, int) else uid
            changes["uid"] = other
        message = msgspec.structs.replace(seen, organizer=organizer, **changes)
        if is_series is not None and message.start and message.end:
            if message.start > message.end:
                message = msgspec.structs.replace(message, end=message.start)
            message = spread(message, number, is_series)
        self.attack(message, may_wait=may_wait)

    @precondition(lambda self: self.sent)
    @rule(
        n=numbers,
        uid=st.sampled_from([ITS_OWN, f"{ITS_OWN}-2", ""]),
        kind=st.sampled_from([MessageKind.REQUEST] * 3 + [MessageKind.CANCELLATION]),
        at=hours,
        length=lengths,
        number=lasting,
        is_series=st.booleans(),
    )
    def the_colleague_invites(
        self,
        n: int,
        uid: str,
        kind: MessageKind,
        at: timedelta,
        length: timedelta,
        number: int | None,
        is_series: bool,
    ) -> None:
        """A meeting of his own with a tag of theirs, or its cancellation."""
        seen = self.sent[n % len(self.sent)]
        start = self.now + at
        message = msgspec.structs.replace(
            seen,
            uid=uid or seen.uid,
            kind=kind,
            organizer=BOB,
            start=start,
            end=start + length,
            recurrence_id=None,
            changed=self.now,
            received=self.now,
        )
        self.attack(spread(message, number, is_series))

    def attack(self, message: MeetingMessage, *, may_wait: bool = False) -> None:
        """Deliver a message of the colleague's, in his world alone."""
        tag = self.tag_of(message)
        decision = self.decided(message, self.war, may_wait=may_wait)
        if decision is not None and decision.action is Action.ACCEPT:
            self.accepted(tag)
        for id, alias in self.peace.aliases.items():
            # That no meeting has yet: whoever comes first has it.
            if not alias.is_used and self.war.aliases[id] != alias:
                self.taken.add(alias.uuid)
        self.look()

    def accepted(self, tag: str) -> None:
        """He has a room with this tag: it is his own, or left to him and over."""
        alias = self.peace.alias(tag)
        assert alias is not None
        if not alias.is_used or tag in self.taken:
            return
        assert alias.vacancy is not None
        assert alias.vacancy.since <= self.now
        assert BOB.email in alias.vacancy.attendees
        assert not [each for each in self.under(alias) if not self.is_past(each)]
        self.taken.add(tag)

    def under(self, alias: ScheduledAlias) -> list[MeetingRecord]:
        return [
            each
            for each in self.everything(self.peace)
            if each.scheduled_alias == alias.id
        ]

    @staticmethod
    def everything(rooms: Rooms) -> Iterator[MeetingRecord]:
        yield from rooms.rows.values()
        yield from rooms.recurring.values()

    def is_past(self, record: MeetingRecord) -> bool:
        if isinstance(record, ScheduledConference):
            return (record.meeting_end or record.end_time) <= self.now
        return is_over(record.recurrence, self.now)

    # What holds

    def look(self) -> None:
        """See that the organizers have what they would have without him."""
        for uid in {each.message.uid for each in self.meetings}:
            assert self.times(self.peace, uid) == self.times(self.war, uid)
        for id, alias in self.peace.aliases.items():
            if alias.is_used and alias.uuid not in self.taken:
                assert self.war.aliases[id] == alias
        self.look_at_rooms()

    def look_at_rooms(self) -> None:
        """See that their aliases lead to their rooms, and nobody else is in there."""
        for each in self.everything(self.war):
            alias = self.war.aliases[each.scheduled_alias or 0]
            if each.organizer not in THEIRS:
                continue
            assert each.conference in self.war.conferences
            for address in (alias.alias, alias.numeric_alias):
                assert self.war.conference_of(address) == each.conference
            if alias.uuid in self.taken:
                continue
            for other in self.war.in_room(each.conference):
                assert other.organizer == each.organizer

    @staticmethod
    def found(rooms: Rooms, uid: str) -> list[MeetingRecord]:
        return rooms.records(1, uid)

    def times(self, rooms: Rooms, uid: str) -> list[Any]:
        """The tags and the times that the organizers have for a meeting."""
        found = []
        for each in self.found(rooms, uid):
            alias = rooms.aliases[each.scheduled_alias or 0]
            if each.organizer not in THEIRS or alias.uuid in self.taken:
                continue
            times: Recurrence | tuple[datetime, datetime]
            if isinstance(each, ScheduledConference):
                times = each.start_time, each.end_time
            else:
                times = each.recurrence
            found.append((alias.uuid, each.organizer, times))
        return sorted(found, key=repr)


def test_rooms_are_open_whatever_the_colleague_sends() -> None:
    """Whatever the colleague sends, the organizers' rooms are open when they meet."""
    limits = settings(max_examples=examples(60), stateful_step_count=25)
    run_state_machine_as_test(Colleague, settings=limits)
