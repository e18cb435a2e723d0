"""Integrations that are checked as if they were to be made, and are not."""

from collections.abc import Callable
from itertools import count

import msgspec
from msgspec.structs import replace

from pexschedd.clock import Now
from pexschedd.management.access.issued_secrets import issue_nothing
from pexschedd.management.change_set import ChangeSet
from pexschedd.management.record_saver import RecordSaver, SaveTools
from pexschedd.management.resource import AnyTable, Payload
from pexschedd.management.resources import CONNECTOR
from pexschedd.management.save_notes import no_review
from pexschedd.model import tables
from pexschedd.model.fields.validation import TemplateChecker
from pexschedd.model.integration.connector import Connector
from pexschedd.store.store import Store
from pexschedd.util.cooperate import Pauses

NO_ID = 0
"""The id of an integration that is not stored."""


class DraftIntegration(msgspec.Struct, frozen=True):
    """An integration as it would be stored, its secrets sealed; its id is `NO_ID`."""

    connector: Connector
    domains: tuple[str, ...]
    """Its metadata domains."""


class _DraftChanges(ChangeSet):
    """Changes that are never made: they use up no id of the store."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        # Beyond any stored record's, so that no draft is taken for one of those.
        self._ids = count(2**52)

    def new_id(self, table: AnyTable) -> int:
        return next(self._ids)


class Drafts:
    """Checks drafts by the rules of `RecordWriter.create`; saves nothing."""

    def __init__(
        self,
        store: Store,
        templates: TemplateChecker,
        *,
        now: Now,
        uuid4: Callable[[], str],
    ) -> None:
        self._store = store
        self._tools = SaveTools(
            templates, store.vault, now, uuid4, no_review, issue_nothing
        )

    async def integration(self, payload: Payload) -> DraftIntegration:
        """Return the integration that `payload` describes, which must be a whole one.

        Raises `InvalidFields` that names every wrong field.
        """
        changes = _DraftChanges(self._store)
        saver = RecordSaver(changes, self._tools, Pauses(None))
        connector = await saver.save(CONNECTOR, payload)
        domains = changes.find_all(tables.DOMAIN_BY_CONNECTOR, connector.id)
        return DraftIntegration(
            replace(connector, id=NO_ID), tuple(each.domain for each in domains)
        )
