"""A daemon that is killed while administrators change records, again and again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest_twisted

from pexschedd.history.recorder import settle
from pexschedd.model import tables
from tests.web_admin.web_admin_support import open_store

CHILD = """
import sys
from pathlib import Path
import pytest_twisted  # noqa: F401
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from tests.web_admin.web_admin_support import *

async def work():
    async with serving(Path(sys.argv[1])) as server:
        client = server.client
        if not await client.objects(CONFERENCE):
            await client.create(CONFERENCE, {"name": "0"})
            await client.create(CONNECTOR, {**HEAD_OFFICE, "name": "0"})
        room, integration = f"{CONFERENCE}1/", f"{CONNECTOR}1/"
        number = int((await client.get(room))["name"])
        print("open", flush=True)
        while True:
            number += 1
            for path in (room, integration):
                answer = await client.ask("PATCH", path, {"name": str(number)})
                assert answer.status == 202, answer.body
            print(number, flush=True)

reactor.callWhenRunning(lambda: Deferred.fromCoroutine(work()))
reactor.run()
"""


@pytest_twisted.ensureDeferred
async def test_a_change_and_its_entry_are_durable_together(tmp_path: Path) -> None:
    """After SIGKILL each change has its entry and each entry its change, in a document
    and in the journal; and all that was answered is there."""
    state, path = tmp_path / "state", str(Path(__file__).parents[2])
    acknowledged = 0
    for round_ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(state)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"open\n"
            said = [child.stdout.readline() for _ in range(3 + 2 * round_)]
            child.send_signal(signal.SIGKILL)
            said += child.stdout.readlines()
        complete = [line for line in said if line.endswith(b"\n")]
        acknowledged = int(complete[-1])
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
