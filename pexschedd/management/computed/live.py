"""Status that only the running daemon knows: integrations, messages, certificates.

Pure: `LiveRecords` are the functions that look it up.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from pexschedd.model.fields.declaration import Record


class IntegrationStatus(Record, frozen=True, kw_only=True):
    """The present state of an integration. Its id is the integration's."""

    exchange_connector_id: int
    name: str
    mailbox_protocol: str
    """The interface to its mailbox: EWS, or GRAPH."""
    status: str
    """`ok`, or `alarm` if one is raised for it."""
    alarms_count: int
    """Alarms that are raised for it now."""
    set_aside_count: int
    """Messages that were set aside."""
    queue: int
    """Messages that were read, and are not answered yet."""
    queue_age: int
    """Seconds that the oldest of them has waited; 0 without any."""
    notifications: str
    """The way in which it learns of new messages: streaming, connecting, pull, webhook,
    polling, stopped."""
    back_off: int
    """Seconds until its Exchange server may be asked again; 0: now."""
    last_activity: datetime | None
    """The time at which it last decided about a message."""


class MessageCount(Record, frozen=True, kw_only=True):
    """Messages of one integration that were done with in one hour, by outcome.

    The hours are those since the daemon has started, 24 at most.
    """

    exchange_connector_id: int
    start_time: datetime
    """The beginning of the hour, in UTC."""
    accepted: int
    declined: int
    other: int
    """Cancellations that were carried out, outdated messages that were discarded,
    replies, invitations that were rewritten, and those that somebody else has moved."""
    failed: int
    """Messages that were set aside, or whose answer Exchange did not take."""


class CertificateStatus(Record, frozen=True, kw_only=True):
    """A certificate that will have to be renewed one day."""

    kind: str
    """`trusted`, `exchange` (presented by a server), `own` (of our endpoints), or
    `application` (with which an integration signs in)."""
    name: str
    """The certificate's subject, the server, the endpoint or the integration."""
    description: str
    end_date: datetime
    days_left: int
    """Whole days until then; negative when it has expired."""
    is_due: bool
    """True once it is time to renew it: an alarm is raised then."""
    remedy: str
    """The way to renew it."""


LiveRecords = Mapping[str, Callable[[], Iterable[Record | None]]]
"""Functions that look up what the running daemon knows, by the status list that they
are for; a list without one is empty."""
