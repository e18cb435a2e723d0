"""Requests that carried a key by which they can be repeated, and their answers."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class KeyedRequest(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A request that has made a record, for those that are the same one once more.

    It lies where that record lies, so both become durable together.
    """

    time: datetime
    administrator: str
    """The name of who sent it."""
    key: str
    """The keyed digest of the administrator, the resource and the key."""
    body: str
    """The keyed digest of what was sent."""
    record: int
    """The id of the record that it made, the first one of several."""
    tag: str = ""
    """The entity tag of that record then."""
    notes: tuple[tuple[str, str], ...] = ()
    """The fields and texts of the notes in the answer."""
