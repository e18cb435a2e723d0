"""A daemon that is killed while configurations are imported, again and again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest_twisted

from pexschedd.history.recorder import settle
from pexschedd.management.transfer.together import finish_changes
from pexschedd.model import tables
from tests.web_admin.web_admin_support import open_store

CHILD = """
import sys
from pathlib import Path
import pytest_twisted  # noqa: F401
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from pexschedd.management.transfer.together import finish_changes
from tests.web_admin.transfer_support import imported
from tests.web_admin.web_admin_support import *

async def work():
    async with serving(Path(sys.argv[1])) as server:
        finish_changes(server.store)
        groups = await server.client.objects(f"{API}/identity_provider_group/")
        number = int(groups[0]["description"]) if groups else 0
        print("open", flush=True)
        while True:
            number += 1
            group = {"name": "Staff", "description": str(number), "resource_uri": "g"}
            rooms = [
                {
                    "name": f"Room {each}",
                    "description": str(number),
                    "host_identity_provider_group": "g",
                }
                for each in range(5)
            ]
            resources = {"identity_provider_group": [group], "conference": rooms}
            await imported(server, {"resources": resources})
            print(number, flush=True)

reactor.callWhenRunning(lambda: Deferred.fromCoroutine(work()))
reactor.run()
"""


@pytest_twisted.ensureDeferred
async def test_an_import_is_there_or_not(tmp_path: Path) -> None:
    """After SIGKILL the records of a document of the store and those of the journal are
    of the same import, the last one that was answered or the one after it, and the
    history has each change once."""
    state, path = tmp_path / "state", str(Path(__file__).parents[2])
    for round_ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(state)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"open\n"
            said = [child.stdout.readline() for _ in range(4 + 3 * round_)]
            child.send_signal(signal.SIGKILL)
            said += child.stdout.readlines()
        acknowledged = max(int(line) for line in said if line[-1:] == b"\n")
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
