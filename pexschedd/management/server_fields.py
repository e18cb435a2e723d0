"""Fields that the server itself sets in a record that an administrator saves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.management.access.account_rules import completed_token
from pexschedd.management.access.hashed_passwords import PasswordHash
from pexschedd.management.resources import AnyResource
from pexschedd.model.accounts.administrator import Administrator
from pexschedd.model.accounts.api_token import ApiToken
from pexschedd.model.accounts.principal import acting_principal
from pexschedd.model.ca_certificate import CaCertificate, filled_in
from pexschedd.model.conference import Conference, ConferenceAlias, ScheduledAlias
from pexschedd.model.end_user import EndUser
from pexschedd.model.fields.validation import (
    Problems,
    TemplateChecker,
    check_value,
    is_writable,
    problem_with,
)
from pexschedd.model.integration.connector import (
    Connector,
    ExchangeDomain,
    manifest_changes,
    manifest_differences,
    with_manifest_change,
)
from pexschedd.model.onetouch.screen_token import ScreenToken
from pexschedd.model.platform.names import IvrTheme
from pexschedd.model.schedule import ScheduledConference
from pexschedd.store.secrets import SecretVault


def own_defaults(resource: AnyResource, uuid4: str) -> dict[str, object]:
    """Return the defaults that differ from record to record; `uuid4` is a fresh one."""
    if resource.table.record is Connector:
        return {"personal_vmr_oauth_client_id": uuid4}
    return {}


def with_server_fields(record: Any, old: Any, now: datetime, uuid4: str) -> Any:
    """Return `record` with the server's fields set; `old` is None if it is new.

    Raises `InvalidFields` for what only the time makes wrong.
    """
    if isinstance(record, Connector):
        return _connector(record, old, uuid4)
    if isinstance(record, CaCertificate):
        return _certificate(record, old, now)
    if isinstance(record, IvrTheme):
        return _theme(record, old, now, uuid4)
    if isinstance(record, Administrator) and old is None:
        return replace(record, created=now)
    if isinstance(record, ApiToken) and old is None:
        return completed_token(record, acting_principal.get(), now)
    if isinstance(record, EndUser) and not record.uuid:
        return replace(record, uuid=uuid4 if old is None else old.uuid)
    if isinstance(record, Conference) and old is not None:
        return _conference(record, old)
    if isinstance(record, ScreenToken) and old is None:
        return replace(record, creation_time=now)
    if old is None and isinstance(
        record, Conference | ConferenceAlias | ScheduledAlias | ExchangeDomain
    ):
        return replace(record, creation_time=now)
    return record


def _theme(
    record: IvrTheme, old: IvrTheme | None, now: datetime, uuid4: str
) -> IvrTheme:
    if record == old:
        return record
    uuid = uuid4 if old is None else record.uuid
    return replace(record, uuid=uuid, last_updated=now)


def _conference(record: Conference, old: Conference) -> Conference:
    """Note what an administrator changes of a room: scheduling keeps that."""
    if record.name != old.name:
        record = replace(record, has_own_name=True)
    if record.description != old.description:
        record = replace(record, has_own_description=True)
    return record


def take_ruled_fields(
    resource: AnyResource,
    old: Any,
    values: dict[str, object],
    templates: TemplateChecker,
) -> Problems:
    """Take the fields from `values` that something else than clients decides; return a
    problem for each to which another value was sent."""
    problems: Problems = {}
    for name, reason in _ruled(old).items():
        if name in values:
            field, value = resource.fields[name], values.pop(name)
            is_same = not problem_with(field, value, templates) and (
                check_value(field, value, templates) == getattr(old, name)
            )
            if not is_same:
                problems[name] = [reason]
    return problems


def _ruled(old: Any) -> Mapping[str, str]:
    """The fields that clients cannot change, with the reason: the times of a meeting
    that Exchange has scheduled (deployment guide, "Scheduling details")."""
    if isinstance(old, ScheduledConference) and (
        old.exchange_connector is not None or old.recurring_conference is not None
    ):
        return {"start_time": _ORGANIZERS_TIME, "end_time": _ORGANIZERS_TIME}
    return {}


_ORGANIZERS_TIME = (
    "This follows from the invitation and cannot be changed here: the organizer can "
    "move the meeting in Outlook, and the integration's meeting_buffer_before and "
    "meeting_buffer_after widen the times of meetings that are sent from then on."
)


def _certificate(
    record: CaCertificate, old: CaCertificate | None, now: datetime
) -> CaCertificate:
    if old is not None and old.certificate == record.certificate:
        return record
    record = filled_in(record)
    if record.end_date <= now:
        text = (
            f"This certificate expired on {record.end_date:%Y-%m-%d}: {record.subject}."
        )
        raise InvalidFields({"certificate": [text]})
    return record


def _connector(record: Connector, old: Connector | None, uuid4: str) -> Connector:
    if old is None:
        return replace(record, uuid=record.uuid or uuid4)
    if not record.private_key:
        record = replace(record, public_key="")
    changed = manifest_changes(old, record)
    if not changed:
        return record
    return with_manifest_change(record, changed, manifest_differences(old, record))


def with_sealed_secrets(
    resource: AnyResource, record: Any, values: Mapping[str, object], vault: SecretVault
) -> Any:
    """Return `record` with the secrets among `values` sealed; an empty one stays empty.

    One that is kept as a hash has been hashed before. The context of a sealed one is
    `<resource>/<uuid or id>/<field>`.
    """
    owner = resource.secret_owner(record)
    sealed = {}
    for name, declared in resource.fields.items():
        if declared.field.secret and is_writable(declared) and name in values:
            text = getattr(record, name)
            if declared.field.hashed:
                sealed[name] = _plain(text)
                continue
            context = f"{resource.name}/{owner}/{name}"
            sealed[name] = vault.seal(text, context) if text else ""
    return replace(record, **sealed) if sealed else record


def _plain(value: object) -> str:
    """A hash as the store keeps it. Nothing else may get there in its place."""
    if not isinstance(value, PasswordHash):
        raise TypeError("a password would be stored as it was sent")
    return str(value)
