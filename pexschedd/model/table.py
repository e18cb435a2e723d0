"""The store's description of a table: a collection of records of one type."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

from pexschedd.model.fields.declaration import Record

R = TypeVar("R", bound=Record)
R_co = TypeVar("R_co", bound=Record, covariant=True)

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes a stored record of one version, as plain JSON, to the next version."""


class Index(Generic[R]):
    """An index of a table's records by a key that is computed from each record.

    A key of None means: this record is not in the index.
    """

    def __init__(
        self, table: "Table[R]", name: str, key: Callable[[R], Hashable | None]
    ) -> None:
        self.table = table
        self.name = name
        self.key = key

    def __repr__(self) -> str:
        return f"<Index {self.table.name}.{self.name}>"


class Table(Generic[R]):
    """A named collection of one type of record, with integer ids from 1 on.

    `document` names the pretty-printed JSON file that holds the whole collection
    (several small collections may share one; they then change together). Without it
    the collection lives in the journal.

    `version` counts the changes to the record that old stored records do not survive.
    `upgrades[n]` takes a stored record from version n to n + 1; steps are kept for
    ever, so a state folder of any age can be opened.
    """

    def __init__(
        self,
        name: str,
        record: type[R],
        *,
        version: int = 1,
        document: str = "",
        upgrades: Mapping[int, Upgrade] | None = None,
    ) -> None:
        self.name = name
        self.record = record
        self.version = version
        self.document = document
        self.upgrades: Mapping[int, Upgrade] = upgrades or {}
        self.indexes: list[Index[R]] = []

    def index(self, name: str, key: Callable[[R], Hashable | None]) -> Index[R]:
        """Declare an index; only where the table itself is declared."""
        index = Index(self, name, key)
        self.indexes.append(index)
        return index

    def __repr__(self) -> str:
        return f"<Table {self.name}>"
