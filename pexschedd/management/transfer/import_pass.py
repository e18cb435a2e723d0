"""One pass over a document: its records, or some of them, are added to a change set."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from pexschedd.errors import MOST_PROBLEMS, InvalidFields
from pexschedd.management.change_set import ChangeSet
from pexschedd.management.record_saver import RecordSaver, SaveTools
from pexschedd.management.resources import AnyResource
from pexschedd.management.save_notes import MOST_NOTES
from pexschedd.management.transfer.configuration import TRANSFERRED
from pexschedd.management.transfer.document import Resources
from pexschedd.management.transfer.document_records import (
    DocumentReader,
    DocumentSecrets,
    Reference,
)
from pexschedd.management.transfer.plan import ImportPlan, planned
from pexschedd.store.store import Store
from pexschedd.util.cooperate import Pauses


class DocumentRecord(msgspec.Struct, frozen=True):
    """A record of a document, and where it stands there."""

    resource: AnyResource
    number: int
    """Counted from 0."""
    sent: msgspec.Raw | dict[str, object]

    @property
    def place(self) -> str:
        """The words that name it."""
        return f"{self.resource.name}[{self.number}]"


class ImportProgress(msgspec.Struct, frozen=True):
    """The state of an import after the parts that were made."""

    done: int = 0
    """Records that were dealt with."""
    targets: Mapping[Reference, int] = {}
    """Ids of the records that may be referred to."""
    matched: frozenset[tuple[str, int]] = frozenset()
    """Records of the store that the document has found."""


def records_of(resources: Resources) -> list[DocumentRecord]:
    """Return the records of a document in the order of reference."""
    return [
        DocumentRecord(resource, number, sent)
        for resource in TRANSFERRED
        for number, sent in enumerate(resources.get(resource.name, ()))
    ]


class ImportPass:
    """Adds records to a change set, from where earlier parts have ended.

    On trial new records get ids that are not kept; `reserved` are those that are.
    """

    def __init__(
        self,
        store: Store,
        changes: ChangeSet,
        tools: SaveTools,
        pauses: Pauses,
        secrets: DocumentSecrets,
        progress: ImportProgress,
        reserved: set[tuple[str, int]] | None,
    ) -> None:
        self.changes = changes
        self.plan = ImportPlan()
        self._pauses = pauses
        self._begun = progress
        self._matched = set(progress.matched)
        self._saver = RecordSaver(changes, tools, pauses)
        self._reader = DocumentReader(
            store, changes, secrets, tools, reserved or set(), reserved is None
        )
        self._reader.know(progress.targets)
        self._problems: dict[str, list[str]] = {}

    async def run(self, records: list[DocumentRecord], most: int) -> ImportProgress:
        """Add what is left of `records`, until there are `most` changes; return the
        state of the import once they are made.

        Raises `InvalidFields` that names all that is wrong.
        """
        done = self._begun.done
        for record in records[done:]:
            if self.changes.size >= most:
                break
            with self._collected(record):
                await self._add(record)
            done += 1
            await self._pauses.item_done()
            if len(self._problems) > MOST_PROBLEMS:
                break
        if done == len(records):
            self._problems |= self._reader.unused_secrets()
        if self._problems:
            raise InvalidFields(self._problems)
        self.plan.notes = [*self._reader.notes, *self.changes.notes][:MOST_NOTES]
        return ImportProgress(done, self._reader.targets, frozenset(self._matched))

    def depends_on(self, table: Any, old: Any, new: Any) -> bool:
        """Return whether what others have changed meanwhile may make this wrong."""
        if table.document or (table.name, (new or old).id) in self._matched:
            return True
        return self.changes.depends_on(table, old, new)

    async def _add(self, read: DocumentRecord) -> None:
        """Add a record; raises `InvalidFields` that names all that is wrong with it."""
        reader, plan, resource = self._reader, self.plan, read.resource
        sent = reader.read(resource, read.sent, read.place)
        problems = dict(sent.problems)
        if sent.current is not None:
            if self._is_matched(resource, sent.current):
                text = (
                    "This is there twice: another record of the document is the same."
                )
                problems[""] = [text]
            elif not sent.payload and not problems:
                reader.found(resource, sent, sent.current)
                plan.unchanged += 1
                return
        try:
            record = await self._saver.save(
                resource, sent.payload, sent.current, restored=sent.restored
            )
            reader.check_destinations(sent, record, resource)
        except InvalidFields as error:
            problems = {**error.problems, **problems}
        if problems:
            raise InvalidFields(problems)
        reader.found(resource, sent, record)
        entry = planned(
            self.changes, resource, sent.current, record, sent.alias_changes
        )
        if entry is None:
            plan.unchanged += 1
        else:
            plan.records.append(entry)

    def _is_matched(self, resource: AnyResource, record: Any) -> bool:
        """Return whether the document has found a record before, and note it."""
        key = resource.name, record.id
        is_there = key in self._matched
        self._matched.add(key)
        return is_there

    @contextmanager
    def _collected(self, record: DocumentRecord) -> Iterator[None]:
        """Collect the problems of the block under the record's place."""
        try:
            yield
        except InvalidFields as error:
            place = record.place
            if self._reader.label:
                place += f' "{self._reader.label[:40]}"'
            for field, texts in error.problems.items():
                self._problems[f"{place}: {field}" if field else place] = list(texts)
