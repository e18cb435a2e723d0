"""The secrets of records, as a document brings them along. Pure but for the vault."""

from collections.abc import Iterable, Mapping
from typing import Any

from pexschedd.crypto.password_hashes import is_ours
from pexschedd.management.access.hashed_passwords import PasswordHash
from pexschedd.management.resources import AnyResource
from pexschedd.management.transfer.configuration import RESTORED_SECRETS, secret_fields
from pexschedd.management.transfer.document import RecordSecrets
from pexschedd.model.fields.validation import Problems
from pexschedd.store.secrets import SecretVault


def secret_context(resource: AnyResource, record: Any, field: str) -> str:
    """Return the context that a stored secret is sealed in."""
    return f"{resource.name}/{resource.secret_owner(record)}/{field}"


def secrets_of(
    resource: AnyResource, record: Any, vault: SecretVault
) -> RecordSecrets | None:
    """Return the secrets of a stored record, opened; None if it has none.

    Raises StoreError for one that cannot be opened.
    """
    found: dict[str, str] = {}
    sent_by: dict[str, str | int | bool | None] = {}
    wanted = [declared.name for declared in secret_fields(resource)]
    for name in (*wanted, *RESTORED_SECRETS.get(resource.name, ())):
        stored = getattr(record, name)
        if not stored:
            continue
        field = resource.fields[name].field
        found[name] = (
            stored
            if field.hashed
            else vault.unseal(stored, secret_context(resource, record, name))
        )
        for destination in field.sent_by:
            sent_by[destination.field] = getattr(record, destination.field)
    return RecordSecrets(found, sent_by) if found else None


def new_secrets(
    resource: AnyResource,
    given: Mapping[str, str],
    known: Mapping[str, str],
) -> tuple[dict[str, str], Problems]:
    """Return the secrets to be saved, those that the record does not have already, and
    a problem for what is no hash of a password.

    `known` are the record's own.
    """
    changed: dict[str, str] = {}
    problems: Problems = {}
    for declared in secret_fields(resource):
        name = declared.name
        if name not in given or given[name] == known.get(name, ""):
            continue
        if declared.field.hashed:
            if not is_ours(given[name]):
                text = "This is not the hash of a password as it is kept here."
                problems[name] = [text]
            else:
                changed[name] = PasswordHash(given[name])
        else:
            changed[name] = given[name]
    return changed, problems


def misdirected(
    resource: AnyResource, record: Any, names: Iterable[str], sealed: RecordSecrets
) -> dict[str, list[str]]:
    """Return a problem for each secret that was sealed for another destination than
    the one that the saved record sends it to."""
    problems = {}
    for name in names:
        for destination in resource.fields[name].field.sent_by:
            field = destination.field
            before, after = sealed.sent_by.get(field), getattr(record, field)
            if field not in sealed.sent_by or destination.moved(before, after):
                problems[name] = [_MISDIRECTED.format(field=field)]
    return problems


_MISDIRECTED = (
    "This was exported for another {field}, which decides where it is sent. Send it "
    "along in secrets, in plain text."
)
