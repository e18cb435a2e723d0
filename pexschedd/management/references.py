"""References to other records: resource URIs, plain ids, or whole records. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from pexschedd.management.resource import uri_of

_ID = re.compile(r"[1-9][0-9]{0,17}")


def named_by(item: Mapping[str, Any]) -> object:
    """Return what a record, as it is sent, names itself by: its `resource_uri`, or its
    `id` if there is none; None for a new one."""
    uri = item.get("resource_uri")
    return item.get("id") if uri in (None, "") else uri


def parse_reference(resource: str, value: object) -> int:
    """Return the id that `value` refers to: a URI, the id as a number or in digits, or
    the record as it was read, with its `resource_uri` or `id`.

    Raises ValueError that says what is wanted.
    """
    if isinstance(value, dict):
        value = named_by(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 5.0 is 5: JSON has one kind of number
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str):
        start, _, end = uri_of(resource, 0).rpartition("0")
        id_ = value.removeprefix(start).removesuffix(end)
        if _ID.fullmatch(id_):
            return int(id_)
    raise ValueError(f"This must be a URI such as {uri_of(resource, 1)}.")
