"""The values that no two records may share. Pure: independent of the store."""

from collections.abc import Callable, Hashable, Mapping

import msgspec

from pexschedd.model import tables
from pexschedd.model.ca_certificate import CaCertificate, fingerprint_of
from pexschedd.model.fields.declaration import Record
from pexschedd.model.onetouch.autodiscover_url import AutodiscoverUrl
from pexschedd.model.onetouch.processing_rule import ProcessingRule
from pexschedd.model.table import Index


class Unique(msgspec.Struct, frozen=True):
    """A rule that no two records of a table have the same key; a key of None is
    free."""

    field: str
    """The field that is wrong when the key is taken."""
    key: Callable[[Record], Hashable | None]
    index: Index | None = None  # type: ignore[type-arg]  # of any record
    """Finds the record with a key; without it all records are looked at."""
    taken: Callable[[Record], str] = lambda holder: ""
    """The message about the record that has the key; empty if it is enough to name
    that one."""


def _folded(field: str) -> Callable[[Record], Hashable | None]:
    def key(record: Record) -> Hashable | None:
        return (getattr(record, field) or "").strip().casefold() or None

    return key


def _exact(field: str) -> Callable[[Record], Hashable | None]:
    def key(record: Record) -> Hashable | None:
        return getattr(record, field) or None

    return key


def _certificate(record: Record) -> Hashable | None:
    return fingerprint_of(record) if isinstance(record, CaCertificate) else None


def _watched_already(other: Record) -> str:
    return (
        f'The integration "{getattr(other, "name", "")}" uses this mailbox already. '
        "Each integration needs an equipment mailbox of its own."
    )


def _room_taken(other: Record) -> str:
    return (
        f'The endpoint "{getattr(other, "name", "")}" is in this room already. Each '
        "room has one endpoint."
    )


def _account_taken(other: Record) -> str:
    return (
        f'The endpoint "{getattr(other, "name", "")}" uses this name already. Each '
        "endpoint needs an account of its own: by it the meetings of its room are "
        "found."
    )


def _name_in_profile(record: Record) -> Hashable | None:
    return (
        (record.mjx_integration, record.name)
        if isinstance(record, ProcessingRule)
        else None
    )


def _rule_taken(other: Record) -> str:
    return (
        "Another rule of this profile has this name. Reports and the status of "
        "meetings name rules by it."
    )


def _url_of_deployment(record: Record) -> Hashable | None:
    return (
        (record.exchange_deployment, record.url)
        if isinstance(record, AutodiscoverUrl)
        else None
    )


def _url_taken(other: Record) -> str:
    return "The deployment has this address already."


UNIQUE: Mapping[str, tuple[Unique, ...]] = {
    tables.ADMINISTRATOR.name: (
        Unique("name", _folded("name"), tables.ADMINISTRATOR_BY_NAME),
    ),
    tables.CONNECTOR.name: (
        Unique("name", _exact("name")),
        Unique(
            "room_mailbox_email_address",
            _folded("room_mailbox_email_address"),
            taken=_watched_already,
        ),
    ),
    tables.OAUTH2_CLIENT.name: (Unique("client_name", _folded("client_name")),),
    tables.CA_CERTIFICATE.name: (Unique("certificate", _certificate),),
    tables.IVR_THEME.name: (Unique("name", _exact("name")),),
    tables.IDENTITY_PROVIDER_GROUP.name: (Unique("name", _exact("name")),),
    tables.SYSTEM_LOCATION.name: (Unique("name", _exact("name")),),
    tables.MJX_INTEGRATION.name: (Unique("name", _exact("name")),),
    tables.MJX_ENDPOINT_GROUP.name: (Unique("name", _exact("name")),),
    tables.MJX_EXCHANGE_DEPLOYMENT.name: (Unique("name", _exact("name")),),
    tables.MJX_GRAPH_DEPLOYMENT.name: (Unique("name", _exact("name")),),
    tables.MJX_GOOGLE_DEPLOYMENT.name: (Unique("name", _exact("name")),),
    tables.MJX_AUTODISCOVER_URL.name: (
        Unique("url", _url_of_deployment, taken=_url_taken),
    ),
    tables.MJX_PROCESSING_RULE.name: (
        Unique("name", _name_in_profile, taken=_rule_taken),
    ),
    tables.MJX_ENDPOINT.name: (
        Unique("name", _exact("name"), tables.MJX_ENDPOINT_BY_NAME),
        Unique(
            "room_resource_email",
            _folded("room_resource_email"),
            tables.MJX_ENDPOINT_BY_ROOM,
            taken=_room_taken,
        ),
        Unique(
            "poly_username",
            _folded("poly_username"),
            tables.MJX_ENDPOINT_BY_POLY_USERNAME,
            taken=_account_taken,
        ),
    ),
    tables.CONFERENCE.name: (
        Unique("name", _exact("name"), tables.CONFERENCE_BY_NAME),
    ),
    tables.CONFERENCE_ALIAS.name: (
        Unique("alias", _folded("alias"), tables.ALIAS_BY_TEXT),
    ),
    tables.END_USER.name: (
        Unique(
            "primary_email_address",
            _folded("primary_email_address"),
            tables.END_USER_BY_EMAIL,
        ),
        Unique("uuid", _exact("uuid"), tables.END_USER_BY_UUID),
    ),
    tables.SCHEDULED_ALIAS.name: (
        Unique("uuid", _exact("uuid"), tables.SCHEDULED_ALIAS_BY_UUID),
        Unique(
            "numeric_alias",
            _folded("numeric_alias"),
            tables.SCHEDULED_ALIAS_BY_NUMERIC,
        ),
    ),
}
"""By the name of the table."""
