"""Imports of whole configurations: what would change is known before anything does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import MOST_PROBLEMS, InvalidFields, RecordChanged
from pexschedd.management.change_set import MOST_RECORDS, ChangeSet
from pexschedd.management.record_saver import RecordSaver, SaveTools
from pexschedd.management.resources import CONFIGURATION, AnyResource
from pexschedd.management.save_notes import MOST_NOTES
from pexschedd.management.transfer.configuration import TRANSFERRED
from pexschedd.management.transfer.document import MOST_DOCUMENTED, Resources
from pexschedd.management.transfer.document_records import (
    DocumentReader,
    DocumentSecrets,
)
from pexschedd.management.transfer.plan import ImportPlan, planned
from pexschedd.store.store import Store
from pexschedd.util.cooperate import Pauses

_OF_A_ROOM = MOST_RECORDS
"""Aliases that come with the last record of a part."""
_TRIES = 3
"""Attempts, while others change what was checked."""


class ImportOptions(msgspec.Struct, frozen=True):
    """The wishes of the administrator who imports."""

    is_dry_run: bool = False
    in_parts: bool = False
    """Make more than `MOST_RECORDS` changes, so many in one transaction."""


class ConfigurationImporter:
    """Imports documents, one at a time.

    Records are found by their natural keys, see `configuration.existing`; those that
    the document does not have stay as they are. All is checked as the management API
    checks it, and made by the same change sets.
    """

    def __init__(
        self, store: Store, tools: SaveTools, *, clock: IReactorTime, now: Now
    ) -> None:
        self._store = store
        self._tools = tools
        self._clock = clock
        self._now = now
        self._lock = DeferredLock()
        self._meanwhile: list[tuple[Any, Any, Any]] | None = None
        for resource in CONFIGURATION.values():
            store.subscribe(resource.table, partial(self._changed, resource.table))

    def _changed(self, table: Any, old: Any, new: Any) -> None:
        if self._meanwhile is not None and len(self._meanwhile) < MOST_DOCUMENTED:
            self._meanwhile.append((table, old, new))

    async def run(
        self,
        resources: Resources,
        secrets: DocumentSecrets,
        options: ImportOptions,
        known: Mapping[str, int] | None = None,
    ) -> ImportPlan:
        """Import all records of a document, or none; return the plan.

        `known` has the ids of records that are there and that the document refers to,
        by their URIs. Raises `InvalidFields` that names all that is wrong, and
        `RecordChanged` if others keep changing the same records.
        """
        await self._lock.acquire()
        try:
            return await self._run(_Import(resources, secrets, known or {}), options)
        finally:
            self._lock.release()

    async def _run(self, work: "_Import", options: ImportOptions) -> ImportPlan:
        whole = ChangeSet(self._store, MOST_DOCUMENTED)
        plan, _ = await self._check(whole, work, is_trial=True)
        whole.check()
        if not options.in_parts and whole.size > MOST_RECORDS:
            raise InvalidFields({"in_parts": [_TOO_MANY.format(size=whole.size)]})
        if options.is_dry_run:
            return plan
        done = ImportPlan(unchanged=plan.unchanged)
        while True:
            part, is_all = await self._make_part(work)
            done.records += part.records
            done.notes = [*done.notes, *part.notes][:MOST_NOTES]
            if is_all:
                return done

    async def _make_part(self, work: "_Import") -> tuple[ImportPlan, bool]:
        """Make up to `MOST_RECORDS` changes; return them, and whether that is all."""
        for _ in range(_TRIES):
            changes = ChangeSet(self._store, MOST_RECORDS + _OF_A_ROOM)
            self._meanwhile = []
            try:
                plan, is_all = await self._check(changes, work, is_trial=False)
            finally:
                meanwhile, self._meanwhile = self._meanwhile, None
            if not any(work.depends_on(changes, *each) for each in meanwhile):
                if changes.size:
                    await changes.commit(self._now(), self._clock)
                return plan, is_all
        raise RecordChanged(
            "Others have changed the same records while this was checked, again and "
            "again. Send it once more."
        )

    async def _check(
        self, changes: ChangeSet, work: "_Import", *, is_trial: bool
    ) -> tuple[ImportPlan, bool]:
        """Add the changes, and return the plan and whether it is complete: it ends
        early when there are as many as one transaction takes.

        On trial new records get ids that are not kept.
        """
        plan, pauses = ImportPlan(), Pauses(self._clock)
        saver = RecordSaver(changes, self._tools, pauses)
        source = DocumentReader(
            self._store, changes, work.secrets, self._tools, work.reserved, is_trial
        )
        source.know(work.known)
        problems: dict[str, list[str]] = {}
        work.matched.clear()
        for resource in TRANSFERRED:
            for number, raw in enumerate(work.resources.get(resource.name, ()), 1):
                if not is_trial and changes.size >= MOST_RECORDS:
                    return plan, False
                with _numbered(problems, source, resource, number):
                    await self._add(source, saver, plan, work, resource, raw)
                await pauses.item_done()
                if len(problems) > MOST_PROBLEMS:
                    raise InvalidFields(problems)
        problems |= source.unused_secrets()
        if problems:
            raise InvalidFields(problems)
        plan.notes = [*source.notes, *changes.notes][:MOST_NOTES]
        return plan, True

    async def _add(
        self,
        source: DocumentReader,
        saver: RecordSaver,
        plan: ImportPlan,
        work: "_Import",
        resource: AnyResource,
        raw: msgspec.Raw | dict[str, object],
    ) -> None:
        """Add the changes of one record."""
        sent = source.read(resource, raw)
        if sent.current is not None:
            work.match(resource, sent.current)
            if not sent.payload:
                source.found(sent, sent.current)
                plan.unchanged += 1
                return
        record = await saver.save(
            resource, sent.payload, sent.current, restored=sent.restored
        )
        source.check_destinations(sent, record, resource)
        source.found(sent, record)
        entry = planned(
            source.changes, resource, sent.current, record, sent.alias_changes
        )
        if entry is None:
            plan.unchanged += 1
        else:
            plan.records.append(entry)


class _Import:
    """One import, over all its tries and parts."""

    def __init__(
        self,
        resources: Resources,
        secrets: DocumentSecrets,
        known: Mapping[str, int],
    ) -> None:
        self.known = known
        self.resources = resources
        self.secrets = secrets
        self.reserved: set[tuple[str, int]] = set()
        self.matched: set[tuple[str, int]] = set()

    def match(self, resource: AnyResource, record: Any) -> None:
        key = resource.name, record.id
        if key in self.matched:
            text = "This is there twice: another record of the document is the same."
            raise InvalidFields({"": [text]})
        self.matched.add(key)

    def depends_on(self, changes: ChangeSet, table: Any, old: Any, new: Any) -> bool:
        """Return whether what others have changed meanwhile may make this wrong."""
        if table.document or (table.name, (new or old).id) in self.matched:
            return True
        return changes.depends_on(table, old, new)


@contextmanager
def _numbered(
    problems: dict[str, list[str]],
    source: DocumentReader,
    resource: AnyResource,
    number: int,
) -> Iterator[None]:
    """Collect the problems of the block under the record's place in the document."""
    try:
        yield
    except InvalidFields as error:
        for field, texts in error.problems.items():
            place = f"{resource.name}[{number - 1}]"
            if source.label:
                place += f' "{source.label[:40]}"'
            problems[f"{place}: {field}" if field else place] = list(texts)


_TOO_MANY = (
    "This would create or change {size} records, and one transaction takes "
    f"{MOST_RECORDS}. Import the resources one after the other; or send in_parts: "
    "true, and so many are made at a time, each part wholly or not at all. If that is "
    "interrupted, import the same document again: what is made already is left alone."
)
