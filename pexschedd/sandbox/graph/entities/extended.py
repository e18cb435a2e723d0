"""Extended properties: the way Graph writes their ids and values."""

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from pexschedd.sandbox.graph.entities.view import EntityView, timestamp
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata import filters
from pexschedd.sandbox.graph.odata.query_options import Expansion
from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes.mailbox import MailboxFolder, SandboxMailbox
from pexschedd.sandbox.properties import extended_properties
from pexschedd.sandbox.properties.extended_properties import ExtendedKey

NAME = "singleValueExtendedProperties"
_GUID = r"\{([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}"
_ID = re.compile(
    r"(Binary|Boolean|CLSID|Currency|Double|Float|Integer|Long|Short|SystemTime|String"
    rf"|ApplicationTime)\s+(?:{_GUID}\s+(?:Id\s+(0x[0-9A-Fa-f]{{1,4}})|Name\s+(.+))"
    r"|(0x[0-9A-Fa-f]{1,8}))",
    re.IGNORECASE,
)


def read_id(text: str) -> tuple[ExtendedKey, str]:
    """Return the key of a property's id, and the id as the server writes it.

    Raises `GraphError`.
    """
    match = _ID.fullmatch(text.strip())
    if match is None:
        raise GraphError(
            "ErrorInvalidProperty", f"The property id '{text[:200]}' is not valid."
        )
    kind, guid, number, name, tag = match.groups()
    if tag is not None:
        value = int(tag, 16)
        return ExtendedKey(f"tag:{value:#06x}", kind, ()), f"{kind} {value:#x}"
    guid = guid.lower()
    if number is not None:
        value = int(number, 16)
        key = ExtendedKey(f"{guid}:{value:#06x}", kind, ())
        return key, f"{kind} {{{guid}}} Id {value:#x}"
    key = ExtendedKey(f"{guid}:name:{name}", kind, ())
    return key, f"{kind} {{{guid}}} Name {name}"


def expanded(
    item: Item, mailbox: SandboxMailbox, view: EntityView
) -> list[dict[str, str]] | None:
    """Return the properties that $expand asks for; None if it asks for none."""
    for each in view.expand:
        if each.name == NAME:
            return written(item, mailbox, wanted(each))
    return None


def wanted(expansion: Expansion) -> tuple[str, ...]:
    """Return the ids in the $filter of an expansion. Raises `GraphError`."""
    return _ids_in(expansion.options.get("$filter", ""))


@lru_cache(256)
def _ids_in(text: str) -> tuple[str, ...]:
    if not text:
        raise GraphError(
            "ErrorInvalidProperty",
            "The expansion of extended properties needs a $filter by id.",
        )
    found = re.findall(r"\bid\s+eq\s+'((?:[^']|'')*)'", text, re.IGNORECASE)
    if not found or set(filters.parse(text).paths) != {"id"}:
        raise GraphError("ErrorInvalidProperty", f"Invalid filter clause: {text[:200]}")
    return tuple(each.replace("''", "'") for each in found)


def check_number(expansions: Iterable[Expansion], most: int) -> None:
    """Raise `GraphError` if an expansion asks for more than `most` properties."""
    for each in expansions:
        if each.name == NAME and len(wanted(each)) > most:
            raise GraphError(
                "BadRequest", f"The expansion has more than {most} properties.", 400
            )


def written(
    item: Item, mailbox: SandboxMailbox, wanted_ids: Iterable[str]
) -> list[dict[str, str]]:
    """Return those of the properties that the item has. Raises `GraphError`."""
    found = []
    for text in wanted_ids:
        key, identifier = read_id(text)
        if key.text in item.left_out:
            continue
        value = extended_properties.value_of(key, item, mailbox)
        if value is not None and not isinstance(value, list):
            found.append({"id": identifier, "value": _text(value)})
    return found


def of_folder(folder: MailboxFolder, view: EntityView) -> list[dict[str, str]] | None:
    """Return the properties of a folder that $expand asks for, among those that clients
    have set; None if it asks for none. Raises `GraphError`."""
    for each in view.expand:
        if each.name == NAME:
            keys = [read_id(text) for text in wanted(each)]
            values = [(name, folder.extended.get(key.text)) for key, name in keys]
            return [
                {"id": name, "value": value}
                for name, value in values
                if isinstance(value, str)
            ]
    return None


def store(item: Item, value: Any) -> None:
    """Set the properties of a request's document on an item. Raises `GraphError`."""
    item.extended = {**item.extended, **read(value)}


def read(value: Any) -> dict[str, str]:
    """Return the properties of a request's document by their keys. Raises
    `GraphError`."""
    if not isinstance(value, list):
        raise GraphError("ErrorInvalidRequest", f"{NAME}: must be a list.")
    found = {}
    for each in value:
        if not isinstance(each, dict) or not isinstance(each.get("value"), str):
            raise GraphError("ErrorInvalidRequest", f"{NAME}: needs id and value.")
        key, _ = read_id(str(each.get("id", "")))
        try:
            key.parse(each["value"])
        except ValueError:
            raise GraphError(
                "ErrorInvalidExtendedPropertyValue", f"'{each['value'][:99]}'"
            ) from None
        found[key.text] = each["value"]
    return found


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "tzinfo"):
        return timestamp(value) or ""
    return str(value)
