"""The desk's users: their calendars, their mail, and what they do with them.

A thin layer over the sandbox's mailboxes. Everything that is sent goes through the same
delivery as over Exchange Web Services, so the daemon cannot tell the desk from Outlook.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import unescape

from msgspec.structs import replace

from pexschedd.demo.views import (
    Invitee,
    MailView,
    MeetingDetail,
    MeetingDraft,
    MeetingView,
    NamedAddress,
)
from pexschedd.errors import NotFound, PexscheddError
from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import ids
from pexschedd.sandbox.items.records import (
    Attendee,
    Item,
    ItemKind,
    MailboxUser,
    Meeting,
    MeetingAnswer,
    ResponseType,
    same_address,
)
from pexschedd.sandbox.items.recurrence import DAYS, Pattern, SeriesRecurrence
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

_MAIL = (ItemKind.MESSAGE, ItemKind.REQUEST, ItemKind.RESPONSE, ItemKind.CANCELLATION)
_PREVIEW = 160
_JOIN_LINK = re.compile(r'"[^"\s]{0,100}/desk/join\?room=([^"&\s]{1,250})"')
_SHOWN_OF_SERIES = timedelta(days=366)


class NotPossible(PexscheddError):
    """A request of a user that makes no sense."""

    code = "not_possible"


class DeskUsers:
    """The users of an exchange. `room` is the equipment mailbox's address."""

    def __init__(self, exchange: Exchange, users: Sequence[str], room: str) -> None:
        self._exchange = exchange
        self._users = {address.casefold() for address in users}
        self._room = room
        self.users = [self._party(exchange.person(address)) for address in users]

    # Reading

    def calendar(self, user: str) -> list[MeetingView]:
        """Return all meetings of a user, by start; each occurrence of a series."""
        return sorted(
            (
                view
                for item in self._mailbox(user).calendar()
                if item.meeting is not None
                for view in self._views(item, item.meeting)
            ),
            key=lambda view: view.start,
        )

    def inbox(self, user: str) -> list[MailView]:
        """Return a user's messages, newest first."""
        return [self._mail(item) for item in self._mailbox(user).inbox()]

    def meeting(self, user: str, uid: str) -> MeetingDetail:
        """Return a meeting with its body."""
        item, meeting = self._meeting(user, uid)
        return MeetingDetail(self._view(item, meeting), item.body.html)

    def meeting_with(self, alias: str) -> str:
        """Return the UID of the meeting whose instructions have this alias, or ""."""
        whole = re.compile(rf"(?<![\w-]){re.escape(alias)}(?![\w-])")
        for mailbox in map(self._exchange.mailbox, self._users):
            for item in mailbox.calendar():
                meeting = item.meeting
                if meeting is None or meeting.cancelled:
                    continue
                if whole.search(item.body.text):
                    return ids.uid(meeting.goid)
        return ""

    def series(self, uid: str) -> list[tuple[datetime, datetime]]:
        """Return start and end of each meeting of a series; nothing for others."""
        for user in self._users:
            shown = [m for m in self.calendar(user) if m.uid == uid and m.repeats]
            if shown:
                return [(meeting.start, meeting.end) for meeting in shown]
        return []

    def message(self, user: str, item_id: str) -> str:
        """Return the HTML document of a message."""
        return self._message(user, item_id).body.html

    # Actions

    def save(self, draft: MeetingDraft) -> str:
        """Send a new meeting, or a change of one; return its UID."""
        if draft.end <= draft.start:
            raise NotPossible("The end has to be after the start.")
        mailbox = self._mailbox(draft.user)
        required = _people(draft.required, mailbox)
        optional = _people(draft.optional, mailbox)
        if not draft.uid:
            item = self._exchange.schedule(
                mailbox,
                subject=draft.subject,
                start=draft.start,
                end=draft.end,
                required=required,
                optional=optional,
                body=draft.body,
                location=draft.location,
                recurrence=_recurrence(draft),
            )
            return _uid(item)
        item, _ = self._own(draft.user, draft.uid)
        self._exchange.update(
            item,
            subject=draft.subject,
            start=draft.start,
            end=draft.end,
            required=required,
            optional=optional,
            body=draft.body,
            location=draft.location,
            recurrence=_recurrence(draft),
        )
        return draft.uid

    def cancel(self, user: str, uid: str) -> None:
        """Cancel a meeting of the user's own."""
        item, _ = self._own(user, uid)
        self._exchange.cancel(item)

    def respond(self, user: str, item_id: str, answer: str) -> None:
        """Answer a meeting request."""
        item = self._message(user, item_id)
        if not _answerable(item):
            raise NotPossible("This message cannot be answered.")
        try:
            self._exchange.respond(item, MeetingAnswer(answer))
        except ValueError:
            raise NotPossible("The answer is Accept, Tentative or Decline.") from None
        except EwsError as error:
            raise NotPossible(error.text) from None

    def read(self, user: str, item_id: str) -> None:
        """Mark a message as read, if it is still there: who opens it may answer it
        before this has arrived, which takes it away."""
        mailbox = self._mailbox(user)
        item = mailbox.get(item_id)
        if item is not None and item.kind in _MAIL:
            mailbox.mark_read(item)

    # Helpers

    def _mailbox(self, user: str) -> SandboxMailbox:
        if user.casefold() not in self._users:
            raise NotFound(f"{user} does not sit at this desk.")
        return self._exchange.mailbox(user)

    def _meeting(self, user: str, uid: str) -> tuple[Item, Meeting]:
        item = self._mailbox(user).meeting(ids.from_uid(uid))
        if item is None or item.meeting is None:
            raise NotFound("This meeting is no longer in the calendar.")
        return item, item.meeting

    def _own(self, user: str, uid: str) -> tuple[Item, Meeting]:
        item, meeting = self._meeting(user, uid)
        if not item.is_organizer:
            raise NotPossible("Only the organizer can change this meeting.")
        return item, meeting

    def _message(self, user: str, item_id: str) -> Item:
        item = self._mailbox(user).get(item_id)
        if item is None or item.kind not in _MAIL:
            raise NotFound("This message is no longer in the mailbox.")
        return item

    def _views(self, item: Item, meeting: Meeting) -> Iterator[MeetingView]:
        if meeting.recurrence is None:
            yield self._view(item, meeting)
            return
        whole = self._view(item, meeting)
        until = meeting.start + _SHOWN_OF_SERIES
        for each in self._exchange.occurrences(item, meeting.start, until):
            if each.meeting is not None:
                one = self._view(each, each.meeting)
                yield replace(
                    one, uid=whole.uid, repeats=whole.repeats, times=whole.times
                )

    def _view(self, item: Item, meeting: Meeting) -> MeetingView:
        recurrence = meeting.recurrence
        with_room = meeting.attendee(self._room) is not None
        return MeetingView(
            uid=ids.uid(meeting.goid),
            subject=item.subject,
            start=meeting.start,
            end=meeting.end,
            location=meeting.location,
            organizer=self._party(meeting.organizer),
            mine=item.is_organizer,
            guests=[_guest(attendee) for attendee in meeting.attendees],
            my_response=item.my_response.value,
            cancelled=meeting.cancelled,
            with_room=with_room,
            personal="" if with_room else _join_link(item),
            repeats="" if recurrence is None else _repeats(recurrence),
            times=1 if recurrence is None else recurrence.count or 0,
        )

    def _mail(self, item: Item) -> MailView:
        sender = item.author or item.sender or MailboxUser("", "")
        answer = (
            item.response if item.kind is ItemKind.RESPONSE else ResponseType.UNKNOWN
        )
        return MailView(
            id=item.id,
            kind=item.kind.value,
            subject=item.subject,
            sender=self._party(sender),
            received=item.received,
            unread=not item.is_read,
            preview=" ".join(item.body.text.split())[:_PREVIEW],
            uid=_uid(item),
            response="" if answer is ResponseType.UNKNOWN else answer.value,
            update=item.kind is ItemKind.REQUEST
            and item.request_type != "NewMeetingRequest",
            answerable=_answerable(item),
            from_room=same_address(sender.address, self._room),
        )

    def _party(self, person: MailboxUser) -> NamedAddress:
        return NamedAddress(person.name or person.address, person.address)


