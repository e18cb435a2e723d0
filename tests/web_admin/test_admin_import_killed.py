"""A daemon that is killed while configurations are imported, again and again."""

from pathlib import Path

import pytest_twisted

from pexschedd.history.recorder import settle
from pexschedd.management.transfer.together import finish_changes
from pexschedd.model import tables
from tests.web_admin.killed_servers import IMPORTING, killed
from tests.web_admin.web_admin_support import open_store


@pytest_twisted.ensureDeferred
async def test_an_import_is_there_or_not(tmp_path: Path) -> None:
    """After SIGKILL the records of a document of the store and those of the journal are
    of the same import, the last one that was answered or the one after it, and the
    history has each change once."""
    state = tmp_path / "state"
    for round_ in range(3):
        acknowledged = killed(IMPORTING, state, 4 + 3 * round_)
        store = open_store(state)
        finish_changes(store)
        await settle(store)
        (group,) = store.all(tables.IDENTITY_PROVIDER_GROUP)
        rooms = [each.description for each in store.all(tables.CONFERENCE)]
        assert rooms == [group.description] * 5
        assert 0 <= int(group.description) - acknowledged <= 1
        assert store.count(tables.UNFINISHED_CHANGE) == 0
        history = [
            (each.resource, each.object_id, change.new)
            for each in store.all(tables.CONFIGURATION_CHANGE)
            for change in each.changes
            if change.field == "description"
        ]
        assert len(history) == len(set(history)) == 6 * int(group.description)
        await store.close()
