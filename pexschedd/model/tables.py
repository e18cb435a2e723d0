"""Every collection the daemon keeps, and how its records are found."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from pexschedd.model.accounts.administrator import (
    Administrator,
    AdministratorRole,
    RoleLevel,
)
from pexschedd.model.accounts.api_token import ApiToken, OAuth2Client
from pexschedd.model.alarm import Alarm
from pexschedd.model.ca_certificate import CaCertificate
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.configuration_change import ConfigurationChange
from pexschedd.model.end_user import EndUser
from pexschedd.model.fields.unsupported import unsupported_settings
from pexschedd.model.integration.connector import Connector, ExchangeDomain
from pexschedd.model.keyed_request import KeyedRequest
from pexschedd.model.mailed_token import MailedToken
from pexschedd.model.onetouch.autodiscover_url import AutodiscoverUrl
from pexschedd.model.onetouch.calendar_calls import CalendarCalls
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.google_deployment import GoogleDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.onetouch.processing_rule import ProcessingRule
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.model.onetouch.room_calendar import RoomCalendar
from pexschedd.model.onetouch.screen_token import ScreenToken
from pexschedd.model.outbox import (
    LastSweep,
    MailboxCommandRun,
    MailboxCursor,
    PendingAnswer,
    PendingRewrite,
    ProcessedMessage,
    TroubledMessage,
)
from pexschedd.model.platform.names import (
    IdentityProviderGroup,
    IvrTheme,
    SystemLocation,
)
from pexschedd.model.schedule import (
    CancelledOccurrence,
    RecurringConference,
    ScheduledConference,
)
from pexschedd.model.table import Index, Table
from pexschedd.model.transfer.unfinished_change import UnfinishedChange

CONNECTOR = Table("ms_exchange_connector", Connector, document="integrations")
EXCHANGE_DOMAIN = Table("exchange_domain", ExchangeDomain, document="integrations")
ADMINISTRATOR = Table(
    "administrator",
    Administrator,
    document="administrators",
    version=2,
    # Until there were roles, every administrator could do everything.
    upgrades={1: lambda stored: {**stored, "role": int(RoleLevel.FULL)}},
)
API_TOKEN = Table("api_token", ApiToken, document="administrators")
OAUTH2_CLIENT = Table("oauth2_client", OAuth2Client, document="administrators")
ROLE = Table("role", AdministratorRole, document="administrators")
ALARM = Table("alarm", Alarm, document="alarms")
CA_CERTIFICATE = Table("ca_certificate", CaCertificate, document="ca_certificates")
IVR_THEME = Table("ivr_theme", IvrTheme, document="platform_names")
IDENTITY_PROVIDER_GROUP = Table(
    "identity_provider_group", IdentityProviderGroup, document="platform_names"
)
SYSTEM_LOCATION = Table("system_location", SystemLocation, document="platform_names")
MJX_INTEGRATION = Table("mjx_integration", JoinProfile, document="one_touch_join")
MJX_ENDPOINT_GROUP = Table(
    "mjx_endpoint_group", EndpointGroup, document="one_touch_join"
)
MJX_EXCHANGE_DEPLOYMENT = Table(
    "mjx_exchange_deployment", ExchangeDeployment, document="one_touch_join"
)
MJX_AUTODISCOVER_URL = Table(
    "mjx_exchange_autodiscover_url", AutodiscoverUrl, document="one_touch_join"
)
MJX_GRAPH_DEPLOYMENT = Table(
    "mjx_graph_deployment", GraphDeployment, document="one_touch_join"
)
MJX_GOOGLE_DEPLOYMENT = Table(
    "mjx_google_deployment", GoogleDeployment, document="one_touch_join"
)
MJX_PROCESSING_RULE = Table(
    "mjx_meeting_processing_rule", ProcessingRule, document="one_touch_join"
)

MJX_ENDPOINT = Table("mjx_endpoint", Endpoint)
"""In the journal: there may be thousands."""
SCREEN_TOKEN = Table("mjx_screen_token", ScreenToken)
SCHEDULED_ALIAS = Table("scheduled_alias", ScheduledAlias)
CONFERENCE = Table("conference", Conference)
CONFERENCE_ALIAS = Table("conference_alias", ConferenceAlias)
SCHEDULED_CONFERENCE = Table("scheduled_conference", ScheduledConference)
CANCELLED_OCCURRENCE = Table("cancelled_occurrence", CancelledOccurrence)
RECURRING_CONFERENCE = Table("recurring_conference", RecurringConference)
END_USER = Table("end_user", EndUser)
OUTBOX = Table("outbox", PendingAnswer)
REWRITE = Table("rewrite", PendingRewrite)
CURSOR = Table("mailbox_cursor", MailboxCursor)
SWEEP = Table("last_sweep", LastSweep)
TROUBLED = Table("set_aside_message", TroubledMessage)
MAILED_TOKEN = Table("mailed_token", MailedToken)
UNFINISHED_CHANGE = Table("unfinished_change", UnfinishedChange)
PROCESSED_MESSAGE = Table("processed_message", ProcessedMessage)
MAILBOX_COMMAND_RUN = Table("mailbox_command_run", MailboxCommandRun)
ROOM_CALENDAR = Table("room_calendar", RoomCalendar)
ENDPOINT_STATE = Table("endpoint_state", EndpointState)
CALENDAR_CALLS = Table("calendar_calls", CalendarCalls)
GRAPH_CALENDAR_CALLS = Table("graph_calendar_calls", CalendarCalls)


class KeyedRequestTable(msgspec.Struct, frozen=True):
    """The keyed requests about the tables of one document, or of the journal."""

    table: Table[KeyedRequest]
    by_key: Index[KeyedRequest]
    by_administrator: Index[KeyedRequest]


def _keyed_requests(document: str) -> KeyedRequestTable:
    name = f"{document or 'journal'}_keyed_request"
    table = Table(name, KeyedRequest, document=document)
    return KeyedRequestTable(
        table,
        table.index("key", lambda request: request.key),
        table.index("administrator", lambda request: request.administrator),
    )


KEYED_REQUESTS: Mapping[str, KeyedRequestTable] = {
    document: _keyed_requests(document)
    for document in (
        "",
        "administrators",
        "ca_certificates",
        "integrations",
        "one_touch_join",
        "platform_names",
    )
}
"""By the document, empty for the journal: a request is kept where the records are that
it makes, because only those change together."""

CONFIGURATION_CHANGE = Table("configuration_change", ConfigurationChange)
UNSETTLED_CHANGES: Mapping[str, Table[ConfigurationChange]] = {
    document: Table(
        f"{document}_configuration_change", ConfigurationChange, document=document
    )
    for document in KEYED_REQUESTS
    if document
}
"""By the document: changes of its records that the journal does not have yet."""

TABLES: tuple[Table, ...] = (  # type: ignore[type-arg]  # tables of different records
    CONNECTOR,
    EXCHANGE_DOMAIN,
    ADMINISTRATOR,
    ROLE,
    API_TOKEN,
    OAUTH2_CLIENT,
    ALARM,
    CA_CERTIFICATE,
    IVR_THEME,
    IDENTITY_PROVIDER_GROUP,
    SYSTEM_LOCATION,
    MJX_INTEGRATION,
    MJX_ENDPOINT_GROUP,
    MJX_EXCHANGE_DEPLOYMENT,
    MJX_AUTODISCOVER_URL,
    MJX_GRAPH_DEPLOYMENT,
    MJX_GOOGLE_DEPLOYMENT,
    MJX_PROCESSING_RULE,
    MJX_ENDPOINT,
    SCREEN_TOKEN,
    SCHEDULED_ALIAS,
    CONFERENCE,
    CONFERENCE_ALIAS,
    SCHEDULED_CONFERENCE,
    RECURRING_CONFERENCE,
    CANCELLED_OCCURRENCE,
    END_USER,
    OUTBOX,
    REWRITE,
    CURSOR,
    SWEEP,
    TROUBLED,
    MAILED_TOKEN,
    UNFINISHED_CHANGE,
    PROCESSED_MESSAGE,
    MAILBOX_COMMAND_RUN,
    ROOM_CALENDAR,
    ENDPOINT_STATE,
    CALENDAR_CALLS,
    GRAPH_CALENDAR_CALLS,
    *(each.table for each in KEYED_REQUESTS.values()),
    CONFIGURATION_CHANGE,
    *UNSETTLED_CHANGES.values(),
)


_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)


def day_of(moment: datetime) -> int:
    """Return the number of days since 2020, in UTC; 0 for anything older."""
    return max(0, (moment - _FIRST_DAY).days)


def _day_to_look_again(alias: ScheduledAlias) -> int | None:
    """Return the day from which the retention of an alias without a room is counted."""
    if alias.conference_deletion_time is not None:
        return day_of(alias.conference_deletion_time)
    return None if alias.is_used else day_of(alias.creation_time)


def owner_key(address: str) -> str:
    """Return an owner's address as the owners of rooms are compared; may be empty."""
    return address.strip().casefold()


