"""What the first start of another release costs on a very large state.

    python -m benchmarks.upgrade [--small] [FOLDER]

A state of 200,000 rooms, which are a million records, says that release 0.1.0 has left
it, and has no hint files that this one can use. The daemon, a process of its own, is
started on it: it reads every line, keeps a copy of the state, and answers its first
request. Beside it stand, in the same run, to read all bytes and to write them into
another folder, synced. Then it is started again, which is an upgrade no longer.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import requests

from benchmarks.store_million import told, write
from pexschedd.store import checksummed_json

ROOMS = 200_000
GOAL = 60.0
"""Seconds until the daemon answers."""
PORT = 18_471


def prepare(state: Path, rooms: int) -> float:
    """Make the state; return its size in MB."""
    size = write(state, "rooms", rooms)["megabytes"]
    for hints in (state / "journal").glob("*.hint"):
        hints.unlink()
    path = state / "format.json"
    content = msgspec.json.decode(path.read_bytes()) | {"version": "0.1.0"}
    del content["crc"]
    path.write_bytes(checksummed_json.dump(content))
    return size


def copied(state: Path, to: Path) -> float:
    """The ceiling: seconds to read all bytes, and to write and sync them elsewhere."""
    begun = time.perf_counter()
    to.mkdir()
    for source in sorted(path for path in state.rglob("*") if path.is_file()):
        with source.open("rb") as old, (to / source.name).open("wb") as new:
            shutil.copyfileobj(old, new, 1 << 20)
            os.fsync(new.fileno())
    seconds = time.perf_counter() - begun
    shutil.rmtree(to)
    return seconds


def started(folder: Path, state: Path) -> tuple[float, float, float]:
    """Seconds until the daemon answers, processor time of that, and the longest wait of
    requests that are sent one after the other for three seconds after that."""
    config = folder / "config.json"
    values = {
        "state_dir": str(state),
        "endpoints": {
            "addin": [f"tcp:{PORT}:interface=127.0.0.1"],
            "admin": [f"tcp:{PORT + 1}:interface=127.0.0.1"],
        },
    }
    config.write_bytes(msgspec.json.encode(values))
    twistd = str(Path(sys.executable).with_name("twistd"))
    command = [twistd, "-n", "--pidfile=", "pexschedd", "--config", str(config)]
    begun = time.perf_counter()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        while not _answers():
            if process.poll() is not None:
                raise SystemExit((folder / "log").read_text())
        seconds = time.perf_counter() - begun
        spent = processor_time(process.pid)
        longest = 0.0
        while time.perf_counter() - begun < seconds + 3:
            asked = time.perf_counter()
            _answers()
            longest = max(longest, time.perf_counter() - asked)
    finally:
        process.terminate()
        process.wait()
    return seconds, spent, longest


def processor_time(process: int) -> float:
    """Seconds that a process has computed so far, in all of its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _answers() -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{PORT}/health", timeout=60).ok
    except requests.ConnectionError:
        return False


def main(arguments: list[str]) -> None:
    small = "--small" in arguments
    given = [each for each in arguments if not each.startswith("-")]
    with tempfile.TemporaryDirectory(dir=given[0] if given else None) as name:
        folder = Path(name)
        state = folder / "state"
        size = prepare(state, ROOMS // 25 if small else ROOMS)
        told("size of the state", f"{size:.0f} MB")
        plain = copied(state, folder / "copy")
        goal = f"{GOAL:.0f} s"
        for what in ("first start of another release", "start of the same release"):
            seconds, spent, longest = started(folder, state)
            ratio = f"{seconds / plain:.1f}"
            told(what, f"{seconds:.1f} s", f"{plain:.1f} s", ratio, goal)
            told("processor time of that", f"{spent:.1f} s")
            told("longest request after it", f"{longest * 1000:.0f} ms")
        kept = os.listdir(state / "backups")
        if not any(each.startswith("before-") for each in kept):
            raise SystemExit("no copy was kept")


if __name__ == "__main__":
    main(sys.argv[1:])
