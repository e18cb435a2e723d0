"""What the first start of another release costs on a very large state.

    python -m benchmarks.upgrade [--small] [FOLDER]

A state of 200,000 rooms, which are a million records, says that release 0.1.0 has left
it, and has no hint files that this one can use. The daemon, a process of its own, is
started on it: it reads every line, keeps a copy of the state, and answers its first
request. Then it is started again, with the hint files that the first start has left,
which is an upgrade no longer.

Beside it stands, in the same run, the least that an upgrade has to do: to check and
decode every line, and to write all bytes into another folder, synced. The ratio is that
of processor times, which other programs change little. Of the seconds that a start
takes the table also has those in which it could have gone on, and another process had
the processor (Linux, `/proc/<pid>/schedstat`).
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import requests

from benchmarks.store_million import step, told, write
from pexschedd.store import checksummed_json
from pexschedd.store.collection import KEPT
from pexschedd.store.hints.line_index import beyond

ROOMS = 200_000
GOAL = 60.0
"""Seconds until the daemon answers, those in which others had the processor left out;
and of processor time."""
HINTS_WITHIN = 600.0
"""Seconds that a daemon may take for its hint files, beside everything else."""
PORT = 18_471


class Cost(NamedTuple):
    """What a piece of work has taken, in seconds."""

    seconds: float
    processor: float
    """In all threads."""
    waited: float = 0.0
    """Of the seconds: those in which the main thread waited for a processor."""


class Start(NamedTuple):
    """A start of the daemon, until it has answered."""

    cost: Cost
    longest: float
    """Seconds that the slowest of the requests took which were sent in the three
    seconds after that, one after the other."""


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


def least(state: Path, to: Path) -> Cost:
    """The ceiling: check and decode all lines, write and sync all bytes elsewhere."""
    begun, spent = time.perf_counter(), _children() + time.process_time()
    step("bare", state, "rooms", "drop")
    to.mkdir()
    for source in sorted(path for path in state.rglob("*") if path.is_file()):
        with source.open("rb") as old, (to / source.name).open("wb") as new:
            shutil.copyfileobj(old, new, 1 << 20)
            os.fsync(new.fileno())
    seconds = time.perf_counter() - begun
    spent = _children() + time.process_time() - spent
    shutil.rmtree(to)
    return Cost(seconds, spent)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def started(folder: Path, state: Path) -> Start:
    """Start the daemon, ask it for three seconds, wait for its hint files, stop it."""
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
            time.sleep(0.05)
        seconds = time.perf_counter() - begun
        cost = Cost(seconds, processor_time(process.pid), waited_for(process.pid))
        longest = 0.0
        while time.perf_counter() - begun < seconds + 3:
            asked = time.perf_counter()
            _answers()
            longest = max(longest, time.perf_counter() - asked)
        _wait_for_hints(state / "journal")
    finally:
        process.terminate()
        process.wait()
    return Start(cost, longest)


def processor_time(process: int) -> float:
    """Seconds that a process has computed so far, in all of its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_for(process: int) -> float:
    """Seconds that a process's main thread has waited for a processor so far."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9


def _wait_for_hints(journal: Path) -> None:
    manifest = max(journal.glob("MANIFEST-*.json"))
    segments = msgspec.json.decode(manifest.read_bytes())["segments"]
    wanted = beyond([each.get("lines", 0) for each in segments], KEPT)
    until = time.monotonic() + HINTS_WITHIN
    while len(list(journal.glob("*.hint"))) < wanted:
        if time.monotonic() > until:
            raise SystemExit("the hint files were not written")
        time.sleep(0.5)


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
        plain = least(state, folder / "copy")
        goal = f"{GOAL:.0f} s"
        for what in ("first start of another release", "next start"):
            cost, longest = started(folder, state)
            told(what, f"{cost.seconds:.1f} s", f"{plain.seconds:.1f} s")
            told("  while others had the processor", f"{cost.waited:.1f} s")
            own = cost.seconds - cost.waited
            told("  without that", f"{own:.1f} s", goal=goal)
            ratio = f"{cost.processor / plain.processor:.2f}"
            told(
                "  processor time",
                f"{cost.processor:.1f} s",
                f"{plain.processor:.1f} s",
                ratio,
                goal,
            )
            told("  longest request after it", f"{longest * 1000:.0f} ms")
        kept = os.listdir(state / "backups")
        if not any(each.startswith("before-") for each in kept):
            raise SystemExit("no copy was kept")


if __name__ == "__main__":
    main(sys.argv[1:])
