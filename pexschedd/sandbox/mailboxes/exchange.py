"""The actions of users on the mailboxes of the sandbox.

The package's docstring shows how it is used.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from pexschedd.sandbox.errors import EwsError
from pexschedd.sandbox.items import bodies, series, timezones
from pexschedd.sandbox.items.records import (
    Attendee,
    Body,
    Item,
    ItemKind,
    Meeting,
    MeetingAnswer,
    ResponseType,
    Role,
    Send,
)
from pexschedd.sandbox.items.recurrence import SeriesRecurrence
from pexschedd.sandbox.mailboxes import attending, organizing
from pexschedd.sandbox.mailboxes.directory import Addressee
from pexschedd.sandbox.mailboxes.mail_transport import MailTransport
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.mailboxes.snapshot import MailboxState, SandboxState
from pexschedd.sandbox.mailboxes.token_certificate import TokenCertificate


class Exchange(MailTransport):
    """The mailboxes of all accounts, in memory, and the actions of their users."""

    # Actions of organizers

    def schedule(
        self,
        organizer: SandboxMailbox | str,
        *,
        subject: str,
        start: datetime,
        end: datetime,
        required: Sequence[Addressee] = (),
        optional: Sequence[Addressee] = (),
        resources: Sequence[Addressee] = (),
        body: str | Body = "",
        location: str = "",
        zone: str = "UTC",
        all_day: bool = False,
        recurrence: SeriesRecurrence | None = None,
        by: Addressee | None = None,
        send: bool = True,
    ) -> Item:
        """Put a meeting into the organizer's calendar and invite people to it.

        `body` is HTML; `zone` a Windows time zone id; `by` a delegate who sends it for
        the organizer. A series repeats in its zone; `start` and `end` are those of its
        first occurrence. Returns the calendar item. Raises ValueError, and EwsError for
        a series without any occurrence.
        """
        if not timezones.known(zone):
            raise ValueError(f"{zone!r} is no Windows time zone")
        mailbox = self._mailbox(organizer)
        now = self.now()
        item = Item(
            kind=ItemKind.CALENDAR,
            item_class="IPM.Appointment",
            subject=bodies.clean_text(subject),
            body=bodies.as_body(body),
            created=now,
            modified=now,
            received=now,
            meeting=Meeting(
                goid=self.new_goid(),
                organizer=self.person(mailbox.address),
                start=_utc(start),
                end=_utc(end),
                zone=zone,
                all_day=all_day,
                recurrence=recurrence,
                location=bodies.clean_text(location),
                attendees=self._attendees(required, optional, resources),
                critical_change=now,
            ),
        )
        series.settle(item, None)
        send_to = Send.ALL if send else Send.NONE
        return self.organize(mailbox, item, send_to, by=by)

    def organize(
        self,
        mailbox: SandboxMailbox,
        item: Item,
        send: Send,
        *,
        save_copy: bool = True,
        folder: str = "calendar",
        by: Addressee | None = None,
    ) -> Item:
        """Do the same for a calendar item that is ready but in no folder yet."""
        item.is_read = True
        item.my_response = ResponseType.ORGANIZER
        item.author = self.person(mailbox.address)
        item.sender = item.author if by is None else self.person(by)
        mailbox.add(item, folder)
        organizing.publish(self, mailbox, item, send, save_copy=save_copy)
        return item

    def update(
        self,
        item: Item,
        *,
        occurrence: datetime | None = None,
        subject: str | UnsetType = UNSET,
        body: str | Body | UnsetType = UNSET,
        location: str | UnsetType = UNSET,
        start: datetime | UnsetType = UNSET,
        end: datetime | UnsetType = UNSET,
        zone: str | UnsetType = UNSET,
        recurrence: SeriesRecurrence | UnsetType | None = UNSET,
        required: Sequence[Addressee] | UnsetType = UNSET,
        optional: Sequence[Addressee] | UnsetType = UNSET,
        resources: Sequence[Addressee] | UnsetType = UNSET,
        by: Addressee | None = None,
        send: Send = Send.ALL,
    ) -> Item:
        """Change a meeting in its organizer's calendar and tell the attendees.

        With `occurrence`, the original start of an occurrence of a series, only that
        one changes. Returns the item that was changed: of an occurrence its own. Raises
        `EwsError`, and then nothing is changed.
        """
        if occurrence is not None:
            item = self.occurrence(item, occurrence)
        if item.meeting is None:
            raise EwsError("ErrorInvalidOperation")
        draft = replace(item)
        if by is not None:
            draft.sender = self.person(by)
        if subject is not UNSET:
            draft.subject = bodies.clean_text(subject)
        if body is not UNSET:
            draft.body = bodies.as_body(body)
        changes: dict[str, Any] = {}
        if location is not UNSET:
            changes["location"] = bodies.clean_text(location)
        if start is not UNSET:
            changes["start"] = _utc(start)
        if end is not UNSET:
            changes["end"] = _utc(end)
        if zone is not UNSET:
            changes["zone"] = zone
        if recurrence is not UNSET:
            changes["recurrence"] = recurrence
        attendees = item.meeting.attendees
        lists = ((Role.REQUIRED, required), (Role.OPTIONAL, optional))
        for role, people in (*lists, (Role.RESOURCE, resources)):
            if people is not UNSET:
                attendees = organizing.replace_role(
                    attendees, role, [self.person(each) for each in people]
                )
        draft.meeting = replace(item.meeting, attendees=attendees, **changes)
        return self.change(item, draft, send)

    def change(
        self, item: Item, draft: Item, send: Send, *, save_copy: bool = True
    ) -> Item:
        """Give a calendar item the content of a changed copy, and tell the attendees.

        Raises `EwsError`, and then nothing is changed.
        """
        mailbox = self.holder(item)
        dropped = series.settle(draft, item.meeting)
        master = mailbox.master_of(item)
        if master is not None:
            series.check_place(master, draft)
        for name in Item.__struct_fields__:
            setattr(item, name, getattr(draft, name))
        item.modified = self.now()
        mailbox.changed(item)
        if item.is_organizer:
            organizing.publish(
                self, mailbox, item, send, save_copy=save_copy, dropped=dropped
            )
        return item

    def cancel(
        self,
        item: Item,
        *,
        occurrence: datetime | None = None,
        text: str | Body = "",
        by: Addressee | None = None,
        save_copy: bool = True,
    ) -> None:
        """Cancel a meeting, tell the attendees, and take it out of the calendar; with
        `occurrence` only that one of a series.

        Raises `EwsError` unless it is in its organizer's calendar.
        """
        if occurrence is not None:
            item = self.occurrence(item, occurrence)
        if not item.is_organizer:
            raise EwsError("ErrorCalendarIsNotOrganizer")
        if by is not None:
            item.sender = self.person(by)
        mailbox = self.holder(item)
        organizing.cancel(
            self, mailbox, item, text=bodies.as_body(text), save_copy=save_copy
        )
        if mailbox.master_of(item) is None:
            mailbox.move(item, "deleteditems")
        else:
            mailbox.remove(item)

    # Series

    def occurrences(self, item: Item, start: datetime, end: datetime) -> list[Item]:
        """Return the occurrences of a series that overlap a span of time, by start.

        Each is an item; its meeting's `recurrence_id` is its start by the pattern.
        """
        return series.occurrences(item, _utc(start), _utc(end))

    def occurrence(self, item: Item, original: datetime) -> Item:
        """Return one occurrence by its start in the pattern. Raises `EwsError`."""
        found = None
        if series.is_series(item):
            found = series.occurrence(item, _utc(original))
        if found is None:
            raise EwsError(
                "ErrorItemNotFound", f"There is no occurrence at {original}."
            )
        return found

    # Actions of attendees, and of any user

    def respond(
        self,
        item: Item,
        answer: MeetingAnswer,
        *,
        text: str | Body = "",
        send: bool = True,
        save_copy: bool = True,
    ) -> list[Item]:
        """Answer a meeting request; see `attending.respond`."""
        return attending.respond(
            self,
            self.holder(item),
            item,
            answer,
            bodies.as_body(text),
            send=send,
            save_copy=save_copy,
        )

    def remove(self, message: Item) -> list[Item]:
        """Remove the meeting of a cancellation from the calendar; see
        `attending.remove`."""
        return attending.remove(self.holder(message), message)

    def take_away(self, item: Item) -> None:
        """Move an item to the deleted items without telling anybody."""
        self.holder(item).move(item, "deleteditems")

    # Snapshots

    def snapshot(self) -> bytes:
        """Return everything as JSON, with the accounts' passwords and the private
        key."""
        return SandboxState(
            number=self._number,
            accounts=self.accounts,
            mailboxes=[MailboxState.of(each) for each in self._by_guid.values()],
            certificate=self._certificate.pem if self._certificate else None,
            held=self._held,
        ).encode()

    @classmethod
    def restore(cls, data: bytes, *, now: Callable[[], datetime]) -> Self:
        """Return an Exchange with the content of a snapshot.

        Raises ValueError for anything but what `snapshot` returned.
        """
        state = SandboxState.decode(data)
        self = cls(state.accounts, now=now)
        self._by_address.clear()
        self._by_guid.clear()
        for account, saved in zip(state.accounts, state.mailboxes, strict=True):
            saved.fill(self._open(account, saved.guid))
        self._number = state.number
        self._held = state.held
        if state.certificate is not None:
            self._certificate = TokenCertificate.load(state.certificate)
        return self

    def _attendees(
        self,
        required: Sequence[Addressee],
        optional: Sequence[Addressee],
        resources: Sequence[Addressee],
    ) -> tuple[Attendee, ...]:
        return (
            *(Attendee(self.person(who), Role.REQUIRED) for who in required),
            *(Attendee(self.person(who), Role.OPTIONAL) for who in optional),
            *(Attendee(self.person(who), Role.RESOURCE) for who in resources),
        )


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)
