"""The records that one request saves, checked and added to its change set.

A record may come with many that belong to it, so other work has its turn in between.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.errors import MOST_PROBLEMS, InvalidFields
from pexschedd.management.access.issued_secrets import Issue
from pexschedd.management.change_set import (
    ChangeSet,
    too_many_records,
)
from pexschedd.management.payload_references import (
    FixedReference,
    existing_reference,
    id_of,
    own_values,
)
from pexschedd.management.references import named_by
from pexschedd.management.resource import MOST_RECORDS, Children, Payload, Upload
from pexschedd.management.resources import AnyResource
from pexschedd.management.save_notes import Review, Revision, SaveNote, room_notes
from pexschedd.management.server_fields import (
    own_defaults,
    take_ruled_fields,
    with_sealed_secrets,
    with_server_fields,
)
from pexschedd.model.fields.validation import Problems, TemplateChecker, judge
from pexschedd.store.secrets import SecretVault
from pexschedd.util.cooperate import Pauses

MOST_FIELDS = 1_000
"""Fields of a record that is sent: several times as many as any record has."""


class SaveTools(msgspec.Struct, frozen=True):
    """The tools that records are checked and completed with; see `RecordWriter`."""

    templates: TemplateChecker
    vault: SecretVault
    now: Now
    uuid4: Callable[[], str]
    review: Review
    issue: Issue


class RecordSaver:
    """Adds records to the change set of one request.

    Its methods raise `InvalidFields` that names every wrong field, but end once there
    are more than `MOST_PROBLEMS` of them.
    """

    def __init__(self, changes: ChangeSet, tools: SaveTools, pauses: Pauses) -> None:
        self._changes = changes
        self._tools = tools
        self._pauses = pauses

    async def save_item(self, resource: AnyResource, item: object) -> Any:
        """Add one item of a list, and return it: a record, new or not, or just a
        URI."""
        changes = self._changes
        if not isinstance(item, dict):
            return changes.get(
                resource.table, existing_reference(changes, resource, item)
            )
        named = named_by(item)
        if named is None and resource.issued:
            text = "Make these one by one: the answer shows each one's secret once."
            raise InvalidFields({"": [text]})
        if named is None:
            return await self.save_new(resource, item)
        current = changes.get(
            resource.table, existing_reference(changes, resource, named)
        )
        return await self.save(resource, item, current)

    async def save_new(self, resource: AnyResource, payload: Payload) -> Any:
        """Add all that `payload` stands for, and return the first record."""
        parts = resource.split_payload(payload)
        if len(parts) == 1:
            return await self.save(resource, parts[0])
        records = []
        problems: Problems = {}
        found = 0
        for number, part in enumerate(parts, 1):
            try:
                records.append(await self.save(resource, part))
            except InvalidFields as error:
                for field, texts in error.problems.items():
                    numbered = [f"Number {number}: {text}" for text in texts]
                    problems.setdefault(field, []).extend(numbered)
                    found += len(texts)
            if found > MOST_PROBLEMS:
                break
            await self._pauses.item_done()
        if problems:
            raise InvalidFields(problems)
        return records[0]

    async def save(
        self,
        resource: AnyResource,
        payload: Payload,
        current: Any = None,
        *,
        restored: Payload | None = None,
    ) -> Any:
        """Add one record and those that are nested in it, and return it.

        `current` is what the store has, None for a new record. What `payload` leaves
        out stays as it is there. A new one that comes from elsewhere may have
        `restored` its id, and fields that the server sets.
        """
        if len(payload) > MOST_FIELDS:
            raise InvalidFields({"": [f"This has more than {MOST_FIELDS} fields."]})
        changes, tools = self._changes, self._tools
        values, problems = own_values(changes, resource, payload)
        record = self._checked(resource, values, problems, current, restored or {})
        parent = 0 if record is None else record.id
        for children in resource.children.values():
            # Null is sent for what a client leaves to others; [] removes them.
            if payload.get(children.name) is not None:
                texts = await self._save_children(
                    resource.others[children.resource], children, parent, payload
                )
                if texts:
                    problems[children.name] = texts
        if problems:
            raise InvalidFields(problems)
        if record is not None:
            revision = Revision(record, changes, current, values.keys())
            changes.note(resource.table, record, tools.review(revision))
            changes.note(resource.table, record, room_notes(revision))
            changes.note(resource.table, record, file_notes(resource, payload))
        return record

    def _checked(
        self,
        resource: AnyResource,
        values: dict[str, object],
        problems: Problems,
        current: Any,
        restored: Payload,
    ) -> Any:
        """Add one record to the changes and return it, or None if it is wrong itself;
        add what is wrong to `problems`."""
        changes, tools = self._changes, self._tools
        uuid4 = tools.uuid4()
        problems |= take_ruled_fields(resource, current, values, tools.templates)
        if current is None:
            values = own_defaults(resource, uuid4) | values
        record: Any
        record, wrong = judge(
            resource.table.record,
            values,
            current=current,
            templates=tools.templates,
            restored=restored,
        )
        for field, texts in wrong.items():
            # A problem that an unreadable reference has caused is named already.
            problems.setdefault(field, texts)
        if current is None and not wrong:
            id_ = restored.get("id") or changes.new_id(resource.table)
            record = replace(record, id=id_)
        clashes = changes.clashes(resource.table, record, but=problems.keys())
        for field, text in clashes.items():
            problems.setdefault(field, []).append(text)
        if wrong:
            return None
        kept = changes.kept_as_it_is(resource.table, record)
        if kept:
            problems.setdefault("alias", []).append(kept)
        try:
            record = with_server_fields(record, current, tools.now(), uuid4)
        except InvalidFields as error:
            for field, texts in error.problems.items():
                problems.setdefault(field, []).extend(texts)
        record = with_sealed_secrets(resource, record, values, tools.vault)
        if resource.issued and current is None and not problems:
            record, changes.shown = tools.issue(record)
        if record != current:
            changes.put(resource.table, record)
        return record

    async def _save_children(
        self, resource: AnyResource, children: Children, parent: int, payload: Payload
    ) -> list[str]:
        """Make the listed records all that belong to `parent`; returns problems.

        A parent of 0 is wrong itself: its children are only checked.
        """
        items = payload[children.name]
        if not isinstance(items, list):
            return ["This must be a list."]
        if len(items) > MOST_RECORDS:
            return [too_many_records("are listed")]
        if not resource.writable:
            # Clients send back what they have read.
            same = self._changes.children(children, parent)
            if [id_of(resource, item) for item in items] == same:
                return []
            return [f"You may not change {resource.name}: this must stay as it is."]
        texts = await self._delete_others(resource, children, parent, items)
        for number, item in enumerate(items, 1):
            try:
                if isinstance(item, dict):
                    item = {**item, children.parent: FixedReference(parent)}
                    await self.save_item(resource, item)
                else:
                    child = await self.save_item(resource, item)
                    self._move(resource, child, children.parent, parent)
            except InvalidFields as error:
                texts += numbered_problems(number, error)
                if len(texts) > MOST_PROBLEMS:
                    break
            await self._pauses.item_done()
        return texts

    def _move(self, resource: AnyResource, child: Any, field: str, parent: int) -> None:
        """Give a record that is there already to a parent; raises `InvalidFields`."""
        moved = replace(child, **{field: parent})
        kept = self._changes.kept_as_it_is(resource.table, moved)
        if kept:
            raise InvalidFields({"": [kept]})
        if moved != child:
            revision = Revision(moved, self._changes, child, (field,))
            notes = self._tools.review(revision)
            self._changes.note(resource.table, moved, notes)
        self._changes.put(resource.table, moved)

    async def _delete_others(
        self,
        resource: AnyResource,
        children: Children,
        parent: int,
        items: Sequence[object],
    ) -> list[str]:
        """Delete the records of `parent` that are not listed; returns problems."""
        texts: list[str] = []
        kept = set()
        for item in items:
            kept.add(id_of(resource, item))
            await self._pauses.item_done()
        for child in self._changes.children(children, parent):
            if child not in kept:
                stays = self._changes.kept(resource.table, child)
                if stays:
                    texts.append(stays)
                else:
                    self._changes.delete(resource, child)
            await self._pauses.item_done()
        return texts


def file_notes(resource: AnyResource, payload: Payload) -> Iterator[SaveNote]:
    """Yield what has become of the files in `payload`."""
    for name, field in resource.files.items():
        if isinstance(payload.get(name), Upload):
            yield SaveNote(name, field.note)


def numbered_problems(number: int, error: InvalidFields) -> list[str]:
    """Return the problems of one of several records, counted from 1."""
    return [
        f"{number}: {field}: {text}" if field else f"{number}: {text}"
        for field, texts in error.problems.items()
        for text in texts
    ]
