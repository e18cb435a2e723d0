"""The demo's folder, its ports, and the file that keeps the mailboxes."""

import json
import os
import socket
from itertools import pairwise
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from pexschedd import config as configuration
from pexschedd.demo.ports import Ports, PortTaken
from pexschedd.demo.snapshot_file import SnapshotFile
from pexschedd.demo.state import DemoState, StateError
from pexschedd.store.fs import is_temporary
from pexschedd.util.atomic_file import replace_file

PORTS = Ports(9000, 9001, 9002, 9003)


def test_one_demo_at_a_time(tmp_path: Path) -> None:
    """A second demo in the same folder is told so; after the first has ended, not."""
    first = DemoState(tmp_path / "demo")
    with pytest.raises(StateError, match="Another demo is running"):
        DemoState(tmp_path / "demo")
    first.close()
    DemoState(tmp_path / "demo").close()


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    """It may have a real daemon's configuration file, which would follow the ports."""
    config = tmp_path / "scheduling_config.json"
    config.write_text("{}")
    with pytest.raises(StateError, match=r"scheduling_config\.json' is in it"):
        DemoState(tmp_path)
    assert list(tmp_path.iterdir()) == [config]


def test_a_first_start_may_have_been_killed(tmp_path: Path) -> None:
    """What it has left is no reason to refuse."""
    (tmp_path / "LOCK").touch()
    (tmp_path / ".administrator-password.1234abcd.tmp").touch()
    DemoState(tmp_path).close()


def test_what_a_kill_leaves_of_a_file_goes_with_the_next_start(tmp_path: Path) -> None:
    """Beside the daemon's state, where it is known by its name."""

    def killed(fd: int) -> None:
        raise SystemExit

    def nothing_is_removed(path: Path, *, missing_ok: bool) -> None:
        assert path.exists()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", killed)
        patched.setattr(Path, "unlink", nothing_is_removed)
        with pytest.raises(SystemExit):
            replace_file(tmp_path / "instance-id", b"half of it")
    (left,) = tmp_path.iterdir()
    assert is_temporary(left.name)


def test_configuration_is_the_daemons(tmp_path: Path) -> None:
    """The first start writes a configuration file that the daemon takes."""
    state = DemoState(tmp_path)
    password = state.password()
    state.write_config(PORTS)
    config = configuration.load(state.config)
    assert config.addin_endpoints == ("tcp:9000:interface=127.0.0.1",)
    assert config.admin_endpoints == ("tcp:9001:interface=127.0.0.1",)
    assert config.rooms_endpoints == ("tcp:9003:interface=127.0.0.1",)
    assert config.initial_admin_password_file == state.password_file
    assert state.password() == password
    assert state.password_file.stat().st_mode & 0o077 == 0
    state.close()


def test_configuration_follows_the_ports(tmp_path: Path) -> None:
    """Another port changes the endpoints and nothing else in the file."""
    state = DemoState(tmp_path)
    state.password()
    state.write_config(PORTS)
    values = json.loads(state.config.read_text())
    values["log"]["level"] = "debug"
    state.config.write_text(json.dumps(values))
    state.write_config(Ports(9100, 9101, 9102, 9103))
    config = configuration.load(state.config)
    assert config.admin_endpoints == ("tcp:9101:interface=127.0.0.1",)
    assert config.log_level == "debug"
    state.close()


def test_unreadable_configuration(tmp_path: Path) -> None:
    """A file that is no JSON is left alone and named."""
    state = DemoState(tmp_path)
    state.config.write_text("{")
    with pytest.raises(StateError, match=r"scheduling_config\.json"):
        state.write_config(PORTS)
    assert state.config.read_text() == "{"
    state.close()


def test_taken_port_is_named() -> None:
    """Of the four ports the one that is in use is named."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        taken = other.getsockname()[1]
        with pytest.raises(PortTaken) as caught:
            Ports(taken, taken, taken, taken).check_free()
        assert caught.value.port == taken


@pytest.mark.parametrize("port", [0, -5, 65_533])
def test_ports_need_room(port: int) -> None:
    """There have to be four of them."""
    with pytest.raises(ValueError, match="65532"):
        Ports.starting_at(port)


def test_keeper_writes_twice_a_second_at_most(tmp_path: Path) -> None:
    """However many changes there are; and the last of them is always written."""
    path = tmp_path / "kept"
    clock, written, value = Clock(), [], 0

    def snapshot() -> bytes:
        written.append(clock.seconds())
        return str(value).encode()

    keeper = SnapshotFile(path, snapshot, clock)
    for _ in range(100):
        value += 1
        keeper.touch()
        clock.advance(0.05)
    clock.advance(1)
    assert path.read_text() == "100"
    assert len(written) <= 12
    assert all(b - a >= 0.5 - 1e-9 for a, b in pairwise(written))


def test_keeper_writes_at_once_after_a_quiet_time(tmp_path: Path) -> None:
    """A single change is in the file in the next turn of the reactor."""
    clock = Clock()
    keeper = SnapshotFile(tmp_path / "kept", lambda: b"x", clock)
    keeper.touch()
    clock.advance(0)
    assert (tmp_path / "kept").read_bytes() == b"x"


def test_flush_writes_only_what_waits(tmp_path: Path) -> None:
    """At the end nothing is written twice."""
    clock, count = Clock(), list[int]()

    def snapshot() -> bytes:
        count.append(1)
        return b"x"

    keeper = SnapshotFile(tmp_path / "kept", snapshot, clock)
    keeper.flush()
    assert count == []
    keeper.touch()
    keeper.flush()
    clock.advance(5)
    assert count == [1]


def test_atomic_write_leaves_no_traces(tmp_path: Path) -> None:
    """The file is replaced, private, and alone in its folder."""
    path = tmp_path / "file"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