ADMINISTRATOR_BY_NAME = ADMINISTRATOR.index("name", lambda a: a.name.casefold())

API_TOKEN_BY_HASH = API_TOKEN.index("hash", lambda t: t.token_hash)
API_TOKEN_BY_ADMINISTRATOR = API_TOKEN.index("administrator", lambda t: t.administrator)
OAUTH2_CLIENT_BY_CLIENT_ID = OAUTH2_CLIENT.index("client_id", lambda c: c.client_id)

DOMAIN_BY_CONNECTOR = EXCHANGE_DOMAIN.index("connector", lambda d: d.exchange_connector)

SCHEDULED_ALIAS_BY_UUID = SCHEDULED_ALIAS.index("uuid", lambda a: a.uuid)
SCHEDULED_ALIAS_BY_NUMERIC = SCHEDULED_ALIAS.index(
    "numeric", lambda a: a.numeric_alias.casefold()
)
SCHEDULED_ALIAS_BY_UID = SCHEDULED_ALIAS.index(
    "uid", lambda a: (a.exchange_connector, a.ews_item_uid) if a.ews_item_uid else None
)
SCHEDULED_ALIAS_BY_DAY = SCHEDULED_ALIAS.index("day", _day_to_look_again)

CONFERENCE_BY_NAME = CONFERENCE.index("name", lambda c: c.name)
CONFERENCE_BY_OWNER = CONFERENCE.index(
    "owner", lambda c: c.primary_owner_email_address.casefold()
)
PERMANENT_ROOM_BY_OWNER = CONFERENCE.index(
    "permanent_owner",
    lambda c: (
        None if c.is_scheduled else owner_key(c.primary_owner_email_address) or None
    ),
)
"""Without the rooms of an organizer's meetings, which may be thousands."""
UNSUPPORTED = 1
"""The key of rooms with settings that are not honoured."""
CONFERENCE_BY_UNSUPPORTED = CONFERENCE.index(
    "unsupported", lambda c: UNSUPPORTED if any(unsupported_settings(c)) else None
)
CONFERENCE_BY_THEME = CONFERENCE.index("ivr_theme", lambda c: c.ivr_theme)
CONFERENCE_BY_HOST_GROUP = CONFERENCE.index(
    "host_identity_provider_group", lambda c: c.host_identity_provider_group
)
CONFERENCE_BY_GUEST_GROUP = CONFERENCE.index(
    "guest_identity_provider_group", lambda c: c.guest_identity_provider_group
)
CONNECTOR_BY_THEME = CONNECTOR.index("ivr_theme", lambda c: c.ivr_theme)
CONNECTOR_BY_GROUP = CONNECTOR.index(
    "host_identity_provider_group", lambda c: c.host_identity_provider_group
)

