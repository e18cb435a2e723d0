"""The rule that a stored secret does not follow a changed address. Pure.

A secret that somebody entered for one server is not sent to another one unless it is
entered again: an administrator who may change an address need not know the password.
Each secret declares the fields that decide where it goes (`Field.sent_by`); the rule
itself is here, and `validate` applies it to every change of every record.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pexschedd.model.fields.declaration import Declared, Field, Record

_DEFAULT_PORTS = {"http": 80, "https": 443}


def other_server(old: str, new: str) -> bool:
    """Return True if `new` is a URL of another server: scheme, host or port differ.

    No URL at all is no other server: nothing is sent.
    """
    return bool(new) and _server(old) != _server(new)


def differs(old: str, new: str) -> bool:
    """Return True if two names or addresses are not the same but for upper case and
    blanks around them."""
    return old.strip().casefold() != new.strip().casefold()


def _server(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        return parts.scheme, (parts.hostname or "").rstrip("."), port
    except ValueError:  # refused by the field's own check
        return "", url, None


def told(field: Field) -> str:
    """Return the rule for one secret, for the explanations of fields; empty for others.

    Names of fields are in backquotes.
    """
    if not field.sent_by:
        return ""
    names = ", ".join(f"`{destination.field}`" for destination in field.sent_by)
    if field.readonly:
        return f"Removed when a change of these sends it elsewhere: {names}."
    return f"Needed again when a change of these sends it elsewhere: {names}."


def moved_secrets(
    fields: Mapping[str, Declared],
    current: Record,
    changed: Mapping[str, Any],
    given: Mapping[str, object],
) -> dict[str, list[str]]:
    """Return the stored secrets that the change would send elsewhere, each with the
    changed fields that decide so.

    `current` is the record before and `changed` has all fields after the change. The
    secrets that a client may write and that are among the `given` values are left out.
    """
    moved = {}
    for name, declared in fields.items():
        field = declared.field
        entered = name in given and not field.readonly
        if not field.sent_by or entered or not getattr(current, name):
            continue
        by = [
            destination.field
            for destination in field.sent_by
            if destination.moved(
                getattr(current, destination.field), changed[destination.field]
            )
        ]
        if by:
            moved[name] = by
    return moved
