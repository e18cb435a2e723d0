"""The preparation of a commit: what can be done before it, with pauses.

A commit is made in one turn of the reactor, whose other work waits meanwhile.
"""

from pexschedd.history.recorded_tables import RECORDED
from pexschedd.history.recorder import VersionDifferences, differences
from pexschedd.management.resource import AnyTable
from pexschedd.management.transfer.together import PreparedPut
from pexschedd.model.fields.declaration import Record
from pexschedd.store.collection import Prepared
from pexschedd.store.store import Store


class Preparation:
    """The prepared forms of the records that a commit will put."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._forms: dict[tuple[str, int], Prepared] = {}
        self.differences: dict[tuple[str, int], VersionDifferences] = {}
        """For the history, by table and id."""

    def prepare(self, table: AnyTable, record: Record) -> None:
        """Prepare a record; raises ValueError if it cannot be stored."""
        key = table.name, record.id
        self._forms[key] = self._store.prepare(table, record)
        if resource := RECORDED.get(table.name):
            old = self._store.get(table, record.id)
            self.differences[key] = differences(self._store, resource, old, record)

    def forget(self, table: AnyTable, id: int) -> None:
        """Forget a record, because another version of it will be put."""
        self._forms.pop((table.name, id), None)

    def put(self, table: AnyTable, record: Record) -> PreparedPut:
        """Return the put of a record, which is prepared now if it was not before."""
        form = self._forms.get((table.name, record.id))
        return PreparedPut(table, record, form or self._store.prepare(table, record))
