"""The records that another deployment's management API shows, for a document. Pure.

Other deployments have fields and records that are not honoured here. They are left out,
and told; so are rooms of meetings, which Exchange brings.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.management.transfer.configuration import (
    ACCOUNTS,
    RESTORED,
    TRANSFERRED,
    exported_fields,
    label_of,
    secret_fields,
)
from pexschedd.model import tables
from pexschedd.model.fields.unsupported import refusal

READ: tuple[str, ...] = tuple(
    each.name for each in TRANSFERRED if each.name != ACCOUNTS
)
"""The resources that are read; accounts have no password that could be read."""

Shown = Mapping[str, Any]


class ReadDeployment(msgspec.Struct):
    """The document, and what has not become part of it."""

    resources: dict[str, list[dict[str, object]]] = {}
    left_out: Counter[str] = msgspec.field(default_factory=Counter)
    """Numbers of records and values, by what they are."""


class DeploymentTranslation:
    """Translates the records of one deployment, in the order of reference."""

    def __init__(self) -> None:
        self.result = ReadDeployment()
        self._rooms: set[str] = set()

    def add(self, resource: AnyResource, shown: Shown) -> None:
        """Add a record as the deployment shows it."""
        left_out = self.result.left_out
        reason = self._reason_to_leave(resource, shown)
        if reason:
            left_out[f"{resource.name}: {reason}"] += 1
            return
        names = exported_fields(resource)
        values: dict[str, object] = {}
        for name, value in shown.items():
            if name not in names:
                continue
            declared = resource.fields.get(name)
            if declared is not None and refusal(declared, value):
                left_out[f"{resource.name}: {name}, which is not honoured here"] += 1
                continue
            related = "" if declared is None else declared.field.related
            values[name] = _reference(value) if related in CONFIGURATION else value
        for name in RESTORED.get(resource.name, ()):
            if name == "public_key":
                values.pop(name, None)  # without its key
        uri = shown.get("resource_uri")
        if resource.table is tables.CONFERENCE and isinstance(uri, str):
            self._rooms.add(uri)
        self.result.resources.setdefault(resource.name, []).append(values)

    def _reason_to_leave(self, resource: AnyResource, shown: Shown) -> str:
        """The reason a record is no configuration of ours; empty if it is."""
        if resource.table is tables.CONFERENCE:
            if shown.get("scheduled_conferences") or shown.get("vmr_origin"):
                return "rooms of meetings, which Exchange brings"
            declared = resource.fields["service_type"]
            if refusal(declared, shown.get("service_type")):
                return "services that are not conferences or lectures"
        if resource.table is tables.CONFERENCE_ALIAS:
            room = _reference(shown.get("conference"))
            if not (isinstance(room, str) and room in self._rooms):
                return "aliases of what is left out"
        return ""


def _reference(value: object) -> object:
    """The URI of a reference, which may be shown nested."""
    return value.get("resource_uri") if isinstance(value, dict) else value


_PLACE = re.compile(r"(\w+)\[(\d+)\](?: \".*?\")?: (\w+)", re.DOTALL)


def needed_secrets(
    problems: Mapping[str, Sequence[str]],
    resources: Mapping[str, Sequence[Mapping[str, object]]],
) -> tuple[dict[str, dict[str, str]], bool]:
    """Return the secrets that an import's problems ask for, as text by `resource_uri`
    and field, and whether there are no other problems."""
    needed: dict[str, dict[str, str]] = {}
    others = False
    for place, texts in problems.items():
        match = _PLACE.fullmatch(place)
        resource = CONFIGURATION.get(match[1]) if match else None
        if match is None or resource is None:
            others = True
            continue
        if match[3] not in {each.name for each in secret_fields(resource)}:
            others = True
            continue
        record = resources[resource.name][int(match[2])]
        uri = str(record.get("resource_uri", ""))
        label = f"{resource.name} {label_of(resource, record)}: {' '.join(texts)}"
        needed.setdefault(uri, {})[match[3]] = label
    return needed, not others
