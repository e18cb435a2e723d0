"""What turns out to be damaged while the store runs, and was sound at the start."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pexschedd.errors import StoreError
from pexschedd.store.collection import KEPT
from pexschedd.store.fs import RealFileSystem
from tests.store.store_disk import Disk
from tests.store.store_support import ROOM, SETTING, Opened, Room, Setting

STATE = Path("/state")
JOURNAL = STATE / "journal"

damages = pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b"abc", b"abd"),
        lambda data: data.replace(b"}\n", b"}x", 1),
        lambda data: data[: len(data) // 2],
        lambda data: b"",
    ],
    ids=["a letter", "a newline", "a half", "everything"],
)


class Unreadable(RealFileSystem):
    """Does not give back the first segment: but for its beginning, or not at all."""

    def __init__(self, error: int) -> None:
        self.error = error
        self.refused = 0
        self.broken = False

    def read(self, path: Path, offset: int = 0, size: int = -1) -> bytes:
        lost = self.broken and (offset or self.error == errno.ENOENT)
        if lost and path.name == "00000001.jsonl":
            self.refused += 1
            raise OSError(self.error, os.strerror(self.error), str(path))
        return super().read(path, offset, size)


def _long(opened: Opened) -> dict[str, Any]:
    """Writes a sealed segment of 100 kB; returns everything there is."""
    for id in range(1, 200):
        opened.wait(opened.put(ROOM, Room(id=id, name="x" * 500)))
    opened.wait(opened.store.roll())
    return dict(opened.content())


@damages
def test_damage_on_the_disk_is_mended_from_memory(
    damage: Callable[[bytes], bytes],
) -> None:
    """What turns out to be damaged while the daemon runs is written anew, so that the
    next start succeeds, with everything."""
    disk = Disk()
    opened = Opened(STATE, fs=disk, kept=KEPT)
    for number in range(1, 8):
        opened.wait(opened.put(ROOM, Room(id=number, name="abc")))
    opened.wait(opened.store.roll())
    opened.wait(opened.put(ROOM, Room(id=8, name="abc")))
    file = disk._file(JOURNAL / "00000001.jsonl")
    file.data = damage(file.data)
    content = opened.content()
    opened.compact()
    opened.wait(opened.put(ROOM, Room(id=9, name="on")))
    opened.close()
    assert ".compaction.tmp" not in disk.listdir(JOURNAL)
    opened = Opened(STATE, fs=disk)
    found = opened.content()
    del found["room"][9]
    assert found == content
    opened.close()


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOENT])
def test_what_cannot_be_read_is_mended_from_memory(tmp_path: Path, error: int) -> None:
    """A disk that refuses to give back a part of a segment, or the whole of it, does
    not end the store: what was there is written anew, and nobody needs that part."""
    fs = Unreadable(error)
    opened = Opened(tmp_path / "state", fs=fs, kept=KEPT)
    content = _long(opened)
    fs.broken = True
    opened.compact()
    assert 1 < fs.refused < 10
    opened.wait(opened.put(SETTING, Setting(id=1, name="goes on")))
    opened.close()
    opened = Opened(tmp_path / "state")
    found = opened.content()
    del found["setting"]
    assert found == {name: rows for name, rows in content.items() if name != "setting"}
    opened.close()


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_machine_that_runs_short_is_no_damage(tmp_path: Path, error: int) -> None:
    """Compaction is given up for now: nothing is mended, nobody is alarmed."""
    fs = Unreadable(error)
    opened = Opened(tmp_path / "state", fs=fs, kept=KEPT)
    content = _long(opened)
    opened.wait(opened.put(ROOM, Room(id=1, name="later")))
    fs.broken = True
    with pytest.raises(StoreError, match=os.strerror(error)):
        opened.compact()
    assert fs.refused == 1
    assert opened.store.damage == ""
    fs.broken = False
    opened.compact()
    content["room"][1] = Room(id=1, name="later")
    assert opened.content() == content
    opened.close()


@damages
def test_what_is_only_on_the_disk_cannot_be_mended(
    damage: Callable[[bytes], bytes],
) -> None:
    """Compaction is given up and says which file is damaged; what is on the disk stays
    as it is, the store goes on, and with the file's copy from a backup all is there."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    for number in range(1, 8):
        opened.wait(opened.put(ROOM, Room(id=number, name="abc")))
    opened.wait(opened.store.roll())
    content = opened.content()
    opened.close()
    opened = Opened(STATE, fs=disk, kept=0)
    file = disk._file(JOURNAL / "00000001.jsonl")
    sound = file.data
    file.data = damage(sound)
    damaged = file.data
    for _ in range(2):
        with pytest.raises(StoreError, match=r"00000001\.jsonl is damaged near byte"):
            opened.compact()
        assert file.data == damaged
        names = disk.listdir(JOURNAL)
        assert ".compaction.tmp" not in names
        assert not any(name.startswith("c") for name in names)
    opened.wait(opened.put(SETTING, Setting(id=1, name="goes on")))
    file.data = sound
    opened.compact()
    found = opened.content()
    assert found.pop("setting")
    assert content.pop("setting") == {}
    assert found == content
    opened.close()


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOENT])
def test_what_can_neither_be_read_nor_is_in_memory(tmp_path: Path, error: int) -> None:
    """A segment that compaction cannot read stays where it is, too."""
    opened = Opened(tmp_path / "state")
    content = _long(opened)
    opened.close()
    fs = Unreadable(error)
    opened = Opened(tmp_path / "state", fs=fs, kept=0)
    fs.broken = True
    with pytest.raises(StoreError, match=f"cannot be read near .*{os.strerror(error)}"):
        opened.compact()
    opened.wait(opened.put(SETTING, Setting(id=1, name="goes on")))
    assert opened.content()["room"] == content["room"]
    opened.close()
    opened = Opened(tmp_path / "state")
    assert opened.content()["room"] == content["room"]
    opened.close()
