"""A real process, killed at a moment of its own choosing, again and again."""

from pathlib import Path

from tests.forked import Forked
from tests.store.store_programs import KILLED
from tests.store.store_support import ROOM, SETTING, VISIT, Opened


def test_killed_processes_keep_their_word(tmp_path: Path, kept: int) -> None:
    """Every id that a child said was stored is there after SIGKILL; transactions are
    whole; ids go on where they were."""
    state = tmp_path / "state"
    log = tmp_path / "log"
    acknowledged = 0
    setting = 0
    for number in range(8):
        with log.open("w") as errors:
            child = Forked(KILLED, [str(state), str(kept)], cwd=tmp_path, stderr=errors)
        assert child.stdout is not None
        with child.stdout as told:
            assert told.readline() == "open\n", log.read_text()
            said = [told.readline() for _ in range(40 + number * 37)]
            child.kill()
            said += told.readlines()
        for words in [line.split() for line in said if line.endswith("\n")]:
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
