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
from pexschedd.management.transfer.room_aliases import RoomAliases, nested_problems
from pexschedd.management.transfer.secrets import (
    misdirected,
    new_secrets,
    secrets_of,
)
from pexschedd.model import tables
from pexschedd.model.fields.validation import (
    Problems,
    check_value,
    is_writable,
    problem_with,
)
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
    problems: Problems
    """The reasons why some of it is left out, by field."""


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
        """Return the next record, with all that is wrong so far; `place` names it in
        the document. Raises `InvalidFields` for what is no record."""
        self.label = ""
        problems: Problems = {}
        values: Any = raw
        if isinstance(raw, msgspec.Raw):
            values, problems = decoded_record(raw)
        if not isinstance(values, dict):
            raise InvalidFields({"": ["This must be an object."]})
        self.label = label_of(resource, values)
        uri = self._own_uri(values, place, problems)
        if uri:
            # What refers to this one is right even if this one is not.
            self.targets[resource.name, uri] = 0
        values = self._resolved(resource, values, problems)
        current = existing(self._store, resource, values)
        if current is not None and not is_configuration(self._store, resource, current):
            current = None  # the check says whose the name is
        kept = RESTORED.get(resource.name, ())
        payload: dict[str, object] = {}
        for name, value in values.items():
            declared = resource.fields.get(name)
            if declared is not None and declared.field.hashed:
                problems[name] = [_ONLY_SEALED]
            elif name not in ("id", "resource_uri", *kept):
                payload[name] = value
        if current is not None:
            payload = _different(resource, current, payload)
        problems |= nested_problems(resource, payload)
        alias_changes = self._room_aliases.take(resource, current, payload)
        sealed = self._secrets.sealed.get(uri)
        stored = current and secrets_of(resource, current, self._tools.vault)
        known = stored.secrets if stored else {}
        given = self._given(resource, uri, current, known, problems)
        merged = {**(sealed.secrets if sealed else {}), **given}
        secrets, wrong = new_secrets(resource, merged, known)
        problems |= wrong
        restored = {}
        if current is None:
            restored = self._restored(resource, values, uri, merged, problems)
        saved = [*secrets, *(n for n in merged if n in restored)]
        return SentRecord(
            uri=uri,
            current=current,
            payload={**payload, **secrets},
            restored=restored,
            sealed=sealed,
            alias_changes=alias_changes,
            from_seal=tuple(name for name in saved if name not in given),
            problems=problems,
        )

    def _given(
        self,
        resource: AnyResource,
        uri: str,
        current: Any,
        known: Mapping[str, str],
        problems: Problems,
    ) -> dict[str, str]:
        """Return the secrets that are sent in plain text and can be kept."""
        found = {}
        for name, value in self._secrets.given.get(uri, {}).items():
            declared = resource.fields.get(name)
            if declared is None or not declared.field.secret or declared.field.hashed:
                problems[name] = ["This is no secret that can be sent."]
            elif current is None or is_writable(declared):
                found[name] = value
            elif value != known.get(name, ""):
                problems[name] = [_KEPT.format(resource=resource.name)]
        return found

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

    def _own_uri(
        self, values: Mapping[str, object], place: str, problems: Problems
    ) -> str:
        """Return what others refer to a record by, empty if it has nothing. No two
        records have the same: secrets belong to one of them."""
        uri = values.get("resource_uri")
        if uri in (None, ""):
            return ""
        if not isinstance(uri, str):
            problems["resource_uri"] = ["This must be a text."]
            return ""
        other = self._places.setdefault(uri, place)
        if other != place:
            problems["resource_uri"] = [f"{other} has the same."]
            return ""
        return uri

    def _resolved(
        self, resource: AnyResource, values: dict[str, object], problems: Problems
    ) -> dict[str, object]:
        """Return the values with references within the document as ids; 0 for wrong
        ones."""
        result = dict(values)
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
            result[name] = FixedReference(target or 0)
        return result

    def _restored(
        self,
        resource: AnyResource,
        values: Mapping[str, object],
        uri: str,
        secrets: Mapping[str, str],
        problems: Problems,
    ) -> dict[str, object]:
        """Return what a new record brings along that otherwise the server sets."""
        restored: dict[str, object] = {}
        if resource.table is tables.CONNECTOR:
            restored = self._restored_integration(resource, values, secrets, problems)
            restored["id"] = self._kept_id(resource, uri)
        elif self._is_trial:
            restored["id"] = self._next_trial_id()
        return restored

    def _restored_integration(
        self,
        resource: AnyResource,
        values: Mapping[str, object],
        secrets: Mapping[str, str],
        problems: Problems,
    ) -> dict[str, object]:
        restored: dict[str, object] = {}
        uuid = values.get("uuid") or self._tools.uuid4()
        if not _is_uuid(uuid):
            problems["uuid"] = ["This must be a UUID."]
        if any(each.uuid == uuid for each in self.changes.all(resource.table)):
            # A copy beside the original is another integration, with its own add-in.
            uuid = self._tools.uuid4()
        restored["uuid"] = uuid
        self._restore(resource, "manifest_revision", values, restored, problems)
        key = secrets.get("private_key")
        if key and values.get("public_key"):
            self._restore(resource, "public_key", values, restored, problems)
            certificate: Any = restored.get("public_key", "")
            problem = certificate and pair_problem(certificate, key)
            if problem:
                problems["public_key"] = [problem]
            context = f"{resource.name}/{uuid}/private_key"
            restored["private_key"] = self._tools.vault.seal(key, context)
        elif key:
            text = "A private key comes with its certificate, which is missing."
            problems["public_key"] = [text]
        return restored

    def _restore(
        self,
        resource: AnyResource,
        name: str,
        values: Mapping[str, object],
        restored: dict[str, object],
        problems: Problems,
    ) -> None:
        """Add a value that is there to what is restored."""
        value, declared = values.get(name), resource.fields[name]
        if value is None:
            return
        problem = problem_with(declared, value, self._tools.templates)
        if problem:
            problems[name] = [problem]
        else:
            restored[name] = check_value(declared, value, self._tools.templates)

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
_KEPT = (
    "The server sets this, and the {resource} is there already with one of its own: "
    "leave it out."
)
_OTHER_ID = (
    'The integration "{label}" cannot have the number that it had, which is in the '
    "addresses of the add-in: deploy its manifest again."
)
