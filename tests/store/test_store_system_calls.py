"""What commits ask of the system, as strace counts it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.store_support import ROOM, Opened, Room

COUNT = 100
CALLS = ("write", "pwrite64", "writev", "fdatasync", "fsync", "openat", "rename")


def _counted(directory: Path, commits: int) -> dict[str, int]:
    """How often a process that commits so many times one after another made each."""
    summary = directory.with_name(f"summary{commits}")
    strace = ["strace", "-f", "-c", "-o", str(summary), "-e", "trace=all"]
    # -B: the first process must not be the only one that compiles something.
    command = [sys.executable, "-B", "-m", __name__, str(directory), str(commits)]
    done = subprocess.run(
        [*strace, *command],
        check=False,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    if done.returncode and b"ptrace" in done.stderr:
        pytest.skip("strace is not allowed to look here")
    assert done.returncode == 0, done.stderr
    # Time, seconds, microseconds a call, calls, maybe errors, name.
    rows = re.findall(
        r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$",
        summary.read_text(),
        re.MULTILINE,
    )
    found = {name: int(count) for count, name in rows}
    return {name: found.get(name, 0) for name in CALLS}


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_commit_alone_is_one_write_and_one_sync(tmp_path: Path) -> None:
    """A hundred commits more cost a hundred writes and a hundred fdatasync more, and no
    other call that has to do with files."""
    without = _counted(tmp_path / "without", 0)
    with_them = _counted(tmp_path / "with", COUNT)
    assert without["fsync"] > 0, "the summary is understood"
    more = {name: with_them[name] - without[name] for name in CALLS}
    assert more == dict.fromkeys(CALLS, 0) | {"write": COUNT, "fdatasync": COUNT}


def commit(directory: Path, commits: int) -> None:
    opened = Opened(directory)
    # The first commit and what it imports are in both counts.
    opened.wait(opened.put(ROOM, Room(id=1, name="first")))
    for number in range(commits):
        opened.wait(opened.put(ROOM, Room(id=2, name=f"{number}")))
    opened.close()


if __name__ == "__main__":
    commit(Path(sys.argv[1]), int(sys.argv[2]))
