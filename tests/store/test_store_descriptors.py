"""A store that finds no descriptor left goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import os, resource, sys, threading
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
from tests.store.store_support import ROOM, SETTING, Opened, Room, Setting
from pexschedd.util.descriptors import SPARE
if sys.argv[2] == "spare":
    SPARE.hold()
opened = Opened(Path(sys.argv[1]), segment_size=16000)
strangers = []
def exhaust():
    try:
        while True:
            strangers.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
exhaust()
if sys.argv[2] == "wait":
    threading.Timer(0.5, lambda: [os.close(each) for each in strangers]).start()
for number in range(200):
    with opened.store.transaction() as change:
        change.put(ROOM, Room(id=number + 1, name="x" * 100))
        opened.wait(change.commit())
    if number % 50 == 0:
        opened.wait(opened.put(SETTING, Setting(id=1, name=str(number))))
        if sys.argv[2] == "spare":
            exhaust()
print(opened.store.count(ROOM), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("way", ["spare", "wait"])
def test_without_a_descriptor_left(tmp_path: Path, way: str) -> None:
    """New segments and replaced documents take spare descriptors, or wait for one."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "state"), way],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "200", done.stderr


COMING_BACK = """
import os, resource
from pexschedd.util.descriptors import SpareDescriptors
spare = SpareDescriptors()
spare.hold(3)
lowest = os.open(os.devnull, os.O_RDONLY)
os.close(lowest)
limits = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
taken = spare.open(os.devnull, os.O_RDONLY)
print(len(spare._spare))
spare.refill()
print(len(spare._spare))
os.close(taken)
spare.refill()
print(len(spare._spare))
"""


def test_spare_descriptors_come_back() -> None:
    """What was used is held back again as soon as there is room, and not before."""
    done = subprocess.run(
        [sys.executable, "-c", COMING_BACK],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["2", "2", "3"]
