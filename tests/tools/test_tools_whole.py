"""The two programs as an administrator runs them, in real processes."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tests.system.organizer_support import Organizer, organizer
from tests.system.system_support import ALICE, World, eventually

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A sandbox Exchange, a daemon and an integration."""
    with World(tmp_path) as world:
        yield world


@pytest.fixture
def alice(world: World) -> Iterator[Organizer]:
    with organizer(world.exchange, ALICE) as person:
        yield person


def tool(world: World, name: str, *arguments: str) -> tuple[int, str]:
    """Exit status and everything it said."""
    status, out, err = forked.run(
        f"pexschedd.tools.command:{name}",
        ["--config", str(world.config), *arguments],
        cwd=world.folder,
    )
    return status, out + err


def schedule(world: World, alice: Organizer, subject: str, start: datetime) -> None:
    before = len(world.objects("scheduled_conference"))
    details = world.meeting_details(world.token()).json()["result"]
    body = f"<html><body>{details['instructions']}<p>Agenda</p></body></html>"
    alice.invite(subject, start, start + 60 * MINUTE, body)
    eventually(
        lambda: len(world.objects("scheduled_conference")) == before + 1, "the meeting"
    )


def bodies_of(alice: Organizer) -> list[str]:
    """Of the meetings in the organizer's own calendar."""
    return [str(item.body) for item in alice._account.calendar.all()]


def finished_audits(world: World) -> list[Any]:
    every = world.objects("exchange_scheduler_audit", "status")
    return [each for each in every if not each["running"]]


def soon() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + 10 * MINUTE


def lose_everything(world: World) -> None:
    """A new installation over the same mailboxes."""
    world.daemon.stop()
    shutil.rmtree(world.folder / "state")
    world.start_daemon()
    world.create_integration()


def test_rooms_come_back_with_their_aliases(world: World, alice: Organizer) -> None:
    """After the state is lost, recovery gives a meeting the room its invitation names,
    without a word to anybody; a second run, and one without the daemon, find nothing
    to do."""
    world.create_integration()
    schedule(world, alice, "Secret plans", soon())
    (old,) = world.objects("scheduled_alias")
    told = len(alice.answers())
    lose_everything(world)
    assert world.policy(old["alias"])["action"] == "continue"

    status, said = tool(world, "recovery", "--dry-run")
    assert status == 0, said
    assert "nothing was changed" in said
    assert world.objects("scheduled_conference") == []

    status, said = tool(world, "recovery")
    assert status == 0, said
    assert "rooms made again, with the old alias: 1" in said
    assert "Secret" not in said
    assert world.policy(old["alias"])["result"]["service_type"] == "conference"
    (alias,) = world.objects("scheduled_alias")
    assert (alias["uuid"], alias["alias"]) == (old["uuid"], old["alias"])
    assert len(alice.answers()) == told

    status, said = tool(world, "recovery", "--exchange-connector-id", "1")
    assert status == 0, said
    assert "meetings that have their room: 1" in said

    world.daemon.stop()
    status, said = tool(world, "recovery")
    assert status == 0, said
    assert "meetings that have their room: 1" in said
    world.start_daemon()
    assert len(world.objects("scheduled_conference")) == 1


def test_a_lost_alias_is_replaced_and_announced(world: World, alice: Organizer) -> None:
    """If the alias is another's by now, the meeting gets a new one, and its organizer's
    invitation is sent again with the message on top."""
    world.create_integration()
    start = soon()
    schedule(world, alice, "Plans", start)
    (old,) = world.objects("scheduled_alias")
    lose_everything(world)
    taken = world.ask(
        "POST",
        "configuration/v1/conference/",
        {
            "name": "Somebody's room",
            "service_type": "conference",
            "aliases": [{"alias": old["alias"]}],
        },
    )
    assert taken.status_code == 201, taken.text

    status, said = tool(world, "recovery", "--update-message", "<b>New numbers</b>")
    assert status == 0, said
    assert "with a new alias and a new invitation: 1" in said
    (alias,) = world.objects("scheduled_alias")
    assert alias["alias"] != old["alias"]
    bodies = bodies_of(alice)
    assert len(bodies) == 1
    assert "New numbers" in bodies[0]
    assert "Agenda" in bodies[0]
    first = bodies[0].index(f"PXPS:-{alias['uuid']}#")
    assert bodies[0].index("New numbers") < first
    answered = eventually(
        lambda: [a for a in alice.answers() if alias["alias"] in a[1]], "the answer"
    )
    assert answered[0][0] == "IPM.Schedule.Meeting.Resp.Pos"

    status, said = tool(world, "recovery")
    assert status == 0, said
    assert "meetings that have their room: 1" in said
    assert bodies_of(alice) == bodies


def test_only_what_is_over_is_deleted(world: World, alice: Organizer) -> None:
    """Maintenance deletes finished meetings and read mail; an upcoming meeting stays,
    and a limit that was long ago deletes nothing."""
    world.create_integration()
    schedule(world, alice, "Tomorrow", soon())
    long_ago = ("--inbox-time-limit", "2017-05-01T12:00:00")
    status, said = tool(
        world, "maintenance", *long_ago, "--calendar-time-limit", "2017-05-01T12:00:00"
    )
    assert status == 0, said
    assert "deleted" not in said.partition("processed")[2]

    status, said = tool(world, "maintenance")
    assert status == 0, said
    assert "calendar items kept: 1" in said
    assert len(world.objects("scheduled_conference")) == 1

    audit = world.ask("POST", "command/v1/ms_exchange_connector/1/audit/")
    assert audit.status_code == 202, audit.text
    (state,) = eventually(lambda: finished_audits(world), "the audit")
    assert state["error"] == ""
    assert (state["meetings"], state["rooms"], state["findings"]) == (1, 1, [])


def test_an_old_backup_heals_itself(world: World, alice: Organizer) -> None:
    """A meeting that was accepted after the backup gets its room again by the audit,
    as the backup still knows its alias."""
    world.create_integration()
    state, backup = world.folder / "state", world.folder / "backup"
    details = world.meeting_details(world.token()).json()["result"]
    world.daemon.stop()
    shutil.copytree(state, backup)
    world.start_daemon()
    start = soon()
    alice.invite("Plans", start, start + 60 * MINUTE, details["instructions"])
    eventually(lambda: alice.answers(), "the answer")
    world.daemon.stop()
    shutil.rmtree(state)
    backup.rename(state)
    world.start_daemon()
    (alias,) = world.objects("scheduled_alias")
    assert world.policy(alias["alias"])["action"] == "reject"

    world.ask("POST", "command/v1/ms_exchange_connector/1/audit/").raise_for_status()
    (audit,) = eventually(lambda: finished_audits(world), "the audit")
    (finding,) = audit["findings"]
    assert (finding["kind"], finding["healed"]) == ("lost", True)
    assert world.policy(alias["alias"])["result"]["service_type"] == "conference"
    assert world.alarms() == []


def test_nonsense_is_refused(world: World) -> None:
    """Arguments that make no sense end with status 2 and a sentence."""
    for name, arguments, words in (
        ("recovery", ("--exchange-connector-id", "7"), "There is no integration 7"),
        ("recovery", ("--time-limit", "tomorrow"), "YYYY-MM-DDTHH:MM:SS"),
        ("maintenance", ("--calendar-time-limit", "2017-02-30T00:00:00"), "2017-02-30"),
        ("maintenance", ("--update-message", "x"), "unrecognized arguments"),
    ):
        status, said = tool(world, name, *arguments)
        assert (status, words in said) == (2, True), said
