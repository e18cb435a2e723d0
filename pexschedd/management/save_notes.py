"""Notes on what an administrator saves: taken, but not quite as it was meant. Pure."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from pexschedd.model.fields.declaration import Record

MOST_NOTES = 20
"""Notes on one request."""


class SaveNote(msgspec.Struct, frozen=True):
    """A note on one field of a record that was saved."""

    field: str
    text: str


Review = Callable[[Record], Iterable[SaveNote]]
"""Looks at a record that is about to be saved; may raise `InvalidFields` for what its
fields only make wrong together."""


def no_review(record: Record) -> Iterable[SaveNote]:
    """Find nothing to note."""
    return ()


class Saved(msgspec.Struct, frozen=True):
    """The outcome of saving a record, or several."""

    id: int
    """The id of the new record; 0 if there is none, or if there are several."""
    notes: tuple[SaveNote, ...]


def numbered(notes: Iterable[SaveNote], number: int) -> Iterator[SaveNote]:
    """Yield notes on one of several records, counted from 1."""
    for note in notes:
        yield SaveNote(f"objects[{number - 1}].{note.field}", note.text)
