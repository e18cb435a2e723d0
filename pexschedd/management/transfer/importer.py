"""Imports of whole configurations: what would change is known before anything does."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.errors import InvalidFields, RecordChanged
from pexschedd.management.change_set import ChangeSet
from pexschedd.management.record_saver import SaveTools
from pexschedd.management.resource import MOST_RECORDS
from pexschedd.management.resources import CONFIGURATION
from pexschedd.management.save_notes import MOST_NOTES
from pexschedd.management.transfer.document import MOST_DOCUMENTED, Resources
from pexschedd.management.transfer.document_records import DocumentSecrets, Reference
from pexschedd.management.transfer.import_pass import (
    DocumentRecord,
    ImportPass,
    ImportProgress,
    records_of,
)
from pexschedd.management.transfer.plan import ImportPlan
from pexschedd.store.store import Store
from pexschedd.util.cooperate import Pauses

_OF_A_PART = 100
"""Changes in one transaction, if there are several: one takes some 20 ms."""
_OF_A_ROOM = MOST_RECORDS
"""Aliases that come with the last record of a part."""
_TRIES = 3
"""Attempts, while others change what was checked."""


class ImportOptions(msgspec.Struct, frozen=True):
    """The wishes of the administrator who imports."""

    is_dry_run: bool = False
    in_parts: bool = False
    """Make more than `MOST_RECORDS` changes, in several transactions."""


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
        known: Mapping[Reference, int] | None = None,
    ) -> ImportPlan:
        """Import all records of a document, or none; return the plan.

        `known` has the ids of records that are there and that the document refers to.
        Raises `InvalidFields` that names all that is wrong, and
        `RecordChanged` if others keep changing the same records.
        """
        await self._lock.acquire()
        try:
            work = _Import(records_of(resources), secrets, known or {})
            return await self._run(work, options)
        finally:
            self._lock.release()

    async def _run(self, work: "_Import", options: ImportOptions) -> ImportPlan:
        trial = self._pass(work, ChangeSet(self._store, MOST_DOCUMENTED), None)
        await trial.run(work.records, MOST_DOCUMENTED)
        trial.changes.check()
        size = trial.changes.size
        if not options.in_parts and size > MOST_RECORDS:
            raise InvalidFields({"in_parts": [_TOO_MANY.format(size=size)]})
        if options.is_dry_run:
            return trial.plan
        done = ImportPlan()
        most = MOST_RECORDS if size <= MOST_RECORDS else _OF_A_PART
        while work.progress.done < len(work.records):
            part = await self._make_part(work, most)
            done.records += part.records
            done.unchanged += part.unchanged
            done.notes = [*done.notes, *part.notes][:MOST_NOTES]
        return done

    async def _make_part(self, work: "_Import", most: int) -> ImportPlan:
        """Make up to `most` changes, and return them."""
        for _ in range(_TRIES):
            changes = ChangeSet(self._store, most + _OF_A_ROOM)
            part = self._pass(work, changes, work.reserved)
            self._meanwhile = []
            try:
                progress = await part.run(work.records, most)
                await changes.prepare(Pauses(self._clock))
            finally:
                meanwhile, self._meanwhile = self._meanwhile, None
            if not any(part.depends_on(*each) for each in meanwhile):
                if changes.size:
                    await changes.commit(self._now(), self._clock)
                work.progress = progress
                return part.plan
        raise RecordChanged(
            "Others have changed the same records while this was checked, again and "
            "again. Send it once more."
        )

    def _pass(
        self,
        work: "_Import",
        changes: ChangeSet,
        reserved: set[tuple[str, int]] | None,
    ) -> ImportPass:
        return ImportPass(
            self._store,
            changes,
            self._tools,
            Pauses(self._clock),
            work.secrets,
            work.progress,
            reserved,
        )


class _Import:
    """One import, over all its tries and parts."""

    def __init__(
        self,
        records: list[DocumentRecord],
        secrets: DocumentSecrets,
        known: Mapping[Reference, int],
    ) -> None:
        self.records = records
        self.secrets = secrets
        self.progress = ImportProgress(targets=known)
        self.reserved: set[tuple[str, int]] = set()


_TOO_MANY = (
    "This would create or change {size} records, and one transaction takes "
    f"{MOST_RECORDS}. Import the resources one after the other; or send in_parts: "
    "true, and they are made in parts, each wholly or not at all. If that is "
    "interrupted, import the same document again: what is made already is left alone."
)
