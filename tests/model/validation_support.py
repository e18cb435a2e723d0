"""Records that are right, to be spoiled, and the check of what is entered."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pexschedd.errors import InvalidFields
from pexschedd.model.conference import Conference, ConferenceAlias
from pexschedd.model.fields.declaration import Record
from pexschedd.model.fields.validation import validate
from pexschedd.model.integration.connector import Connector, ExchangeDomain
from pexschedd.model.schedule import ScheduledConference
from pexschedd.templates.engine import Templates

TEMPLATES = Templates(
    lambda: datetime(2026, 11, 21, tzinfo=UTC), lambda: "uuid", lambda n: "7" * n
)

CONNECTOR: Mapping[str, object] = {
    "name": "Head office",
    "url": "https://mail.example.test/EWS/Exchange.asmx",
    "username": "EXAMPLE\\svc",
    "password": "secret",
    "room_mailbox_email_address": "rooms@example.test",
    "addin_server_domain": "px.example.test",
    "scheduled_alias_prefix": "555",
}
PERSONAL: Mapping[str, object] = {
    "enable_personal_vmrs": True,
    "personal_vmr_oauth_auth_endpoint": "https://adfs.example.test/adfs/oauth2/authorize",
    "personal_vmr_oauth_token_endpoint": "https://adfs.example.test/adfs/oauth2/token",
    "personal_vmr_oauth_client_id": "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0",
    "personal_vmr_adfs_relying_party_trust_identifier": "https://vc.example.test/",
}
BASES: dict[type[Record], Mapping[str, object]] = {
    Connector: CONNECTOR,
    ExchangeDomain: {"exchange_connector": 1, "domain": "mail.example.test"},
    Conference: {"name": "room"},
    ConferenceAlias: {"alias": "room@example.test", "conference": 1},
    ScheduledConference: {
        "conference": 1,
        "start_time": "2026-11-21T09:00:00",
        "end_time": "2026-11-21T10:00:00",
    },
}


def check(kind: type[Record], values: Mapping[str, object]) -> Any:
    return validate(kind, values, current=None, templates=TEMPLATES)


def problems_of(kind: type[Record], values: Mapping[str, object]) -> set[str]:
    try:
        check(kind, values)
    except InvalidFields as error:
        return set(error.problems)
    return set()