ALIAS_BY_TEXT = CONFERENCE_ALIAS.index("alias", lambda a: a.alias.casefold())
ALIAS_BY_CONFERENCE = CONFERENCE_ALIAS.index("conference", lambda a: a.conference)

EndUserIndex = Index[EndUser]
END_USER_BY_EMAIL = END_USER.index(
    "email", lambda u: u.primary_email_address.casefold()
)
END_USER_BY_EXCHANGE_USER = END_USER.index(
    "exchange_user_id", lambda u: u.exchange_user_id or None
)
END_USER_BY_OID = END_USER.index("user_oid", lambda u: u.user_oid or None)
END_USER_BY_UUID = END_USER.index("uuid", lambda u: u.uuid or None)

SCHEDULED_BY_CONFERENCE = SCHEDULED_CONFERENCE.index(
    "conference", lambda s: s.conference
)
SCHEDULED_BY_UID = SCHEDULED_CONFERENCE.index(
    "uid", lambda s: (s.exchange_connector, s.ews_item_uid) if s.ews_item_uid else None
)
SCHEDULED_BY_DAY = SCHEDULED_CONFERENCE.index("day", lambda s: day_of(s.end_time))
LONG = 1
"""The key of meetings that last longer than a day: one that may be joined now need not
end today or tomorrow."""
SCHEDULED_LONG = SCHEDULED_CONFERENCE.index(
    "long", lambda s: LONG if s.end_time - s.start_time > timedelta(days=1) else None
)
SCHEDULED_BY_SERIES = SCHEDULED_CONFERENCE.index(
    "recurring_conference", lambda s: s.recurring_conference
)
SCHEDULED_BY_ALIAS = SCHEDULED_CONFERENCE.index(
    "scheduled_alias", lambda s: s.scheduled_alias
)

