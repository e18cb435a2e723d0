"""What has been decided and must still be told, and how far each mailbox is read."""

from datetime import datetime

from pexschedd.model.fields import Record


class PendingAnswer(Record, frozen=True, kw_only=True, omit_defaults=True):
    """An answer that is decided and durable, until the mailbox has taken it."""

    exchange_connector: int
    item_id: str
    change_key: str = ""
    action: str
    body: str = ""
    correlation_id: str = ""
    created: datetime
    attempts: int = 0


class MailboxCursor(Record, frozen=True, kw_only=True, omit_defaults=True):
    """How far an integration's mailbox has been read. `id` is the integration's."""

    cursor: str = ""
    mailbox: str = ""
    """Whose mailbox the cursor is for: another address starts over."""
    last_item_time: datetime | None = None
    """When the last item was processed."""
