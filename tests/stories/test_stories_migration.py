"""Moving an integration from EWS to Microsoft Graph and back, while meetings go on.

One sandbox has both doors over the same mailboxes, so whatever the daemon does over one
of them is there over the other.
"""

import shutil
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from pexschedd.control.protocol import MigrationOrder, Order
from pexschedd.errors import WorkStopped
from pexschedd.graph.message_names import GraphMessageNames
from pexschedd.model import tables
from pexschedd.sandbox import Processing
from pexschedd.sandbox.graph.signin.applications import ROLES, MailboxGrant
from pexschedd.scheduling.alarms.names import AUTOMATIC
from pexschedd.scheduling.inbox.supervisor import Supervisor
from pexschedd.scheduling.migration.migrator import MigrationRunner
from pexschedd.scheduling.run_requests import MigrationRequest
from pexschedd.scheduling.upkeep.mailbox_commands import MailboxRun
from pexschedd.util.stop_signal import StopSignal
from tests.stories.story_support import (
    AT_TEN,
    BOB,
    DAY,
    EDITED_SINGLE,
    EQUIPMENT,
    GONE,
    HOUR,
    MINUTE,
    NEW_SINGLE,
    World,
)
from tests.thorough import THOROUGH
from tests.turns import some_turns

ensure = Deferred.fromCoroutine
story = pytest_twisted.ensureDeferred

COMMAND = "command/v1/ms_exchange_connector/1/migrate/"
AUDIT = "command/v1/ms_exchange_connector/1/audit/"
STATUS = "status/v1/exchange_scheduler_migration/1/"


@pytest_twisted.async_yield_fixture()
async def both(tmp_path: Path) -> AsyncIterator[World]:
    """An integration that uses EWS and has the settings for Graph already."""
    world = World(tmp_path, graph=True)
    await world.start()
    await world.create_integration(mailbox_protocol="EWS")
    await world.rest()
    yield world
    await world.stop()


async def migrate(world: World, to: str = "GRAPH", **settings: Any) -> dict[str, Any]:
    """Begin a migration, wait for its end, and return what has become of it."""
    status, said = await world.ask("POST", COMMAND, {"to": to, **settings})
    assert status == 202, said
    commands = world.daemon.upkeep.mailbox_commands
    for _ in range(100):
        await some_turns()
        if _has_ended(commands.last(MigrationRequest, 1)):
            break
        world.skip(1)  # it may wait until it may ask again
    _, run = await world.ask("GET", STATUS)
    return dict(run)


def _has_ended(run: MailboxRun | None) -> bool:
    return run is not None and run.finished is not None


async def migrated(world: World, to: str = "GRAPH") -> dict[str, Any]:
    """Migrate, and see that it went well."""
    run = await migrate(world, to)
    assert (run["failures"], run["reasons"], run["error"]) == (0, [], "")
    assert protocol(world) == to
    return run


def protocol(world: World) -> str:
    (connector,) = world.store.all(tables.CONNECTOR)
    return connector.mailbox_protocol


@story
async def test_there_and_back(both: World) -> None:
    """A meeting that was accepted over EWS is changed over Graph and cancelled over
    EWS again; its organizer gets one answer to each message."""
    alice, room = both.organizer(), await both.book()
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    assert await alice.reads() == [NEW_SINGLE]

    await migrated(both)
    await both.settle()
    assert await alice.reads() == []
    await alice.move(item, AT_TEN + HOUR)
    await both.settle()
    assert await alice.reads() == [EDITED_SINGLE]
    assert await both.door(room, at=AT_TEN + HOUR) == "open"

    await migrated(both, "EWS")
    await both.settle()
    assert await alice.reads() == []
    await alice.cancel(item)
    await both.settle()
    assert await alice.reads() == []
    assert await both.door(room, at=AT_TEN + HOUR) == GONE
    assert await both.alarms() == []


@story
async def test_audited(both: World) -> None:
    """What was answered over EWS lies where Exchange, too, leaves what it answers by
    itself: the audit over Graph knows these meetings, and suspects nothing."""
    mailbox = both.exchange.mailbox(EQUIPMENT)
    mailbox.account = replace(mailbox.account, purpose="equipment")
    alice, room = both.organizer(), await both.book()
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    assert await alice.reads() == [NEW_SINGLE]
    await migrated(both)
    both.now.advance(10 * MINUTE)

    status, said = await both.ask("POST", AUDIT)
    assert status == 202, said
    for _ in range(100):
        await some_turns()
        found = await both.objects("exchange_scheduler_audit", "status")
        if not found[0]["running"]:
            break

    assert (found[0]["meetings"], found[0]["error"]) == (1, "")
    raised = await both.objects("alarm", "status")
    assert AUTOMATIC not in [each["name"] for each in raised]


