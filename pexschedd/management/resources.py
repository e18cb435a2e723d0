"""The resources of the management API. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pexschedd.management.access.recorded_changes import shown_changes
from pexschedd.management.onetouch.resources import ONE_TOUCH_JOIN
from pexschedd.management.resource import (
    KINDS,
    Children,
    Column,
    FileField,
    MissingRelation,
    Payload,
    Referrer,
    Resource,
    attribute,
)
from pexschedd.model import ca_certificate, tables
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.fields.validation import is_exposed
from pexschedd.model.platform.theme_package import LARGEST, package_problem


def _same(value: Any) -> Any:
    return value


def _no_index(value: Any) -> None:
    """Return the key of what is in no index."""


def _or_none(text: str) -> str | None:
    return text or None


CONNECTOR = Resource(
    tables.CONNECTOR,
    children=(
        Children(
            "domains",
            "exchange_domain",
            "exchange_connector",
            tables.DOMAIN_BY_CONNECTOR,
        ),
    ),
    secret_owner=lambda connector: connector.uuid,
)
EXCHANGE_DOMAIN = Resource(
    tables.EXCHANGE_DOMAIN,
    finders={"exchange_connector": (tables.DOMAIN_BY_CONNECTOR, _same)},
    filter_names={"name": "domain"},
)
IVR_THEME = Resource(
    tables.IVR_THEME,
    referrers=(
        Referrer("conference", "ivr_theme", tables.CONFERENCE_BY_THEME, "conference"),
        Referrer("ms_exchange_connector", "ivr_theme", tables.CONNECTOR_BY_THEME),
    ),
    files={
        "package": FileField(
            check=package_problem,
            largest=LARGEST,
            help="The theme as a ZIP file. It is checked, and not kept: conferencing "
            "nodes take themes from the platform.",
            note="This was checked and is not kept: conferencing nodes take themes "
            "from the platform. Upload it there, under the same name.",
        )
    },
)
IDENTITY_PROVIDER_GROUP = Resource(
    tables.IDENTITY_PROVIDER_GROUP,
    missing=(
        MissingRelation(
            "identity_provider",
            "identity_provider",
            "The providers of a group are on the platform, where conferencing nodes "
            "find it by its name.",
        ),
    ),
    referrers=(
        Referrer(
            "conference",
            "host_identity_provider_group",
            tables.CONFERENCE_BY_HOST_GROUP,
        ),
        Referrer(
            "conference",
            "guest_identity_provider_group",
            tables.CONFERENCE_BY_GUEST_GROUP,
        ),
        Referrer(
            "ms_exchange_connector",
            "host_identity_provider_group",
            tables.CONNECTOR_BY_GROUP,
        ),
    ),
)
SCHEDULED_ALIAS = Resource(
    tables.SCHEDULED_ALIAS,
    finders={
        "uuid": (tables.SCHEDULED_ALIAS_BY_UUID, _same),
        "numeric_alias": (tables.SCHEDULED_ALIAS_BY_NUMERIC, str.casefold),
    },
    filter_names={"name": "alias"},
)


def _each_certificate(payload: Payload) -> Sequence[Payload]:
    text = payload.get("certificate")
    if not isinstance(text, str):
        return (payload,)
    return [{**payload, "certificate": one} for one in ca_certificate.apart(text)]


CA_CERTIFICATE = Resource(
    tables.CA_CERTIFICATE,
    filter_names={"name": "subject"},
    split_payload=_each_certificate,
)
CONFERENCE = Resource(
    tables.CONFERENCE,
    children=(
        Children(
            "aliases", "conference_alias", "conference", tables.ALIAS_BY_CONFERENCE
        ),
        Children(
            "scheduled_conferences",
            "scheduled_conference",
            "conference",
            tables.SCHEDULED_BY_CONFERENCE,
            nested=False,
            count="scheduled_conferences_count",
        ),
    ),
    missing=(
        MissingRelation(
            "automatic_participants",
            "automatic_participant",
            "Nobody is called from here when a conference begins.",
        ),
    ),
    finders={
        "name": (tables.CONFERENCE_BY_NAME, _same),
        "primary_owner_email_address": (tables.CONFERENCE_BY_OWNER, str.casefold),
    },
)
CONFERENCE_ALIAS = Resource(
    tables.CONFERENCE_ALIAS,
    finders={
        "alias": (tables.ALIAS_BY_TEXT, str.casefold),
        "conference": (tables.ALIAS_BY_CONFERENCE, _same),
    },
    filter_names={"name": "alias"},
)
END_USER = Resource(
    tables.END_USER,
    missing=(
        MissingRelation("user_groups", "user_group", "There are no user groups here."),
    ),
    finders={
        "primary_email_address": (tables.END_USER_BY_EMAIL, str.casefold),
        "exchange_user_id": (tables.END_USER_BY_EXCHANGE_USER, _or_none),
        "user_oid": (tables.END_USER_BY_OID, _or_none),
        "uuid": (tables.END_USER_BY_UUID, _or_none),
    },
    filter_names={"name": "display_name"},
)
SCHEDULED_CONFERENCE = Resource(
    tables.SCHEDULED_CONFERENCE,
    finders={
        "conference": (tables.SCHEDULED_BY_CONFERENCE, _same),
        "scheduled_alias": (tables.SCHEDULED_BY_ALIAS, _same),
    },
    filter_names={"name": "subject"},
)
RECURRING_CONFERENCE = Resource(
    tables.RECURRING_CONFERENCE,
    finders={
        "conference": (tables.RECURRING_BY_CONFERENCE, _same),
        "scheduled_alias": (tables.RECURRING_BY_ALIAS, _same),
    },
    filter_names={"name": "subject"},
    read_only=True,  # its recurrence comes from Exchange alone
)

ADMINISTRATOR = Resource(
    tables.ADMINISTRATOR, finders={"name": (tables.ADMINISTRATOR_BY_NAME, str.casefold)}
)
API_TOKEN = Resource(
    tables.API_TOKEN,
    finders={"administrator": (tables.API_TOKEN_BY_ADMINISTRATOR, _same)},
    fixed=True,
    issued=True,
    owner="administrator",
)
OAUTH2_CLIENT = Resource(
    tables.OAUTH2_CLIENT,
    finders={"client_id": (tables.OAUTH2_CLIENT_BY_CLIENT_ID, _same)},
    filter_names={"name": "client_name"},
    issued=True,
)
ROLE = Resource(tables.ROLE, read_only=True)

_ALARM = {
    name: Column(name, declared.type, attribute(name), nullable=declared.nullable)
    for name, declared in fields_of(tables.ALARM.record).items()
}
ALARM_STATUS = Resource(
    tables.ALARM,
    kind="status",
    columns=tuple(c for c in _ALARM.values() if c.name != "time_lowered"),
    is_visible=lambda alarm: alarm.time_lowered is None,
)
ALARM_HISTORY = Resource(
    tables.ALARM,
    kind="history",
    columns=tuple(c for c in _ALARM.values() if c.name != "acknowledged"),
    filter_names={"start_time": "time_raised"},
)
SCHEDULER_STATUS = Resource(
    tables.CURSOR,
    name="exchange_scheduler",
    kind="status",
    columns=(
        Column("id", int, attribute("id")),
        Column("exchange_connector_id", int, attribute("id")),
        Column(
            "last_modified_time", datetime, attribute("last_item_time"), nullable=True
        ),
    ),
)

SET_ASIDE_STATUS = Resource(
    tables.TROUBLED,
    name="exchange_set_aside_message",
    kind="status",
    columns=(
        Column("id", int, attribute("id")),
        Column("exchange_connector_id", int, attribute("exchange_connector")),
        Column("item_id", str, attribute("item_id")),
        Column("correlation_id", str, attribute("correlation_id")),
        Column("reason", str, attribute("reason")),
        Column("attempts", int, attribute("attempts")),
        Column("first_time", datetime, attribute("first_time")),
        Column("last_time", datetime, attribute("last_time")),
    ),
    is_visible=lambda message: message.set_aside_time is not None,
    deletable=True,
)

CONFIGURATION_CHANGE = Resource(
    tables.CONFIGURATION_CHANGE,
    kind="history",
    columns=tuple(
        Column(
            name,
            declared.type,
            shown_changes if name == "changes" else attribute(name),
            is_plain=name != "changes",
        )
        for name, declared in fields_of(tables.CONFIGURATION_CHANGE.record).items()
        if is_exposed(declared)
    ),
    finders={
        "object_id": (tables.CHANGE_BY_OBJECT, _same),
        # Each has a large part of all: what else is asked for finds quicker.
        "resource": (tables.CHANGE_BY_OBJECT, _no_index),
        "action": (tables.CHANGE_BY_OBJECT, _no_index),
    },
    filter_names={"name": "object_name"},
    newest_first=True,
)

MESSAGE_HISTORY = Resource(
    tables.PROCESSED_MESSAGE,
    name="scheduling_message",
    kind="history",
    columns=(
        Column("id", int, attribute("id")),
        Column("exchange_connector_id", int, attribute("exchange_connector")),
        Column("time", datetime, attribute("time")),
        Column("correlation_id", str, attribute("correlation_id")),
        Column("action", str, attribute("action")),
        Column("note", str, attribute("note")),
        Column("organizer", str, attribute("organizer")),
        Column("alias", str, attribute("alias")),
        Column("conference_id", int, attribute("conference")),
        Column("ews_item_uid", str, attribute("uid")),
    ),
    finders={
        "correlation_id": (tables.PROCESSED_BY_CORRELATION_ID, _same),
        "conference_id": (tables.PROCESSED_BY_CONFERENCE, lambda id_: id_ or None),
    },
    filter_names={"name": "alias", "start_time": "time"},
)

AnyResource = Resource[Any]

_ALL: tuple[AnyResource, ...] = (
    CONNECTOR,
    EXCHANGE_DOMAIN,
    SCHEDULED_ALIAS,
    CA_CERTIFICATE,
    IVR_THEME,
    IDENTITY_PROVIDER_GROUP,
    *ONE_TOUCH_JOIN,
    CONFERENCE,
    CONFERENCE_ALIAS,
    END_USER,
    SCHEDULED_CONFERENCE,
    RECURRING_CONFERENCE,
    ADMINISTRATOR,
    API_TOKEN,
    OAUTH2_CLIENT,
    ROLE,
    ALARM_STATUS,
    ALARM_HISTORY,
    SCHEDULER_STATUS,
    SET_ASIDE_STATUS,
    CONFIGURATION_CHANGE,
    MESSAGE_HISTORY,
)

BY_KIND: Mapping[str, Mapping[str, AnyResource]] = {
    kind: {r.name: r for r in _ALL if r.kind == kind} for kind in KINDS
}
CONFIGURATION = BY_KIND["configuration"]
for _resource in _ALL:
    _resource.others = CONFIGURATION
