"""Stores from before there was a history are opened, and begin one."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest_twisted
from twisted.internet import reactor

from pexschedd.errors import StoreError
from pexschedd.history.recorder import record_changes, settle
from pexschedd.model import tables
from pexschedd.store.store import Store
from tests.scheduling.upkeep.upkeep_support import CONNECTOR

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
NEW = {tables.CONFIGURATION_CHANGE, *tables.UNSETTLED_CHANGES.values()}


def opened(folder: Path, known: tuple[Any, ...] = tables.TABLES) -> Store:
    def failed(error: StoreError) -> None:
        raise AssertionError(error)

    return Store.open(folder, known, reactor=cast(Any, reactor), failed=failed)


@pytest_twisted.ensureDeferred
async def test_an_earlier_store(tmp_path: Path) -> None:
    """Its documents lack the tables, and have them after the next change."""
    store = opened(tmp_path, tuple(t for t in tables.TABLES if t not in NEW))
    transaction = store.transaction()
    transaction.put(tables.CONNECTOR, CONNECTOR)
    await transaction.commit()
    await store.close()
    store = opened(tmp_path)
    await settle(store)
    with store.transaction() as transaction:
        transaction.delete(tables.CONNECTOR, CONNECTOR.id)
        record_changes(store, transaction, NOW)
        durable = transaction.commit()
    await durable
    await settle(store)
    await store.close()
    store = opened(tmp_path)
    (entry,) = store.all(tables.CONFIGURATION_CHANGE)
    assert (entry.action, entry.object_name) == ("deleted", CONNECTOR.name)
    assert entry.administrator == "schedulingservice"
    await store.close()
