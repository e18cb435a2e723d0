"""Notes on what an administrator saves: taken, but not quite as it was meant. Pure."""

from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
)
from typing import Any, Protocol

import msgspec

from pexschedd.model.conference import Conference
from pexschedd.model.fields.declaration import Record
from pexschedd.model.table import Index, Table

MOST_NOTES = 20
"""Notes on one request."""


class SaveNote(msgspec.Struct, frozen=True):
    """A note on one field of a record that was saved."""

    field: str
    text: str
    is_logged: bool = False
    """True if the log says so, too; then the text quotes nothing that was entered."""


class RecordsAfterwards(Protocol):
    """The records as a request leaves them."""

    def all(self, table: Table[Any]) -> Iterable[Any]:
        """Return all records of a small table."""

    def find_all(self, index: Index[Any], key: Hashable) -> Iterable[Any]:
        """Return the records of a small table with a key of an index."""


class Revision(msgspec.Struct, frozen=True):
    """A record that is about to be saved, with those that belong to it."""

    record: Record
    records: RecordsAfterwards
    current: Record | None = None
    """The record as the store has it; None for a new one."""
    sent: Collection[str] = ()
    """The names of the fields that the request has."""


Review = Callable[[Revision], Iterable[SaveNote]]
"""Looks at a record that is about to be saved; may raise `InvalidFields` for what its
fields only make wrong together."""


def no_review(revision: Revision) -> Iterable[SaveNote]:
    """Find nothing to note."""
    return ()


def room_notes(revision: Revision) -> Iterator[SaveNote]:
    """Yield what conferencing nodes will not be told of a room."""
    room = revision.record
    if not isinstance(room, Conference) or (
        {"direct_media", "breakout_rooms"}.isdisjoint(revision.sent)
    ):
        return
    if room.told_direct_media != room.direct_media:
        text = (
            "Conferencing nodes are not told this, because the room has breakout_rooms."
        )
        yield SaveNote("direct_media", text)


class Saved(msgspec.Struct, frozen=True):
    """The outcome of saving a record, or several."""

    id: int
    """The id of the new record; 0 if there is none, or if there are several."""
    notes: tuple[SaveNote, ...]
    tag: str = ""
    """The record's entity tag, as it was saved; empty if there are several."""
    shown: Mapping[str, str] = {}
    """The secrets of a new record, which no other answer has."""


def numbered(notes: Iterable[SaveNote], number: int) -> Iterator[SaveNote]:
    """Yield notes on one of several records, counted from 1."""
    for note in notes:
        field = f"objects[{number - 1}].{note.field}"
        yield msgspec.structs.replace(note, field=field)