BUSY = {
    "kind": "ErrorServerBusy",
    "operation": "CreateItem",
    "mailbox": EQUIPMENT,
    "times": None,
}


@story
async def test_answers_that_wait(both: World) -> None:
    """What Exchange was too busy to take over EWS is answered over Graph, once."""
    alice, room = both.organizer(), await both.book()
    both.sandbox.behaviour.configure({"faults": [BUSY]})
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    assert both.store.count(tables.OUTBOX) == 1

    run = await migrated(both)
    assert run["counts"] == {"answers carried over": 1, "integrations migrated": 1}
    await both.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert both.store.count(tables.OUTBOX) == 0
    assert both.store.count(tables.PROCESSED_MESSAGE) == 1, "it was decided about again"
    assert both.inbox() == []


@story
async def test_answers_that_were_lost(both: World) -> None:
    """An answer that Exchange has given while nobody heard of it is not repeated."""
    alice, room = both.organizer(), await both.book()
    lost = {**BUSY, "kind": "reset", "times": 1, "after": True}
    silent = {**BUSY, "operation": "GetItem"}
    both.sandbox.behaviour.configure({"faults": [lost]})
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    both.sandbox.behaviour.configure({"faults": [silent, BUSY]})
    assert both.store.count(tables.OUTBOX) == 1
    assert await alice.reads() == [NEW_SINGLE]

    run = await migrated(both)
    assert run["counts"]["records of messages that are gone, deleted"] == 2
    await both.settle()

    assert await alice.reads() == []
    assert both.store.count(tables.OUTBOX) == 0


@story
async def test_messages_in_trouble(both: World) -> None:
    """A message that EWS cannot show is read and answered over Graph."""
    alice, room = both.organizer(), await both.book()
    torn = {**BUSY, "kind": "ErrorItemCorrupt", "operation": "GetItem", "item": True}
    both.sandbox.behaviour.configure({"faults": [torn]})
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    assert both.store.count(tables.TROUBLED) == 1

    run = await migrated(both)
    assert run["counts"]["messages in trouble carried over"] == 1
    await both.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert both.store.count(tables.TROUBLED) == 0


@story
async def test_waiting_over_graph(both: World) -> None:
    """What Graph was too busy for is answered over EWS after taking back."""
    await migrated(both)
    alice, room = both.organizer(), await both.book()
    busy = {"kind": "http-503", "operation": "GraphAcceptEvent", "times": None}
    both.sandbox.behaviour.configure({"faults": [busy]})
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    assert both.store.count(tables.OUTBOX) == 1

    run = await migrated(both, "EWS")
    assert run["counts"]["answers carried over"] == 1
    await both.settle()

    assert await alice.reads() == [NEW_SINGLE]
    assert both.store.count(tables.OUTBOX) == 0
    assert both.store.count(tables.PROCESSED_MESSAGE) == 1, "it was decided about again"
    assert both.inbox() == []


@story
async def test_many_times(both: World) -> None:
    """There and back several times, with meetings that are made, moved and cancelled
    while it goes on: every message gets one answer."""
    people = both.organizer(), both.organizer(BOB)
    expected = {each.address: 0 for each in people}
    last: dict[str, tuple[Any, datetime]] = {}
    for number in range(20 if THOROUGH else 6):
        going = ensure(migrated(both, "EWS" if number % 2 else "GRAPH"))
        for person in people:
            room = await both.book(person.address)
            start = AT_TEN + (number + 1) * DAY
            item = await person.invite("Plans", start, body=room.instructions)
            expected[person.address] += 1
            if person.address in last:
                before, at = last[person.address]
                await person.move(before, at + HOUR)
                expected[person.address] += 1
                if number % 3 == 0:
                    await both.settle()
                    await person.cancel(before)
            last[person.address] = item, start
        await going
        await both.settle()
        for person in people:
            assert len(await person.letters()) == expected[person.address], number
        assert both.store.count(tables.OUTBOX) == 0
        assert both.store.count(tables.TROUBLED) == 0
        assert both.inbox() == []
    for person in people:
        assert {each.kind for each in await person.letters()} == {"accept"}
    assert await both.alarms() == []


# Refusals


async def refused(world: World, to: str = "GRAPH") -> list[str]:
    """The reasons why a migration is refused, which changes nothing."""
    before = protocol(world), world.store.get(tables.CURSOR, 1)
    run = await migrate(world, to)
    assert (protocol(world), world.store.get(tables.CURSOR, 1)) == before
    assert run["failures"] == len(run["reasons"]) > 0, run
    return list(run["reasons"])


