"""A Terraform provider for whatever resources the daemon's `schema/` describes.

It knows of a field what a provider's author writes down once: whether it is needed,
whether null is a value of its own, which default it has, and what is never read back.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tests.web_admin.web_admin_support import Client

SCHEMA = "/api/admin/schema/"
NO_DEFAULT = "No default provided."
UNSUPPORTED = ("Not supported yet", "Only an empty list is accepted", "There is no")


class Unknown:
    """The value of a field that only the server can tell, until it has."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN = Unknown()

Values = dict[str, Any]
"""A record by its attributes. References are addresses, lists are of records."""


class Attribute(msgspec.Struct, frozen=True):
    """One field, as the provider declares it."""

    name: str
    kind: str
    """The type that `schema/` tells."""
    required: bool
    is_null_a_value: bool
    """Left out of a configuration, it is null, and has to be read back as null."""
    is_read_only: bool
    is_sensitive: bool
    """Written only: it is kept in the state as it was sent."""
    is_list: bool
    """Left out of a configuration, its records are somebody else's business."""
    is_unsupported: bool
    """It is there because the platform has it: no other value is accepted."""
    default: Any
    choices: tuple[str, ...]

    @property
    def is_written_only(self) -> bool:
        """It is not read back: the state keeps what was sent."""
        return (self.is_sensitive or self.kind == "file") and not self.is_read_only

    def planned(self, configured: Any, known: Any) -> Any:
        """Return what the field should be, as a plan shows it.

        `configured` is null if the configuration leaves it out; `known` is what the
        state has of it, `UNKNOWN` without a record.
        """
        if self.is_read_only:
            return known
        if configured is not None:
            return configured
        if self.is_list:
            return known
        if self.is_sensitive or self.is_null_a_value:
            return None
        return self.default

    def same(self, one: Any, other: Any) -> bool:
        """Return whether two values are one, as the field's type sees it."""
        if self.kind == "datetime" and isinstance(one, str) and isinstance(other, str):
            return one.rstrip("Z")[:19] == other.rstrip("Z")[:19]
        if self.is_list and isinstance(one, list) and isinstance(other, list):
            # Nested records are compared by what is configured of them.
            return len(one) == len(other) and all(
                wanted.items() <= found.items() if isinstance(wanted, dict) else True
                for wanted, found in zip(one, other, strict=True)
            )
        return bool(one == other)


class Kind(msgspec.Struct, frozen=True):
    """One resource of the API, as the provider declares it."""

    name: str
    path: str
    attributes: Mapping[str, Attribute]
    is_replaced: bool
    """Its records cannot be changed: another one is made instead."""

    def read(self, record: Mapping[str, Any], state: Values) -> Values:
        """Return the state of a record as the API has answered it.

        What is never answered is as it was in the `state` before.
        """
        return {
            name: state.get(name)
            if each.is_written_only
            else _address(record.get(name))
            for name, each in self.attributes.items()
        }


def _address(value: Any) -> Any:
    """A nested record that is referred to, as its address."""
    if isinstance(value, dict) and "resource_uri" in value:
        return value["resource_uri"]
    return value


async def declare(client: Client) -> dict[str, Kind]:
    """Return all resources in which records can be made, by name.

    Those are what a provider for this daemon has to offer, whatever they are.
    """
    kinds = {}
    for name, entry in (await client.get(SCHEMA))["configuration"].items():
        schema = await client.get(entry["schema"])
        if "post" in schema["allowed_list_http_methods"]:
            kinds[name] = _kind(name, entry["list_endpoint"], schema)
    return kinds


def _kind(name: str, path: str, schema: Any) -> Kind:
    attributes = {
        field: _attribute(field, described)
        for field, described in schema["fields"].items()
    }
    changing = {"put", "patch"} & set(schema["allowed_detail_http_methods"])
    return Kind(name, path, attributes, is_replaced=not changing)


def _attribute(name: str, described: Any) -> Attribute:
    is_list = described.get("related_type") == "to_many"
    default = described["default"]
    return Attribute(
        name=name,
        kind=described["type"],
        required=default == NO_DEFAULT and not is_list and not described["readonly"],
        is_null_a_value=described["nullable"],
        is_read_only=described["readonly"],
        is_sensitive="Never returned." in described["help_text"],
        is_list=is_list,
        is_unsupported=any(text in described["help_text"] for text in UNSUPPORTED),
        default=None if default == NO_DEFAULT else default,
        choices=tuple(described.get("valid_choices", ())),
    )
