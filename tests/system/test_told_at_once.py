"""The daemon is told of new messages, and tells of somebody else at its mailbox."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from tests.system.organizer_support import Organizer, organizer
from tests.system.system_support import ALICE, World, eventually

MINUTE = timedelta(minutes=1)


def streams(world: World) -> list[Any]:
    """Those that are open."""
    return list(requests.get(f"{world.exchange}/sandbox/streams", timeout=5).json())


def called(world: World, operation: str) -> int:
    calls = requests.get(f"{world.exchange}/sandbox/calls", timeout=5).json()
    return int(calls.get(operation, 0))


def alarms(world: World) -> dict[str, str]:
    found = world.objects("alarm", "status")
    return {alarm["name"]: alarm["details"] for alarm in found}


def accepted(alice: Organizer, times: int) -> set[str]:
    """The kinds of the answers, when so many have come."""

    def answers() -> list[tuple[str, str]]:
        found = alice.answers()
        return found if len(found) == times else []

    return {kind for kind, _ in eventually(answers, f"answer number {times}")}


def cut(world: World, trouble: str, streams_then: int) -> None:
    """Ends the stream, and waits for the next one."""
    requests.put(
        f"{world.exchange}/sandbox/streams", json={"action": trouble}, timeout=5
    ).raise_for_status()

    def again() -> bool:
        return called(world, "GetStreamingEvents") == streams_then and bool(
            streams(world)
        )

    eventually(again, "another stream")


def test_accepted_through_the_stream_alone(world: World) -> None:
    """With a look once an hour, a meeting is accepted at once all the same; and again
    after the stream was cut."""
    world.create_integration(poll_interval=3600)
    eventually(lambda: streams(world), "the stream")
    start = datetime.now(UTC).replace(microsecond=0) + 10 * MINUTE
    with organizer(world.exchange, ALICE) as alice:
        for number, trouble in enumerate(("close", "abort", ""), 1):
            details = world.meeting_details(world.token()).json()["result"]
            words = details["instructions"]
            alice.invite(f"Meeting {number}", start, start + MINUTE, words)
            kinds = accepted(alice, number)
            assert kinds == {"IPM.Schedule.Meeting.Resp.Pos"}
            if trouble:
                cut(world, trouble, number + 1)
    world.daemon.stop()
    eventually(lambda: not streams(world), "the end of the stream")


def test_a_daemon_in_place_of_another(world: World, tmp_path: Path) -> None:
    """A stamp that was left behind is nothing to talk about: neither the own one after
    a restart, nor that of an installation that may have ended."""
    world.create_integration()
    eventually(lambda: called(world, "UpdateFolder"), "the stamp")
    world.daemon.stop()
    world.start_daemon()
    eventually(lambda: called(world, "UpdateFolder") == 2, "another stamp")
    assert alarms(world) == {}
    folder = tmp_path / "second"
    folder.mkdir()
    second = World(folder)
    second.exchange = world.exchange
    try:
        second.start_daemon()
        second.create_integration()
        eventually(lambda: called(second, "UpdateFolder") == 3, "its own stamp")
        assert alarms(second) == {}
    finally:
        second.daemon.stop()
