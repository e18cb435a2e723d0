"""The records of a document, on their way into a change set."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from pexschedd.crypto.key_pair import pair_problem
from pexschedd.errors import InvalidFields
from pexschedd.management.change_set import ChangeSet
from pexschedd.management.payload_references import FixedReference
from pexschedd.management.record_saver import SaveTools
from pexschedd.management.references import parse_reference
from pexschedd.management.representation import represent_own
from pexschedd.management.resources import AnyResource
from pexschedd.management.save_notes import SaveNote
from pexschedd.management.transfer.configuration import (
    BY_NAME,
    RESTORED,
    existing,
    is_configuration,
    label_of,
)
from pexschedd.management.transfer.document import RecordSecrets, decoded_record
from pexschedd.management.transfer.plan import PlannedField
from pexschedd.management.transfer.room_aliases import RoomAliases
from pexschedd.management.transfer.secrets import (
    misdirected,
    new_secrets,
)
from pexschedd.model import tables
from pexschedd.model.fields.validation import check_value, problem_with
from pexschedd.store.store import Store

_TRIAL_ID = 1 << 40
"""The first id of records that are only checked: above all that the store gives."""


Reference = tuple[str, str]
"""The name of a resource, and the `resource_uri` of one of its records."""


class DocumentSecrets(msgspec.Struct, frozen=True):
    """The secrets that come with a document, by `resource_uri`."""

    sealed: Mapping[str, RecordSecrets] = {}
    given: Mapping[str, Mapping[str, str]] = {}
    """Secrets that were sent in plain text; they count before sealed ones."""


class SentRecord(msgspec.Struct, frozen=True):
    """A record of a document, and what it becomes."""

    uri: str
    current: Any
    """The record that it changes; None for a new one."""
    payload: dict[str, object]
    """The fields that are to be saved; empty if nothing is."""
    restored: dict[str, object]
    sealed: RecordSecrets | None
    alias_changes: tuple[PlannedField, ...]
    from_seal: tuple[str, ...]
    """The secrets that are not sent in plain text."""


class DocumentReader:
    """Reads the records of one document, in the order of reference.

    On trial new records get ids of their own, which the store does not know of.
    """

    def __init__(
        self,
        store: Store,
        changes: ChangeSet,
        secrets: DocumentSecrets,
        tools: SaveTools,
        reserved: set[tuple[str, int]],
        is_trial: bool,
    ) -> None:
        self._store = store
        self.changes = changes
        self._secrets = secrets
        self._tools = tools
        self._reserved = reserved
        self._is_trial = is_trial
        self._trial_id = _TRIAL_ID
        self.targets: dict[Reference, int] = {}
        """The ids of the records that may be referred to; 0 for a wrong one."""
        self._places: dict[str, str] = {}
        """The records that this has read, by the URIs that the document has."""
        self.label = ""
        """The name of the record that was read last."""
        self._room_aliases = RoomAliases(store)
        self.notes: list[SaveNote] = []

    def know(self, targets: Mapping[Reference, int]) -> None:
        """Note the ids of records that are there and may be referred to."""
        self.targets.update(targets)

    def read(
        self, resource: AnyResource, raw: msgspec.Raw | dict[str, object], place: str
    ) -> SentRecord:
        """Return the next record; `place` names it in the document. Raises
        `InvalidFields`."""
        self.label = ""
        values = decoded_record(raw) if isinstance(raw, msgspec.Raw) else raw
        if not isinstance(values, dict):
            raise InvalidFields({"": ["This must be an object."]})
        self.label = label_of(resource, values)
        uri = self._own_uri(values, place)
        if uri:
            # What refers to this one is right even if this one is not.
            self.targets[resource.name, uri] = 0
        values = self._resolved(resource, values)
        current = existing(self._store, resource, values)
        if current is not None and not is_configuration(self._store, resource, current):
            current = None  # the check says whose the name is
        kept = RESTORED.get(resource.name, ())
        payload = {
            name: value
            for name, value in values.items()
            if name not in ("id", "resource_uri", *kept)
        }
        for name in payload:
            declared = resource.fields.get(name)
            if declared is not None and declared.field.hashed:
                raise InvalidFields({name: [_ONLY_SEALED]})
        if current is not None:
            payload = _different(resource, current, payload)
        alias_changes = self._room_aliases.take(resource, current, payload)
        sealed = self._secrets.sealed.get(uri)
        given = self._secrets.given.get(uri, {})
        for name in given:
            declared = resource.fields.get(name)
            if declared is None or not declared.field.secret or declared.field.hashed:
                raise InvalidFields({name: ["This is no secret that can be sent."]})
        merged = {**(sealed.secrets if sealed else {}), **given}
        secrets = new_secrets(resource, current, merged, self._tools.vault)
        restored = {}
        if current is None:
            restored = self._restored(resource, values, uri, merged)
        saved = [*secrets, *(n for n in merged if n in restored)]
        return SentRecord(
            uri=uri,
            current=current,
            payload={**payload, **secrets},
            restored=restored,
            sealed=sealed,
            alias_changes=alias_changes,
            from_seal=tuple(name for name in saved if name not in given),
        )

    def found(self, resource: AnyResource, sent: SentRecord, record: Any) -> None:
        """Note what a record has become: others refer to it."""
        if sent.uri:
            self.targets[resource.name, sent.uri] = record.id

    def check_destinations(self, sent: SentRecord, record: Any, resource: Any) -> None:
        """Raise `InvalidFields` if a sealed secret would be sent elsewhere."""
        if sent.sealed is not None:
            problems = misdirected(resource, record, sent.from_seal, sent.sealed)
            if problems:
                raise InvalidFields(problems)

    def unused_secrets(self) -> dict[str, list[str]]:
        """Return a problem for each secret that was sent for no record."""
        known = {uri for _, uri in self.targets}
        return {
            f"secrets.{uri}": ["The document has no such record."]
            for uri in self._secrets.given
            if uri not in known
        }

    def _own_uri(self, values: Mapping[str, object], place: str) -> str:
        """Return what others refer to a record by, empty if it has nothing. No two
        records have the same: secrets belong to one of them."""
        uri = values.get("resource_uri")
        if uri in (None, ""):
            return ""
        if not isinstance(uri, str):
            raise InvalidFields({"resource_uri": ["This must be a text."]})
        other = self._places.setdefault(uri, place)
        if other != place:
            raise InvalidFields({"resource_uri": [f"{other} has the same."]})
        return uri

    def _resolved(
        self, resource: AnyResource, values: dict[str, object]
    ) -> dict[str, object]:
        """Return the values with references within the document as ids."""
        result = dict(values)
        problems = {}
        for name, value in values.items():
            declared = resource.fields.get(name)
            if declared is None or declared.field.related not in BY_NAME:
                continue
            if value in (None, ""):
                continue
            other, uri = declared.field.related, _referred(value)
            target = self.targets.get((other, uri))
            if target is None:
                problems[name] = [f"The document has no {other} {uri[:200]}."]
                continue
            result[name] = FixedReference(target)
        if problems:
            raise InvalidFields(problems)
        return result

    def _restored(
        self,
        resource: AnyResource,
        values: Mapping[str, object],
        uri: str,
        secrets: Mapping[str, str],
    ) -> dict[str, object]:
        """Return what a new record brings along that otherwise the server sets."""
        restored: dict[str, object] = {}
        if resource.table is tables.CONNECTOR:
            restored = self._restored_integration(resource, values, secrets)
            restored["id"] = self._kept_id(resource, uri)
        elif self._is_trial:
            restored["id"] = self._next_trial_id()
        return restored

    def _restored_integration(
        self,
        resource: AnyResource,
        values: Mapping[str, object],
        secrets: Mapping[str, str],
    ) -> dict[str, object]:
        restored: dict[str, object] = {}
        uuid = values.get("uuid") or self._tools.uuid4()
        if not _is_uuid(uuid):
            raise InvalidFields({"uuid": ["This must be a UUID."]})
        if any(each.uuid == uuid for each in self.changes.all(resource.table)):
            # A copy beside the original is another integration, with its own add-in.
            uuid = self._tools.uuid4()
        restored["uuid"] = uuid
        self._restore(resource, "manifest_revision", values, restored)
        key = secrets.get("private_key")
        if key and values.get("public_key"):
            certificate = self._restore(resource, "public_key", values, restored)
            problem = pair_problem(certificate, key)
            if problem:
                raise InvalidFields({"public_key": [problem]})
            context = f"{resource.name}/{uuid}/private_key"
            restored["private_key"] = self._tools.vault.seal(key, context)
        elif key:
            text = "A private key comes with its certificate, which is missing."
            raise InvalidFields({"public_key": [text]})
        return restored

    def _restore(
        self,
        resource: AnyResource,
        name: str,
        values: Mapping[str, object],
        restored: dict[str, object],
    ) -> Any:
        """Add a value that is there to what is restored, and return it."""
        value, declared = values.get(name), resource.fields[name]
        if value is None:
            return None
        problem = problem_with(declared, value, self._tools.templates)
        if problem:
            raise InvalidFields({name: [problem]})
        restored[name] = check_value(declared, value, self._tools.templates)
        return restored[name]

    def _kept_id(self, resource: AnyResource, uri: str) -> int:
        """Return the id that an integration had, if it is free: it is in the address
        of the add-in."""
        try:
            wanted = parse_reference(resource.name, uri)
        except ValueError:
            wanted = 0
        table = resource.table
        transaction = self._store.transaction()
        if self._is_trial:
            is_kept = bool(wanted) and transaction.is_new(table, wanted)
            is_kept = is_kept and self.changes.get(table, wanted) is None
        else:
            key = table.name, wanted
            is_kept = key in self._reserved or transaction.reserve(table, wanted)
            if is_kept:
                self._reserved.add(key)
        if is_kept:
            return wanted
        if wanted:
            self.notes.append(SaveNote("id", _OTHER_ID.format(label=self.label)))
        return self._next_trial_id() if self._is_trial else transaction.new_id(table)

    def _next_trial_id(self) -> int:
        self._trial_id += 1
        return self._trial_id


def _different(
    resource: AnyResource, current: Any, values: Mapping[str, object]
) -> dict[str, object]:
    """Return the values that a record does not have already."""
    shown = represent_own(resource, current)
    found = {}
    for name, value in values.items():
        if name in resource.columns:
            is_id = isinstance(value, FixedReference)
            own = getattr(current if is_id else shown, name)
            if own == value and (is_id or type(own) is type(value)):
                continue
        found[name] = value
    return found


def _referred(value: object) -> str:
    """The URI of a reference, which may be shown nested; what has none, as JSON."""
    uri = value.get("resource_uri") if isinstance(value, dict) else value
    return uri if isinstance(uri, str) else msgspec.json.encode(value).decode()


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        return False


_ONLY_SEALED = (
    "No password of an account can be sent with a document. Accounts come from an "
    "export with a passphrase, which has their hashes sealed; make others one by one."
)
_OTHER_ID = (
    'The integration "{label}" cannot have the number that it had, which is in the '
    "addresses of the add-in: deploy its manifest again."
)
