"""What has been decided and must still be told, and how far each mailbox is read."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class PendingAnswer(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An answer that is decided and durable, until the mailbox has taken it."""

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
    """When the message arrived that this answers."""
    attempts: int = 0
    is_last: bool = False
    """What else is said when an answer cannot be given: nothing is said instead."""


class PendingRewrite(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A request that carries an identity token instead of a tag: its organizer's
    meeting is to be rewritten, once the token has been verified."""

    exchange_connector: int
    item_id: str
    change_key: str = ""
    uid: str
    recurrence_id: datetime | None = None
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
    """How far an integration's mailbox has been read. `id` is the integration's."""

    cursor: str = ""
    mailbox: str = ""
    """Whose mailbox the cursor is for: another address starts over."""
    last_item_time: datetime | None = None
    """When the last item was processed."""


class LastSweep(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The janitor's last round; there is one record, with id 1."""

    finished: datetime


class TroubledMessage(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A message that could not be read, decided about or answered: tried again a few
    times, then set aside so that an administrator can look at it.

    Its subject and people are not kept: with the item id it is found in the mailbox,
    and with the correlation id in the log and in what the organizer was told.
    """

    exchange_connector: int
    item_id: str
    change_key: str = ""
    correlation_id: str = ""
    reason: str = ""
    attempts: int = 0
    own: int = 0
    """How many of the attempts failed in a way that only this message can be to blame
    for."""
    first_time: datetime
    last_time: datetime
    set_aside_time: datetime | None = None
    """None as long as it is tried again."""
