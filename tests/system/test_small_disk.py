"""A disk that gets full under the real daemon: noticed before, survived if not."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.system.disk_support import KIB, SmallDisk, small_disk
from tests.system.organizer_support import organizer
from tests.system.system_support import ALICE, World, eventually

SIZE = 4096 * KIB
"""A quarter of so small a disk is kept free."""

POLL_INTERVAL = 1
"""Seconds: the integration's."""

CONNECTOR = "configuration/v1/ms_exchange_connector/1/"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", SIZE) as disk:
        yield disk


@pytest.fixture
def world(tmp_path: Path, disk: SmallDisk) -> Iterator[World]:
    with World(tmp_path, state_dir=str(disk.path / "state")) as world:
        world.create_integration()
        yield world


def health(world: World) -> requests.Response:
    return requests.get(f"{world.addin}/health", timeout=10)


def test_with_little_space_nothing_new_is_taken(world: World, disk: SmallDisk) -> None:
    """Bookings and the administrators' changes get 503 and the reason, requests wait
    unanswered; rooms stay open, lists and deletions go on; it ends with space."""
    start = datetime.now(UTC).replace(microsecond=0)
    end = start + timedelta(minutes=30)
    token = world.token()
    details = [world.meeting_details(token).json()["result"] for _ in range(3)]
    with organizer(world.exchange, ALICE) as alice:
        alice.invite("Before", start, end, details[0]["instructions"])
        eventually(alice.answers, "the first answer")
        first, *_ = [row["alias"] for row in world.objects("scheduled_alias")]
        room = world.policy(first)
        assert room["action"] == "continue"

        disk.fill(SIZE // 8)
        eventually(lambda: health(world).json()["status"] == "degraded", "bad health")
        assert health(world).ok  # open rooms are joined through the same port
        assert health(world).json()["state"] == "nearly_full"
        assert "nearly full" in health(world).json()["reason"]
        inside = requests.get(f"{world.admin}/health", timeout=10).json()
        assert str(disk.path) in inside["checks"]["disk"]["reason"]
        (alarm,) = world.objects("alarm", "status")
        assert alarm["name"] == "scheduling_disk_low"
        assert "nearly full" in alarm["details"]
        refused = world.meeting_details(token)
        assert (refused.status_code, refused.json()["code"]) == (503, "store_full")
        assert "nearly full" in refused.json()["message"]
        assert str(disk.path) not in refused.text
        refused = world.ask("PATCH", CONNECTOR, {"addin_pane_title": "New"})
        assert refused.status_code == 503
        assert f"{disk.path}/state is nearly full" in refused.json()["error"]
        deleted = world.ask("DELETE", "configuration/v1/scheduled_alias/3/")
        assert deleted.status_code == 204

        assert world.policy(first) == room
        assert len(world.objects("scheduled_alias")) == 2
        assert world.objects("ms_exchange_connector")[0]["addin_pane_title"] != "New"
        alice.invite("Meanwhile", start, end, details[1]["instructions"])
        until = time.monotonic() + 2 * POLL_INTERVAL
        while time.monotonic() < until:
            assert len(alice.answers()) == 1

        disk.free()
        eventually(lambda: health(world).json()["status"] == "ok", "good health")
        assert world.objects("alarm", "status") == []
        eventually(lambda: len(alice.answers()) == 2, "the second answer")
        assert alice.answers()[1][0] == "IPM.Schedule.Meeting.Resp.Pos"
        assert world.meeting_details(token).status_code == 200
        assert world.ask("PATCH", CONNECTOR, {"addin_pane_title": "New"}).ok


def state(world: World) -> str:
    return str(health(world).json().get("state", ""))


def test_a_full_disk_stops_no_rooms(world: World, disk: SmallDisk) -> None:
    """Filled at once, without a chance to notice: what was acknowledged is there, open
    rooms can be joined, lists are answered, everything else is refused with the reason;
    also after a restart on the full disk; and it goes on by itself when there is
    room."""
    start = datetime.now(UTC).replace(microsecond=0)
    end = start + timedelta(minutes=30)
    token = world.token()
    details = [world.meeting_details(token).json()["result"] for _ in range(2)]
    with organizer(world.exchange, ALICE) as alice:
        alice.invite("Before", start, end, details[0]["instructions"])
        eventually(alice.answers, "the first answer")
        first, *_ = [row["alias"] for row in world.objects("scheduled_alias")]
        room = world.policy(first)
        assert room["action"] == "continue"

        booked = [each["alias_id"] for each in details]
        answer = world.meeting_details(token)
        disk.fill(0)
        while answer.ok:
            booked.append(answer.json()["result"]["alias_id"])
            answer = world.meeting_details(token)
        assert answer.status_code == 503
        (disk.path / "state" / "disk-reserve").unlink(missing_ok=True)
        disk.fill(0)
        for _ in range(2):  # as it got full, and after a restart
            alice.invite("Meanwhile", start, end, details[1]["instructions"])
            assert world.policy(first) == room
            found = {
                f"PXPS:-{row['uuid']}#" for row in world.objects("scheduled_alias")
            }
            assert set(booked) <= found
            # The alarm does not find room.
            eventually(lambda: state(world) == "read_only", "the state")
            assert health(world).ok
            refused = world.ask("DELETE", "configuration/v1/scheduled_alias/2/")
            assert refused.status_code == 503
            refused = world.ask("PATCH", CONNECTOR, {"addin_pane_title": "New"})
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
            assert f"{disk.path}/state is full" in refused.json()["error"]
            eventually(
                lambda: any(
                    alarm["name"] == "scheduling_disk_low"
                    for alarm in world.objects("alarm", "status")
                ),
                "the alarm",
            )
            metrics = requests.get(f"{world.admin}/metrics", timeout=10).text
            assert 'pexschedd_store_state{state="read_only"} 1.0' in metrics
            assert len(alice.answers()) == 1
            world.daemon.stop()
            world.start_daemon()

        disk.free()
        eventually(lambda: health(world).json()["status"] == "ok", "good health")
        eventually(lambda: len(alice.answers()) >= 2, "the second answer")
    assert (disk.path / "state" / "disk-reserve").stat().st_size == SIZE // 64
    assert world.meeting_details(token).ok
    assert world.ask("PATCH", CONNECTOR, {"addin_pane_title": "New"}).ok
    assert "Traceback" not in world.daemon.log.read_text()


def test_a_read_only_disk_stops_no_rooms(world: World, disk: SmallDisk) -> None:
    """The daemon starts on it: open rooms can be joined, changes are refused with the
    reason; and it goes on by itself when the disk can be written."""
    room = {"name": "Own", "aliases": [{"alias": "own@example.test"}]}
    assert world.ask("POST", "configuration/v1/conference/", room).status_code == 201
    token = world.token()
    world.daemon.stop()
    disk.remount("ro")
    world.start_daemon()
    assert (health(world).status_code, state(world)) == (200, "read_only")
    assert world.policy("own@example.test")["action"] == "continue"
    assert world.meeting_details(token).status_code == 503
    refused = world.ask("PATCH", CONNECTOR, {"addin_pane_title": "New"})
    assert refused.status_code == 503
    assert f"{disk.path}/state is mounted read-only" in refused.json()["error"]
    disk.remount("rw")
    eventually(lambda: health(world).json()["status"] == "ok", "good health")
    assert world.meeting_details(token).ok
    assert world.ask("PATCH", CONNECTOR, {"addin_pane_title": "New"}).ok
    assert "Traceback" not in world.daemon.log.read_text()
