"""Reading single records from sealed segments: damage, errors, open files."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pexschedd.errors import StoreError
from pexschedd.store.fs import RealFileSystem
from tests.store.cold_support import JOURNAL, STATE, cold, stir
from tests.store.store_disk import Disk
from tests.store.store_support import (
    ROOM,
    ROOM_BY_NAME,
    ROOM_BY_OWNER,
    VISIT,
    Opened,
    Room,
)

# Damage, errors and short reads while it runs.


class Bad(Disk):
    """Reads of single records go wrong, in the way that is set."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: Callable[[bytes], bytes] = bytes

    def read_at(self, handle: int, offset: int, size: int) -> bytes:
        return self.wrong(super().read_at(handle, offset, size))


def _eio(data: bytes) -> bytes:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


READS: dict[str, Callable[[Opened], object]] = {
    "get": lambda opened: opened.store.get(ROOM, 5),
    "all": lambda opened: list(opened.store.all(ROOM)),
    "find": lambda opened: opened.store.find(ROOM_BY_NAME, "r5"),
    "find_all": lambda opened: opened.store.find_all(ROOM_BY_OWNER, 2),
    "put": lambda opened: opened.put(ROOM, Room(id=5, name="x")),
    "delete": lambda opened: opened.delete(ROOM, 5),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda data: data.replace(b"r", b"R", 1), "the checksum"),
        (lambda data: data[:-5], "the checksum"),
        (lambda data: b"", "the checksum"),
        (_eio, os.strerror(errno.EIO)),
    ],
    ids=["changed", "short", "nothing", "EIO"],
)
def test_a_record_that_cannot_be_read_is_the_end(
    read: str, wrong: Callable[[bytes], bytes], why: str
) -> None:
    """StoreError names the file; `failed` is told once, nothing is changed or written
    any more, and the next start is not the worse for it."""
    disk = Bad()
    failures: list[StoreError] = []
    opened = cold(disk, failed=failures.append)
    content = opened.content()
    before = opened.put(VISIT, Room(id=1, name="before"))
    opened.wait(before)
    disk.wrong = wrong
    for _ in range(2):
        with pytest.raises(StoreError, match=rf"00000001\.jsonl.*{why}"):
            READS[read](opened)
    calls: list[str] = []
    disk.before = calls.append
    for _ in range(2):
        with pytest.raises(StoreError, match=r"00000001\.jsonl"):
            opened.wait(opened.put(VISIT, Room(id=2, name="late")))
    assert len(failures) == 1
    assert "00000001.jsonl" in str(failures[0])
    disk.wrong = bytes
    assert opened.content()["room"] == content["room"]
    opened.close()
    assert not calls
    disk.before = lambda call: None
    opened = Opened(STATE, fs=disk, kept=0)
    assert opened.content() == {**content, "visit": {1: Room(id=1, name="before")}}
    opened.close()


def test_a_sound_line_of_another_record_is_not_taken() -> None:
    """A disk that gives back a neighbour, with its checksum, gives no wrong data."""
    disk = Bad()
    failures: list[StoreError] = []
    opened = cold(disk, 9, failed=failures.append)
    lines = disk.read(JOURNAL / "00000001.jsonl").splitlines(keepends=True)
    for other in lines[1:]:
        disk.wrong = lambda data, other=other: other  # type: ignore[misc]
        with pytest.raises(StoreError, match=r"00000001\.jsonl: operation 1 "):
            opened.store.get(ROOM, 1)
    opened.close()


# Handles.


