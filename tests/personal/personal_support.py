"""A store with an integration that offers personal rooms, and who signs in there."""

from itertools import count
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace
from twisted.internet import reactor

from pexschedd.errors import StoreError
from pexschedd.model import tables
from pexschedd.model.table import R, Table
from pexschedd.personal.users import PersonalUsers
from pexschedd.store.store import Store
from tests.scheduling.upkeep import upkeep_support

CONNECTOR = replace(upkeep_support.CONNECTOR, enable_personal_vmrs=True)
EXCHANGE = "https://mail.example.com/autodiscover/metadata/json/1"
ALICE = f"alice-at-exchange@{EXCHANGE}"
BOB = f"bob-at-exchange@{EXCHANGE}"
TENANT = "11111111-2222-4333-8444-555555555555"
ALICE_OID = f"{TENANT}:aaaaaaaa-0000-4000-8000-000000000001"
BOB_OID = f"{TENANT}:bbbbbbbb-0000-4000-8000-000000000002"


class Personal:
    """The users over a state folder."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(
            folder, tables.TABLES, reactor=cast(Any, reactor), failed=_unexpected
        )
        uuids = (f"00000000-0000-4000-8000-{n:012}" for n in count(1))
        self.users = PersonalUsers(self.store, lambda: next(uuids))

    async def put(self, table: Table[R], *records: R) -> None:
        """Store records."""
        transaction = self.store.transaction()
        for record in records:
            transaction.put(table, record)
        await transaction.commit()

    def every(self, table: Table[R]) -> list[R]:
        """All records of a table."""
        return list(self.store.all(table))


def _unexpected(error: StoreError) -> None:
    raise AssertionError(error)
