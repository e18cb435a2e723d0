"""A real process, killed at a moment of its own choosing, again and again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.store.store_support import ROOM, SETTING, VISIT, Opened

CHILD = """
import itertools, sys
from pathlib import Path
from tests.store.store_support import ROOM, SETTING, VISIT, Opened, Room, Setting

opened = Opened(Path(sys.argv[1]), segment_size=4000, kept=int(sys.argv[2]))
print("open", flush=True)
while True:
    done = []
    for _ in range(5):
        with opened.store.transaction() as transaction:
            id = transaction.new_id(ROOM)
            transaction.put(ROOM, Room(id=id, name="x" * 40))
            transaction.put(VISIT, Room(id=id, name="y"))
            transaction.delete(VISIT, id - 1)
            done.append((id, transaction.commit()))
    setting = opened.put(SETTING, Setting(id=1, name=str(id)))
    for id, commit in done:
        opened.wait(commit)
        print(id, flush=True)
    opened.wait(setting)
    print("setting", id, flush=True)
"""


def test_killed_processes_keep_their_word(tmp_path: Path, kept: int) -> None:
    """Every id that a child said was stored is there after SIGKILL; transactions are
    whole; ids go on where they were."""
    state = tmp_path / "state"
    path = str(Path(__file__).parents[2])
    acknowledged = 0
    setting = 0
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(state), str(kept)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"open\n"
            said = [child.stdout.readline() for _ in range(40 + number * 37)]
            child.send_signal(signal.SIGKILL)
            said += child.stdout.readlines()
        for words in [line.decode().split() for line in said if line[-1:] == b"\n"]:
            if words[0] == "setting":
                setting = int(words[1])
            else:
                acknowledged = int(words[0])
        opened = Opened(state)
        ids = list(opened.store.ids(ROOM))
        assert ids == list(range(1, len(ids) + 1))
        assert len(ids) >= acknowledged
        assert opened.store.ids(VISIT) == ids[-1:]
        found = opened.store.get(SETTING, 1)
        assert setting <= (int(found.name) if found else 0) <= len(ids)
        opened.close()
    assert acknowledged > 1000