class Counted(RealFileSystem):
    """Knows what is open for reading; opens nothing more when told so."""

    def __init__(self) -> None:
        self.files: dict[int, Path] = {}
        self.full = False

    def open(self, path: Path) -> int:
        if self.full:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        handle = super().open(path)
        self.files[handle] = path
        return handle

    def close(self, handle: int) -> None:
        self.files.pop(handle, None)
        super().close(handle)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_no_more_files_are_open_than_there_are_segments(tmp_path: Path) -> None:
    """However often the list of segments changes; and none when it is closed."""
    fs = Counted()
    state = tmp_path / "state"
    begun = _descriptors()
    opened = Opened(state, fs=fs, kept=0, segment_size=300, compact_from=2000)
    for number in range(400):
        opened.wait(opened.put(ROOM, Room(id=number % 9 + 1, name=f"{number}")))
        opened.store.get(ROOM, (number * 4) % 9 + 1)
        if number % 40 == 0:
            opened.compact()
        if number % 25 == 0:
            opened.settle()
            opened.wait(opened.store._journal.call(lambda: None))
            line_index = opened.store._line_index
            live = {lines.name for lines in line_index.segments if lines.sealed}
            assert {path.name for path in fs.files.values()} == live
            assert len(fs.files) == len(live)
    opened.compact()
    assert len(fs.files) == 1
    opened.close()
    assert not fs.files
    assert _descriptors() == begun


def test_it_reads_when_nothing_more_can_be_opened(tmp_path: Path) -> None:
    """Every segment has been open from the start, or from when it was sealed."""
    fs = Counted()
    opened = cold(fs, state=tmp_path / "state")
    opened.wait(opened.put(ROOM, Room(id=21, name="r21", owner=1)))
    opened.wait(opened.store.roll())
    opened.settle()
    fs.full = True
    stir(opened, 21)
    opened.wait(opened.put(ROOM, Room(id=22, name="r22")))
    assert opened.store.count(ROOM) == 22
    fs.full = False
    opened.close()


WITHOUT = """
import os, resource, sys
from pathlib import Path
from tests.store.store_support import ROOM, ROOM_BY_NAME, Opened, Room

opened = Opened(Path(sys.argv[1]), kept=0)
opened.settle()
files = []
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
try:
    while True:
        files.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print(error.errno)
for id in range(1, 21):
    assert opened.store.get(ROOM, id).name == f"r{id}"
    assert opened.store.find(ROOM_BY_NAME, f"r{id}").id == id
opened.wait(opened.put(ROOM, Room(id=21, name="r21")))
print(len(list(opened.store.all(ROOM))))
opened.close()
"""


def test_it_reads_without_a_descriptor_left(tmp_path: Path) -> None:
    """At the real limit of a real process: records are read, and written."""
    cold(None, state=tmp_path / "state").close()
    child = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert child.stdout.split() == [str(errno.EMFILE), "21"], child.stderr


def test_a_start_without_descriptors_is_refused(tmp_path: Path) -> None:
    """As any other error of a start: StoreError with the reason, folder unlocked."""
    cold(None, state=tmp_path / "state").close()
    fs = Counted()
    fs.full = True
    with pytest.raises(StoreError, match=os.strerror(errno.EMFILE)):
        Opened(tmp_path / "state", fs=fs, kept=0)
    Opened(tmp_path / "state", kept=0).close()


@pytest.mark.parametrize("do", ["roll", "compact"])
def test_what_cannot_be_opened_again_is_final_or_harmless(
    tmp_path: Path, do: str
) -> None:
    """A segment that is sealed or compacted and cannot be opened for reading: either
    `failed` is told, as always, or it goes on; but no OSError comes out of the store,
    and what was acknowledged is read or refused by StoreError."""
    fs = Counted()
    failures: list[StoreError] = []
    opened = cold(fs, state=tmp_path / "state", failed=failures.append)
    opened.wait(opened.put(ROOM, Room(id=21, name="r21")))
    opened.wait(opened.put(ROOM, Room(id=1, name="r1")))
    fs.full = True
    try:
        if do == "compact":
            opened.compact()
        else:
            opened.wait(opened.store.roll())
    except StoreError:
        assert failures
    if not failures:
        for id in range(1, 22):
            room = opened.store.get(ROOM, id)
            assert room is not None
            assert room.name == f"r{id}"
    opened.close()