@story
async def test_permissions_missing(both: World) -> None:
    """Each permission that Graph refuses is a reason of its own."""
    grants = tuple(MailboxGrant(r) for r in ROLES if not r.startswith("Calendars"))
    (application,) = both.sandbox.graph.applications.all()
    both.sandbox.graph.applications.add(replace(application, grants=grants))

    (reason,) = await refused(both)

    assert "Calendars.ReadWrite" in reason


@story
async def test_fields_missing(both: World) -> None:
    """What is not entered yet is named by its field, before anything is asked."""
    await both.change_integration(oauth_client_id=None)

    (reason,) = await refused(both)

    assert reason.startswith("oauth_client_id: ")


@story
async def test_nothing_to_migrate(both: World) -> None:
    """An integration that uses the target already stays as it is."""
    (reason,) = await refused(both, "EWS")
    assert "EWS already" in reason


@story
async def test_without_processing(both: World) -> None:
    """Requests that arrived while Exchange did not process them have no events: if EWS
    cannot answer them any more, that is a reason to refuse."""
    alice, room = both.organizer(), await both.book()
    account = both.exchange.mailbox(EQUIPMENT).account
    both.exchange.mailbox(EQUIPMENT).account = replace(
        account, processing=Processing.NONE
    )
    both.sandbox.behaviour.configure({"faults": [BUSY]})
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    both.now.advance(HOUR)
    both.exchange.mailbox(EQUIPMENT).account = account

    reasons = await refused(both)

    assert all("AutomateProcessing" in each for each in reasons), reasons
    both.sandbox.behaviour.configure({"faults": []})
    both.skip(3600)
    await both.settle()
    assert await alice.reads() == [NEW_SINGLE]
    await migrated(both)


def process(world: World, processing: Processing) -> None:
    """Set AutomateProcessing of the equipment mailbox."""
    mailbox = world.exchange.mailbox(EQUIPMENT)
    mailbox.account = replace(mailbox.account, processing=processing)


@pytest.mark.parametrize(
    ("processing", "method", "words"),
    [
        (Processing.NONE, "RESPONSE", "AutomateProcessing is None"),
        (Processing.AUTO_ACCEPT, "MAIL", "AutomateProcessing is AutoAccept"),
        (Processing.NONE, "MAIL", ""),
        (Processing.AUTO_UPDATE, "RESPONSE", ""),
    ],
)
@story
async def test_processing_is_asked_of_ews(
    both: World, processing: Processing, method: str, words: str
) -> None:
    """While there is EWS it tells what Graph does not: a mailbox of which Exchange
    would make no events stays, although nothing lies there that would show it."""
    process(both, processing)
    await both.change_integration(graph_answer_method=method)
    if not words:
        await migrated(both)
        return
    (reason,) = await refused(both)
    assert words in reason
    assert f"(1) Set-CalendarProcessing -Identity '{EQUIPMENT}'" in reason


NO_SETTING = {"kind": "ErrorItemNotFound", "operation": "GetUserConfiguration"}


@pytest.mark.parametrize("dry_run", [True, False])
@story
async def test_processing_unknown(both: World, *, dry_run: bool) -> None:
    """Where neither interface tells the setting, the run says that it could not be
    checked and which command shows it, and so does the doctor afterwards."""
    process(both, Processing.NONE)
    both.sandbox.behaviour.configure({"faults": [NO_SETTING | {"times": None}]})

    run = await migrate(both, dry_run=dry_run)

    assert (run["failures"], run["error"]) == (0, "")
    notes = [each for each in run["notes"] if each.startswith("Could not be checked: ")]
    (note,) = [each for each in notes if "Automatic processing" in each]
    shown = f"(1) Get-CalendarProcessing -Identity '{EQUIPMENT}'"
    assert shown in note
    assert any("Mail.Send" in each for each in notes)
    if dry_run:
        assert protocol(both) == "EWS"
        return
    report = await both.daemon.doctor.examine(1)
    (line,) = [each for each in report.lines if each.check == "processing"]
    assert line.status == "not_checked"
    assert any(each.startswith(shown[4:]) for each in line.commands)


@story
async def test_dry_run(both: World) -> None:
    """A dry run examines everything, says what is waiting, and changes nothing."""
    alice, room = both.organizer(), await both.book()
    both.sandbox.behaviour.configure({"faults": [BUSY]})
    await alice.invite("Plans", AT_TEN, body=room.instructions)
    await both.settle()
    before = [*both.store.all(tables.OUTBOX)], both.store.get(tables.CURSOR, 1)

    run = await migrate(both, dry_run=True)

    assert run["reasons"] == []
    assert run["counts"] == {"answers carried over": 1, "integrations migrated": 1}
    assert protocol(both) == "EWS"
    assert before == (
        [*both.store.all(tables.OUTBOX)],
        both.store.get(tables.CURSOR, 1),
    )


