"""The aliases that were generated for a meeting's room: they are in its invitation, so
they stay as long as the meeting has the room (deployment guide, "Managing scheduled
conferences"). Pure.
"""

from collections.abc import Iterator
from typing import Any

from pexschedd.management.representation import RecordReads
from pexschedd.model import tables
from pexschedd.model.conference import ConferenceAlias
from pexschedd.model.fields.declaration import Record

STAYS = (
    "The alias {alias} was generated for the room's meeting and is in its invitation: "
    "it cannot be removed, renamed or given to another room. Other aliases can be "
    "added; deleting the room removes all."
)


def kept_alias(store: RecordReads, record: Record | None) -> str:
    """Return why an alias of a room has to stay as it is; empty if it need not, and
    for other records."""
    if not isinstance(record, ConferenceAlias):
        return ""
    text = record.alias.casefold()
    if any(text == each for each in _generated(store, record.conference)):
        return STAYS.format(alias=record.alias)
    return ""


def _generated(store: RecordReads, conference: int) -> Iterator[str]:
    """Yield the generated aliases of a room, in lower case."""
    meetings: list[Any] = [
        *store.find_all(tables.SCHEDULED_BY_CONFERENCE, conference),
        *store.find_all(tables.RECURRING_BY_CONFERENCE, conference),
    ]
    for id_ in {each.scheduled_alias for each in meetings} - {None}:
        pair = store.get(tables.SCHEDULED_ALIAS, id_)
        if pair is not None:
            yield pair.alias.casefold()
            yield pair.numeric_alias.casefold()


def changes_kept_alias(store: RecordReads, old: Record | None, new: Record) -> str:
    """Return why an alias may not be changed as it is to be; empty if it may."""
    if not isinstance(old, ConferenceAlias) or not isinstance(new, ConferenceAlias):
        return ""
    if (old.alias, old.conference) == (new.alias, new.conference):
        return ""
    return kept_alias(store, old)
