"""The records that status resources are worked out from."""

from collections.abc import Iterable
from typing import Any, Protocol

from pexschedd.management.representation import RecordReads
from pexschedd.model.table import Index, R, Table


class RecordSource(RecordReads, Protocol):
    """The part of the store that is read for it."""

    def all(self, table: Table[R]) -> Iterable[R]:
        """Iterate over a table by ascending id."""

    def count(self, table: Table[R]) -> int:
        """Return the number of records in a table."""

    def find_each(self, index: Index[R], key: Any) -> Iterable[R]:
        """Return what `find_all` does, read one after the other."""
