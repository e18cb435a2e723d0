"""A daemon that is killed while administrators change records, again and again."""

from pathlib import Path

import pytest_twisted

from pexschedd.history.recorder import settle
from pexschedd.model import tables
from tests.web_admin.killed_servers import CHANGING, killed
from tests.web_admin.web_admin_support import open_store


@pytest_twisted.ensureDeferred
async def test_a_change_and_its_entry_are_durable_together(tmp_path: Path) -> None:
    """After SIGKILL each change has its entry and each entry its change, in a document
    and in the journal; and all that was answered is there."""
    state = tmp_path / "state"
    acknowledged = 0
    for round_ in range(3):
        acknowledged = killed(CHANGING, state, 3 + 2 * round_)
        store = open_store(state)
        try:
            await settle(store)
            room = store.get(tables.CONFERENCE, 1)
            integration = store.get(tables.CONNECTOR, 1)
            assert room is not None
            assert integration is not None
            for record, resource in (
                (room, "conference"),
                (integration, "ms_exchange_connector"),
            ):
                values = [
                    (each.old, each.new)
                    for entry in store.all(tables.CONFIGURATION_CHANGE)
                    if (entry.resource, entry.object_id) == (resource, 1)
                    for each in entry.changes
                    if each.field == "name"
                ]
                last = int(record.name)
                assert last >= acknowledged
                assert values == [
                    (str(number - 1) if number else None, str(number))
                    for number in range(last + 1)
                ]
        finally:
            await store.close()
    assert acknowledged > 5
