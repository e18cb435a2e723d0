"""A backup, restored on another machine, recovery and an audit put every room back."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from tests import forked
from tests.system.organizer_support import organizer
from tests.system.system_support import ALICE, PATIENCE, ROOT, World, eventually

MINUTE = timedelta(minutes=1)
PASSPHRASE = "four words of nonsense"


def rooms(world: World) -> list[Any]:
    """The rooms as people reach them: name, aliases and when they may be joined."""
    meetings = {
        each["conference"]: (each["start_time"], each["end_time"])
        for each in world.objects("scheduled_conference")
    }
    return sorted(
        (
            room["name"],
            room["pin"],
            sorted(alias["alias"] for alias in room["aliases"]),
            meetings.get(room["resource_uri"]),
        )
        for room in world.objects("conference")
    )


def run(module: str, function: str, *arguments: object) -> str:
    """Runs one of our commands; returns its output."""
    status, out, err = forked.run(
        f"pexschedd.tools.{module}:{function}", [*map(str, arguments)], cwd=ROOT
    )
    assert status == 0, out + err
    return out


def back_up(world: World) -> bytes:
    answer = requests.post(
        f"{world.admin}/api/admin/command/v1/state/backup/",
        json={"passphrase": PASSPHRASE},
        auth=("admin", world.password),
        timeout=PATIENCE,
    )
    assert answer.status_code == 200, answer.text
    return answer.content


def test_restored_elsewhere_and_recovered(world: World, tmp_path: Path) -> None:
    """Meetings that were booked and moved after the backup are as they were before the
    machine was lost, once the archive is restored in another folder, the daemon runs
    there, and schedulingrecovery and an audit have been run. One that was cancelled
    meanwhile has its room still, and an alarm says so."""
    world.create_integration()
    start = datetime.now(UTC).replace(microsecond=0) + 60 * MINUTE
    own = {"name": "Own", "pin": "1234", "aliases": [{"alias": "own@example.test"}]}
    assert world.ask("POST", "configuration/v1/conference/", own).status_code == 201
    with organizer(world.exchange, ALICE) as alice:
        answers = 0

        def answered() -> None:
            nonlocal answers
            answers += 1
            eventually(lambda: len(alice.answers()) == answers, f"answer {answers}")

        def invite(subject: str) -> Any:
            text = world.meeting_details(world.token()).json()["result"]["instructions"]
            item = alice.invite(subject, start, start + 30 * MINUTE, text)
            answered()
            return item

        moved, cancelled = invite("Moved"), invite("Cancelled")
        invite("Kept")
        archive = tmp_path / "backup.tar.gz"
        archive.write_bytes(back_up(world))
        backed_up = rooms(world)
        assert len(backed_up) == 4
        invite("After the backup")
        alice.move(moved, start + 120 * MINUTE, start + 150 * MINUTE)
        answered()
        alice.cancel(cancelled)
        eventually(lambda: len(rooms(world)) == 4, "the end of a room")
        before = rooms(world)
        assert before != backed_up
        world.daemon.stop()

        settings = json.loads(world.config.read_text())
        elsewhere = tmp_path / "another machine"
        elsewhere.mkdir()
        world.config.write_text(json.dumps(settings | {"state_dir": str(elsewhere)}))
        world.state = elsewhere
        phrase = tmp_path / "passphrase"
        phrase.write_text(PASSPHRASE)
        said = run(
            "store_command",
            "main",
            *("--config", world.config, "restore", archive),
            *("--passphrase-file", phrase),
        )
        assert "schedulingrecovery" in said
        world.start_daemon()
        said = run("command", "recovery", "--config", world.config)
        names = [room[0] for room in rooms(world)]
        assert names.count("After the backup (Alice Archer)") == 1, said
        audit = "command/v1/ms_exchange_connector/1/audit/"
        assert world.ask("POST", audit).status_code == 202
        eventually(world.alarms, "the end of the audit")
        (cancelled_room,) = [
            room
            for room in world.objects("conference")
            if room["name"].startswith("Cancelled")
        ]
        uri = cancelled_room["resource_uri"].removeprefix("/api/admin/")
        assert world.ask("DELETE", uri).status_code == 204
        assert rooms(world) == before
        invite("On the new machine")
        assert len(rooms(world)) == 5
