"""Answers still to be sent, how far each mailbox is read, and what was seen there."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class PendingAnswer(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An answer that has been decided and stored, but not yet accepted by the
    mailbox."""

    exchange_connector: int
    item_id: str
    change_key: str = ""
    uid: str = ""
    """The meeting's: answers about one meeting are given one after another."""
    action: str
    body: str = ""
    correlation_id: str = ""
    created: datetime
    received: datetime | None = None
    """The time at which the answered message arrived."""
    attempts: int = 0
    is_last: bool = False
    """True if nothing is to be sent instead should this answer fail."""


class PendingRewrite(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A request that carries an identity token instead of a tag; once the token is
    verified, the organizer's meeting is rewritten."""

    exchange_connector: int
    item_id: str
    change_key: str = ""
    uid: str
    recurrence_id: datetime | None = None
    start: datetime | None = None
    """The start of the meeting, as its request has it; None if that named none."""
    organizer: str
    """The address of the organizer's mailbox."""
    token: str
    scheduled_alias: int | None = None
    """The alias that was handed out when the token had been verified."""
    cancelled: bool = False
    """A cancellation of the meeting has arrived since."""
    correlation_id: str = ""
    created: datetime


class MailboxCursor(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The position up to which an integration's mailbox has been read. `id` is the
    integration's."""

    cursor: str = ""
    mailbox: str = ""
    """Whose mailbox the cursor is for: another address starts over."""
    last_item_time: datetime | None = None
    """The time at which the last item was processed."""


class LastSweep(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The time of the janitor's last round. There is one record, with id 1."""

    finished: datetime


class TroubledMessage(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A message that could not be read, decided or answered. It is tried again a few
    times, then set aside for an administrator to look at.

    Its subject and people are not kept: with the item id it is found in the mailbox,
    and with the correlation id in the log and in what the organizer was told.
    """

    exchange_connector: int
    item_id: str
    change_key: str = ""
    uid: str = ""
    """The meeting's, if Exchange lists it with the message."""
    correlation_id: str = ""
    reason: str = ""
    attempts: int = 0
    own: int = 0
    """The number of attempts that failed in a way that only this message can have
    caused."""
    first_time: datetime
    last_time: datetime
    set_aside_time: datetime | None = None
    """None as long as it is tried again."""


class ProcessedMessage(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A meeting message and what was decided about it, for administrators to look up.

    Its subject and text are not kept.
    """

    exchange_connector: int
    time: datetime
    """The time of the decision."""
    correlation_id: str
    """As in the log, and in a general error that the sender was told."""
    action: str
    """`accept`, `decline`, `remove`, `reply`, `rewrite`, or `discard`: no answer."""
    note: str = ""
    """The decision as in the log."""
    uid: str = ""
    """The meeting's."""
    organizer: str = ""
    """The organizer's address in lower case; empty where the message named none."""
    alias: str = ""
    """The full alias of the meeting's room, as far as it is known."""
    conference: int = 0
    """The id of the meeting's room; 0 if it has none. The room may be gone."""


class MailboxCommandRun(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The last recovery, maintenance or migration of an integration that an
    administrator has begun, for them to look up."""

    exchange_connector: int
    command: str
    """`recover`, `maintain` or `migrate`."""
    administrator: str
    address: str = ""
    """The IP address that the request came from."""
    correlation_id: str = ""
    dry_run: bool = False
    limits: tuple[datetime, ...]
    """The times among the settings, in their order."""
    message: str = ""
    """The text among the settings, such as the target of a migration; empty where they
    have none."""
    started: datetime
    finished: datetime | None = None
    """None while it is under way, and if the daemon was killed meanwhile."""
    stopped: bool = False
    error: str = ""
    notes: tuple[str, ...] = ()
    counts: dict[str, int] | None = None
    """None until it has come to its end."""
    failures: int = 0
    reasons: tuple[str, ...] = ()