def _join_link(item: Item) -> str:
    """Return the alias in the first join link of the text; empty if it has none."""
    found = _JOIN_LINK.search(item.body.html)
    return unescape(found[1]) if found else ""


def _recurrence(draft: MeetingDraft) -> SeriesRecurrence | None:
    """Return the pattern of a draft: the desk's form knows two."""
    if draft.repeats == "daily":
        return SeriesRecurrence.daily(count=draft.times)
    if draft.repeats == "weekly":
        day = DAYS[draft.start.weekday()]
        return SeriesRecurrence.weekly(day, count=draft.times)
    return None


def _repeats(recurrence: SeriesRecurrence) -> str:
    known = {Pattern.DAILY: "daily", Pattern.WEEKLY: "weekly"}
    return known.get(recurrence.pattern, "other")


def _guest(attendee: Attendee) -> Invitee:
    person = attendee.person
    return Invitee(
        person.name or person.address,
        person.address,
        attendee.role.value,
        attendee.response.value,
    )


def _uid(item: Item) -> str:
    return ids.uid(item.meeting.goid) if item.meeting is not None else ""


def _answerable(item: Item) -> bool:
    return item.kind is ItemKind.REQUEST and item.folder == "inbox"


def _people(
    parties: Sequence[NamedAddress], organizer: SandboxMailbox
) -> list[MailboxUser]:
    """Return the addresses, none of them twice and not the organizer's."""
    seen = {organizer.address.casefold()}
    people = []
    for party in parties:
        if party.address.casefold() not in seen:
            seen.add(party.address.casefold())
            people.append(MailboxUser(party.name, party.address))
    return people
