"""Management APIs that change their own records without end, until they are killed.

Programs of `tests.forked`; the argument of each is a state folder. They print "open",
and then each number that all changes of a round have, once these are answered.
"""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from pexschedd.management.transfer.together import finish_changes
from tests.forked import Forked
from tests.web_admin.transfer_support import imported
from tests.web_admin.web_admin_support import (
    API,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    Server,
    reactor,
    serving,
)

CHANGING = "tests.web_admin.killed_servers:change_records"
IMPORTING = "tests.web_admin.killed_servers:import_configurations"


def killed(program: str, state: Path, rounds: int) -> int:
    """Kill a program after so many rounds; return the last round that it has told."""
    with state.with_suffix(".log").open("ab") as log:
        process = Forked(program, [str(state)], cwd=state.parent, stderr=log)
    assert process.stdout is not None
    with process.stdout as told:
        try:
            assert told.readline() == "open\n"
            said = [told.readline() for _ in range(rounds)]
        finally:
            process.kill()
        said += told.readlines()
    return max(int(line) for line in said if line.endswith("\n"))


def change_records() -> None:
    """Rename a room, in the journal, and an integration, in a document."""
    _run(_change_records)


def import_configurations() -> None:
    """Import a group and five rooms that belong to it."""
    _run(_import_configurations)


async def _change_records(server: Server) -> None:
    client = server.client
    if not await client.objects(CONFERENCE):
        await client.create(CONFERENCE, {"name": "0"})
        await client.create(CONNECTOR, {**HEAD_OFFICE, "name": "0"})
    room, integration = f"{CONFERENCE}1/", f"{CONNECTOR}1/"
    # The one before may have been killed when it had renamed the room alone.
    number = min([int((await client.get(at))["name"]) for at in (room, integration)])
    _tell("open")
    while True:
        number += 1
        for path in (room, integration):
            answer = await client.ask("PATCH", path, {"name": str(number)})
            assert answer.status == 202, answer.body
        _tell(number)


async def _import_configurations(server: Server) -> None:
    finish_changes(server.store)
    groups = await server.client.objects(f"{API}/identity_provider_group/")
    number = int(groups[0]["description"]) if groups else 0
    _tell("open")
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
        _tell(number)


def _tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _run(work: Callable[[Server], Awaitable[None]]) -> None:
    async def served() -> None:
        async with serving(Path(sys.argv[1])) as server:
            await work(server)

    def failed(failure: Any) -> None:
        failure.printTraceback(sys.stderr)
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(served()).addErrback(failed))
    reactor.run()
