"""The resources that a configuration consists of, and what a record is known by. Pure.

Everything else is state, and belongs into a backup: meetings and their rooms, aliases
that were handed out, alarms, tokens. An `api_token` or `oauth2_client` is a secret that
was shown once, and good for one installation.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from pexschedd.management.representation import RecordReads
from pexschedd.management.resource import AnyIndex
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.model import tables
from pexschedd.model.ca_certificate import CaCertificate, filled_in
from pexschedd.model.conference import Conference
from pexschedd.model.fields.declaration import Declared
from pexschedd.model.fields.validation import is_writable
from pexschedd.model.table import R, Table

ACCOUNTS = tables.ADMINISTRATOR.name
"""Administrators, which come along only with their passwords' hashes."""

TRANSFERRED: tuple[AnyResource, ...] = tuple(
    CONFIGURATION[table.name]
    for table in (
        tables.IVR_THEME,
        tables.IDENTITY_PROVIDER_GROUP,
        tables.CA_CERTIFICATE,
        tables.CONNECTOR,
        tables.EXCHANGE_DOMAIN,
        tables.CONFERENCE,
        tables.CONFERENCE_ALIAS,
        tables.END_USER,
        tables.SYSTEM_LOCATION,
        tables.MJX_EXCHANGE_DEPLOYMENT,
        tables.MJX_AUTODISCOVER_URL,
        tables.MJX_GRAPH_DEPLOYMENT,
        tables.MJX_GOOGLE_DEPLOYMENT,
        tables.MJX_INTEGRATION,
        tables.MJX_PROCESSING_RULE,
        tables.MJX_ENDPOINT_GROUP,
        tables.MJX_ENDPOINT,
        tables.ADMINISTRATOR,
    )
)
"""In the order of reference: what a record refers to comes before it."""

BY_NAME: Mapping[str, AnyResource] = {each.name: each for each in TRANSFERRED}

RESTORED: Mapping[str, tuple[str, ...]] = {
    tables.CONNECTOR.name: ("uuid", "manifest_revision", "public_key"),
}
"""Fields that the server sets, and that a new record brings along: by these the add-in
that is deployed already goes on working."""

RESTORED_SECRETS: Mapping[str, tuple[str, ...]] = {
    tables.CONNECTOR.name: ("private_key",),
}
"""Secrets that only the server sets, and that a new record brings along."""


class ConfigurationReads(RecordReads, Protocol):
    """The part of the store that records are looked up in."""

    def all(self, table: Table[R]) -> Iterable[R]:
        """Iterate over a table by ascending id."""


def is_meetings_room(store: RecordReads, room: Conference) -> bool:
    """Return whether a room was made for a meeting; then it is no configuration."""
    return bool(
        room.is_scheduled
        or room.vmr_origin
        or store.find_all(tables.SCHEDULED_BY_CONFERENCE, room.id)
        or store.find_all(tables.RECURRING_BY_CONFERENCE, room.id)
    )


def is_configuration(store: RecordReads, resource: AnyResource, record: Any) -> bool:
    """Return whether a record of one of these resources is configuration."""
    if resource.table is tables.CONFERENCE:
        return not is_meetings_room(store, record)
    if resource.table is tables.CONFERENCE_ALIAS:
        room = store.get(tables.CONFERENCE, record.conference)
        return room is not None and not is_meetings_room(store, room)
    return True


def label_of(resource: AnyResource, values: Mapping[str, object]) -> str:
    """Return what people know a record by, from its values; may be empty."""
    if resource.table is tables.CA_CERTIFICATE:
        return _text(values, "subject") or "certificate"
    return _text(values, _LABELS.get(resource.name, "name"))


_LABELS = {
    tables.EXCHANGE_DOMAIN.name: "domain",
    tables.CONFERENCE_ALIAS.name: "alias",
    tables.END_USER.name: "primary_email_address",
}


def existing(
    store: ConfigurationReads, resource: AnyResource, values: Mapping[str, object]
) -> Any:
    """Return the record that has the natural key of `values`, or None.

    An integration is known by the address of its equipment mailbox, or else by its
    name; a domain by its name and its integration; a certificate by its fingerprint; an
    alias by its text, a user by the address; an address of Autodiscover by its URL and
    its deployment, a rule by its name and its profile, an endpoint by its room;
    everything else by its name. Case counts only in names. References are ids in
    `values`.
    """
    return _FINDERS[resource.name](store, values)


_Finder = Callable[[Any, Mapping[str, object]], Any]


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _first(found: Iterable[Any]) -> Any:
    return next(iter(found), None)


def _connector(store: ConfigurationReads, values: Mapping[str, object]) -> Any:
    address = _text(values, "room_mailbox_email_address").strip().casefold()
    integrations = [*store.all(tables.CONNECTOR)]
    by_mailbox = (
        each
        for each in integrations
        if address
        and (each.room_mailbox_email_address or "").strip().casefold() == address
    )
    by_name = (each for each in integrations if each.name == values.get("name"))
    return _first(by_mailbox) or _first(by_name)


