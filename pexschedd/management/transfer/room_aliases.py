"""The aliases of a room, listed with it as texts: these and no others. Pure."""

from typing import Any

from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import Payload
from pexschedd.management.resources import CONFERENCE_ALIAS, AnyResource
from pexschedd.management.transfer.plan import PlannedField
from pexschedd.model import tables
from pexschedd.model.fields.validation import Problems

ALIASES = "aliases"


class AliasTexts(list[str]):
    """Aliases as they stand in a table. JSON cannot make one: in a document aliases
    are records of their own."""


def nested_problems(resource: AnyResource, payload: Payload) -> Problems:
    """Return a problem for each list of records within a record."""
    return {
        name: [f"List these as records of their own, under {child.resource}."]
        for name, child in resource.children.items()
        if name in payload and not isinstance(payload[name], AliasTexts)
    }


class RoomAliases:
    """Turns the listed aliases of rooms into what is saved."""

    def __init__(self, store: RecordReads) -> None:
        self._store = store

    def take(
        self, resource: AnyResource, current: Any, payload: dict[str, object]
    ) -> tuple[PlannedField, ...]:
        """Replace the texts in a payload by records; return what that changes.

        They are left out if they are those that the room has. Records within a record
        are left out, too: see `nested_problems`.
        """
        for name in nested_problems(resource, payload):
            del payload[name]
        if ALIASES not in resource.children or ALIASES not in payload:
            return ()
        wanted = payload.pop(ALIASES)
        assert isinstance(wanted, AliasTexts)  # noqa: S101 - looked at above
        own = (
            []
            if current is None
            else self._store.find_all(tables.ALIAS_BY_CONFERENCE, current.id)
        )
        there = {each.alias.casefold(): each for each in own}
        if {each.casefold() for each in wanted} == {*there} and (
            len(wanted) == len(there)
        ):
            return ()
        items: list[Payload] = []
        for text in wanted:
            found = there.get(text.casefold())
            kept = found is not None and {
                "resource_uri": CONFERENCE_ALIAS.uri_of(found.id)
            }
            items.append(kept or {"alias": text})
        payload[ALIASES] = items
        old = [each.alias for each in own]
        return (PlannedField(ALIASES, old, [*wanted]),)
