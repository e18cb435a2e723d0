"""The references of an integration that lead nowhere. Pure.

Earlier versions stored any number for a theme or a group of identity providers. What is
saved now is looked up, and what is referred to cannot be deleted.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.table import Table

_REFERENCES: Mapping[str, tuple[Table[Any], str]] = {
    "ivr_theme": (tables.IVR_THEME, "Rooms have the platform's default theme."),
    "host_identity_provider_group": (
        tables.IDENTITY_PROVIDER_GROUP,
        "Rooms stay closed, because nobody could be asked to sign in.",
    ),
}


def missing_references(
    connector: Connector, get: Callable[[Table[Any], int], object | None]
) -> dict[str, str]:
    """Return the fields that name a record which there is not, each with what follows
    from that; `get` returns a record or None."""
    found = {}
    for field, (table, effect) in _REFERENCES.items():
        id_ = getattr(connector, field)
        if id_ is not None and get(table, id_) is None:
            found[field] = f"There is no {table.name} {id_}. {effect}"
    return found