def _domain(store: ConfigurationReads, values: Mapping[str, object]) -> Any:
    parent = values.get("exchange_connector")
    parent = int(parent) if isinstance(parent, int) else 0
    name = _text(values, "domain").strip().casefold()
    found = store.find_all(tables.DOMAIN_BY_CONNECTOR, parent)
    return _first(each for each in found if each.domain.strip().casefold() == name)


def _within(index: AnyIndex, parent: str, field: str) -> _Finder:
    """Find a record by the one that it belongs to, and a field."""

    def find(store: ConfigurationReads, values: Mapping[str, object]) -> Any:
        id_ = values.get(parent)
        found = store.find_all(index, int(id_) if isinstance(id_, int) else 0)
        wanted = values.get(field)
        return _first(each for each in found if getattr(each, field) == wanted)

    return find


def _certificate(store: ConfigurationReads, values: Mapping[str, object]) -> Any:
    sent = CaCertificate(id=0, certificate=_text(values, "certificate"))
    try:
        fingerprint = filled_in(sent).fingerprint
    except ValueError:
        return None
    return _first(
        each
        for each in store.all(tables.CA_CERTIFICATE)
        if each.fingerprint == fingerprint
    )


def _room(store: ConfigurationReads, values: Mapping[str, object]) -> Any:
    found = store.find_all(tables.CONFERENCE_BY_NAME, _text(values, "name"))
    return _first(each for each in found if not is_meetings_room(store, each))


def _by_name(table: Table[Any]) -> _Finder:
    def find(store: ConfigurationReads, values: Mapping[str, object]) -> Any:
        name = values.get("name")
        return _first(each for each in store.all(table) if each.name == name)

    return find


def _by_index(index: AnyIndex, field: str) -> _Finder:
    def find(store: ConfigurationReads, values: Mapping[str, object]) -> Any:
        return _first(store.find_all(index, _text(values, field).casefold()))

    return find


_FINDERS: Mapping[str, _Finder] = {
    tables.IVR_THEME.name: _by_name(tables.IVR_THEME),
    tables.IDENTITY_PROVIDER_GROUP.name: _by_name(tables.IDENTITY_PROVIDER_GROUP),
    tables.CA_CERTIFICATE.name: _certificate,
    tables.CONNECTOR.name: _connector,
    tables.EXCHANGE_DOMAIN.name: _domain,
    tables.CONFERENCE.name: _room,
    tables.CONFERENCE_ALIAS.name: _by_index(tables.ALIAS_BY_TEXT, "alias"),
    tables.END_USER.name: _by_index(tables.END_USER_BY_EMAIL, "primary_email_address"),
    **{
        table.name: _by_name(table)
        for table in (
            tables.SYSTEM_LOCATION,
            tables.MJX_EXCHANGE_DEPLOYMENT,
            tables.MJX_GRAPH_DEPLOYMENT,
            tables.MJX_GOOGLE_DEPLOYMENT,
            tables.MJX_INTEGRATION,
            tables.MJX_ENDPOINT_GROUP,
        )
    },
    tables.MJX_AUTODISCOVER_URL.name: _within(
        tables.MJX_AUTODISCOVER_URL_BY_DEPLOYMENT, "exchange_deployment", "url"
    ),
    tables.MJX_PROCESSING_RULE.name: _within(
        tables.MJX_RULE_BY_INTEGRATION, "mjx_integration", "name"
    ),
    tables.MJX_ENDPOINT.name: _by_index(
        tables.MJX_ENDPOINT_BY_ROOM, "room_resource_email"
    ),
    tables.ADMINISTRATOR.name: _by_index(tables.ADMINISTRATOR_BY_NAME, "name"),
}


def secret_fields(resource: AnyResource) -> Iterable[Declared]:
    """Yield the secrets of a resource that clients set."""
    for declared in resource.fields.values():
        if declared.field.secret and is_writable(declared):
            yield declared


def exported_fields(resource: AnyResource) -> frozenset[str]:
    """Return the names of the fields that a document has of a resource."""
    return _EXPORTED[resource.name]


def _exported(resource: AnyResource) -> frozenset[str]:
    own = {
        name
        for name in resource.columns
        if not (resource.fields[name].field.readonly or name == "id")
    }
    return frozenset({*own, *RESTORED.get(resource.name, ()), "resource_uri"})


_EXPORTED = {each.name: _exported(each) for each in TRANSFERRED}


def exported(resource: AnyResource, shown: msgspec.Struct) -> dict[str, object]:
    """Return a record as a document has it, from what `represent_own` returns."""
    names = _EXPORTED[resource.name]
    values = msgspec.structs.asdict(shown)
    return {name: value for name, value in values.items() if name in names}