RECURRING_BY_CONFERENCE = RECURRING_CONFERENCE.index(
    "conference", lambda r: r.conference
)
RECURRING_BY_UID = RECURRING_CONFERENCE.index(
    "uid", lambda r: (r.exchange_connector, r.ews_item_uid)
)
RECURRING_BY_ALIAS = RECURRING_CONFERENCE.index(
    "scheduled_alias", lambda r: r.scheduled_alias
)

OUTBOX_BY_ITEM = OUTBOX.index("item", lambda p: (p.exchange_connector, p.item_id))
OUTBOX_BY_CONNECTOR = OUTBOX.index("connector", lambda p: p.exchange_connector)

TROUBLED_BY_ITEM = TROUBLED.index("item", lambda t: (t.exchange_connector, t.item_id))
TROUBLED_BY_CONNECTOR = TROUBLED.index("connector", lambda t: t.exchange_connector)

MAILED_TOKEN_BY_DIGEST = MAILED_TOKEN.index("digest", lambda t: t.digest)

CHANGE_BY_OBJECT = CONFIGURATION_CHANGE.index("object", lambda c: c.object_id)
"""The records of all resources with an id: they are few."""
CHANGE_BY_DOCUMENT = CONFIGURATION_CHANGE.index(
    "document", lambda c: (c.document, c.document_id) if c.document else None
)
WENT_ALONG = 1
"""The key of the deletions of what has gone with an integration."""
CHANGE_WENT_ALONG = CONFIGURATION_CHANGE.index(
    "went_along", lambda c: WENT_ALONG if c.went_along else None
)
PROCESSED_BY_CORRELATION_ID = PROCESSED_MESSAGE.index(
    "correlation_id", lambda m: m.correlation_id
)
PROCESSED_BY_CONFERENCE = PROCESSED_MESSAGE.index(
    "conference", lambda m: m.conference or None
)
PROCESSED_BY_DAY = PROCESSED_MESSAGE.index("day", lambda m: day_of(m.time))

REWRITE_BY_ITEM = REWRITE.index("item", lambda p: (p.exchange_connector, p.item_id))
REWRITE_BY_CONNECTOR = REWRITE.index("connector", lambda p: p.exchange_connector)

CANCELLED_BY_UID = CANCELLED_OCCURRENCE.index(
    "uid", lambda c: (c.exchange_connector, c.ews_item_uid)
)

MJX_INTEGRATION_BY_EXCHANGE = MJX_INTEGRATION.index(
    "exchange_deployment", lambda p: p.exchange_deployment
)
MJX_INTEGRATION_BY_GRAPH = MJX_INTEGRATION.index(
    "graph_deployment", lambda p: p.graph_deployment
)
MJX_INTEGRATION_BY_GOOGLE = MJX_INTEGRATION.index(
    "google_deployment", lambda p: p.google_deployment
)
MJX_AUTODISCOVER_URL_BY_DEPLOYMENT = MJX_AUTODISCOVER_URL.index(
    "exchange_deployment", lambda u: u.exchange_deployment
)
MJX_RULE_BY_INTEGRATION = MJX_PROCESSING_RULE.index(
    "mjx_integration", lambda r: r.mjx_integration
)
MJX_GROUP_BY_INTEGRATION = MJX_ENDPOINT_GROUP.index(
    "mjx_integration", lambda g: g.mjx_integration
)
MJX_GROUP_BY_LOCATION = MJX_ENDPOINT_GROUP.index(
    "system_location", lambda g: g.system_location
)
MJX_ENDPOINT_BY_GROUP = MJX_ENDPOINT.index("group", lambda e: e.mjx_endpoint_group)
MJX_ENDPOINT_BY_NAME = MJX_ENDPOINT.index("name", lambda e: e.name)
MJX_ENDPOINT_BY_ROOM = MJX_ENDPOINT.index(
    "room", lambda e: owner_key(e.room_resource_email)
)
MJX_ENDPOINT_BY_POLY_USERNAME = MJX_ENDPOINT.index(
    "poly_username", lambda e: (e.poly_username or "").strip().casefold() or None
)
SCREEN_TOKEN_BY_HASH = SCREEN_TOKEN.index("hash", lambda t: t.token_hash)
SCREEN_TOKEN_BY_ENDPOINT = SCREEN_TOKEN.index("endpoint", lambda t: t.mjx_endpoint)
ROOM_CALENDAR_BY_EMAIL = ROOM_CALENDAR.index("room_email", lambda r: r.room_email)
ENDPOINT_STATE_BY_ENDPOINT = ENDPOINT_STATE.index("endpoint", lambda s: s.endpoint)