@story
async def test_history(both: World) -> None:
    """The change is the administrator's, as if it had been made by hand."""
    await migrated(both)
    status, said = await both.ask(
        "GET", "history/v1/configuration_change/", resource="ms_exchange_connector"
    )
    assert status == 200, said
    changes = [
        (each["administrator"], change)
        for each in said["objects"]
        for change in each["changes"]
        if change["field"] == "mailbox_protocol" and each["action"] == "changed"
    ]
    assert len(changes) == 1
    assert changes[0][0] == "admin"
    assert (changes[0][1]["old"], changes[0][1]["new"]) == ("EWS", "GRAPH")


class Listener:
    """Takes what a tool would show."""

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        pass

    def note(self, text: str) -> None:
        pass


@pytest.mark.parametrize(("to", "failures"), [("GRAPH", 0), ("EWS", 1), ("REST", 1)])
@story
async def test_by_the_tool(both: World, to: str, failures: int) -> None:
    """`pexschedd-check --migrate` has the daemon do the same."""
    order = MigrationOrder(exchange_connector_id=1, to=to)
    order = msgspec.json.decode(msgspec.json.encode(order), type=Order)
    executor = both.daemon.upkeep.executor
    finished = await executor.run(order, Listener(), StopSignal())
    assert finished.failures == failures, finished
    assert protocol(both) == ("EWS" if failures else to)


# Killed


STEPS: dict[str, tuple[tuple[type, str, int], ...]] = {
    "GRAPH": (
        (GraphMessageNames, "deletions_until_now", 0),
        (Supervisor, "look_once", 0),
        (GraphMessageNames, "for_graph", 0),
        (GraphMessageNames, "deletions_until_now", 1),
        (MigrationRunner, "drop", 0),
        (MigrationRunner, "save", 0),
    ),
    "EWS": (
        (Supervisor, "look_once", 0),
        (GraphMessageNames, "for_ews", 0),
        (MigrationRunner, "drop", 0),
        (MigrationRunner, "save", 0),
    ),
}
"""What a migration does to the mailbox and the store, in its order; the number counts
calls of the same kind."""


class Killed(WorkStopped):
    """The process ends here."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("to", "step"),
    [(to, number) for to, steps in STEPS.items() for number in range(len(steps))],
)
@story
async def test_killed(
    both: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    to: str,
    step: int,
    after: bool,
) -> None:
    """Whenever the process is killed, the integration is as before or migrated, and
    the next one goes on: each organizer gets one answer."""
    alice, bob = both.organizer(), both.organizer(BOB)
    if to == "EWS":
        await migrated(both)
    rooms = [await both.book(), await both.book(BOB)]
    busy = {**BUSY, "operation": "CreateItem" if to == "GRAPH" else "GraphAcceptEvent"}
    both.sandbox.behaviour.configure({"faults": [busy]})
    await alice.invite("Plans", AT_TEN, body=rooms[0].instructions)
    await both.settle()
    await bob.invite("More", AT_TEN + DAY, body=rooms[1].instructions)
    copy = tmp_path / "killed"
    kill_at(monkeypatch, both, copy, STEPS[to][step], after=after)
    await migrate(both, to)
    monkeypatch.undo()
    await both.restart(copy)
    both.sandbox.behaviour.configure({"faults": []})
    both.skip(3600)
    await both.settle()

    is_saved = after and step == len(STEPS[to]) - 1
    assert (protocol(both) == to) is is_saved
    if not is_saved:
        await migrated(both, to)
    both.skip(3600)
    await both.settle()
    for person in (alice, bob):
        assert await person.reads() == [NEW_SINGLE]
    assert both.store.count(tables.OUTBOX) == 0
    assert both.inbox() == []


def kill_at(
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    copy: Path,
    step: tuple[type, str, int],
    *,
    after: bool,
) -> None:
    """Have the process end before or after a step: its state is kept in `copy`, and it
    does nothing more."""
    owner, name, nth = step
    original = getattr(owner, name)
    calls = []

    async def run(*arguments: Any, **more: Any) -> Any:
        # A call that has to be repeated, because Exchange is busy, is not the end of a
        # step.
        done = await original(*arguments, **more) if after else None
        calls.append(name)
        if len(calls) != nth + 1:
            return done if after else await original(*arguments, **more)
        socket = shutil.ignore_patterns("control*")
        shutil.copytree(world.state_dir, copy, ignore=socket)
        world.daemon.supervisor.running = 0
        raise Killed

    monkeypatch.setattr(owner, name, run)
