"""The file of a tool that goes on as another user, or is killed."""

import errno
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pexschedd.tools.output_file import output_file
from tests.signals import heed_signals


def in_child(run: Callable[[], object]) -> int:
    """Run something in a process of its own; return its wait status."""
    process = os.fork()
    if not process:
        try:
            run()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(process, 0)[1]


def test_it_is_made_when_it_is_whole(tmp_path: Path) -> None:
    """Not before, and its owner's alone."""
    path = tmp_path / "file"
    with output_file(path) as out:
        assert not path.exists()
        out.write(b"x" * 1_000_000)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b"x" * 1_000_000


def test_it_is_never_in_the_place_of_another(tmp_path: Path) -> None:
    """Neither of one that was there, nor of one that has come meanwhile."""
    path = tmp_path / "file"
    with output_file(path) as out:
        path.write_bytes(b"theirs")
        with pytest.raises(FileExistsError) as raised:
            out.write(b"ours")
        assert raised.value.filename == str(path)
    with pytest.raises(FileExistsError), output_file(path):
        pass
    assert path.read_bytes() == b"theirs"


def test_without_a_folder(tmp_path: Path) -> None:
    """It is said before anything else is done."""
    with pytest.raises(FileNotFoundError), output_file(tmp_path / "none" / "file"):
        pass


def test_nothing_is_left_of_a_tool_that_fails_or_is_killed(tmp_path: Path) -> None:
    """By an error, by a signal to all its processes, or by kill -9."""

    def fail() -> None:
        with output_file(tmp_path / "file"):
            raise KeyError

    def interrupt() -> None:
        os.setpgid(0, 0)
        heed_signals()
        with output_file(tmp_path / "file"):
            os.killpg(0, signal.SIGINT)

    def kill() -> None:
        with output_file(tmp_path / "file"):
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(fail)
    assert in_child(interrupt)
    assert os.WTERMSIG(in_child(kill)) == signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_the_rights_are_kept(tmp_path: Path) -> None:
    """The tool has become another user, who may not even enter the folder."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    def write() -> None:
        with output_file(closed / "file") as out:
            os.setgid(65534)
            os.setuid(65534)
            out.write(b"content")

    assert in_child(write) == 0
    assert (closed / "file").read_bytes() == b"content"
    assert (closed / "file").stat().st_uid == 0


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason comes back from the process that writes, and no file is left."""

    def sync(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", sync)
    with (
        output_file(tmp_path / "file") as out,
        pytest.raises(OSError, match="No space left") as raised,
    ):
        out.write(b"content")
    assert raised.value.filename == str(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_the_process_that_writes_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an error in words, and there is no file of that name."""
    monkeypatch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))
    path = tmp_path / "file"
    with output_file(path) as out, pytest.raises(OSError, match="error") as raised:
        out.write(b"content")
    assert raised.value.filename == str(path)
    assert not path.exists()
