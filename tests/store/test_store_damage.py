"""Damage is refused with file, line and remedy; it never becomes wrong data."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pexschedd.errors import StoreError
from pexschedd.model.fields.declaration import Record
from pexschedd.model.table import Table
from pexschedd.store import checksummed_json
from pexschedd.store.journal import line
from pexschedd.store.journal.manifest import KEPT
from tests.store.store_disk import Disk, all_files
from tests.store.store_support import (
    ROOM,
    SETTING,
    START,
    TABLES,
    VISIT,
    Opened,
    Room,
    Setting,
    files,
)
from tests.thorough import THOROUGH

STATE = Path("/state")

pytestmark = pytest.mark.usefixtures("kept")


def _filled(opened: Opened) -> dict[str, Any]:
    """Writes two segments, a document and a secret; returns what can be read."""
    opened.wait(
        opened.put(ROOM, Room(id=1, name="a", start=START), Room(id=2, name=""))
    )
    opened.wait(opened.store.roll())
    opened.wait(opened.delete(ROOM, 2))
    opened.wait(opened.put(VISIT, Room(id=9, name="é")))
    sealed = opened.store.vault.seal("s3cret", "setting/1")
    opened.wait(opened.put(SETTING, Setting(id=1, name="x", secret=sealed)))
    return _read(opened)


def _read(opened: Opened) -> dict[str, Any]:
    content: dict[str, Any] = dict(opened.content())
    setting = opened.store.get(SETTING, 1)
    assert setting is not None
    content["unsealed"] = opened.store.vault.unseal(setting.secret, "setting/1")
    content["next"] = [opened.store.transaction().new_id(table) for table in TABLES]
    return content


CHANGES: dict[str, Callable[[int], int]] = {
    "lowest bit": lambda byte: byte ^ 1,
    "letter case": lambda byte: byte ^ 0x20,
    "highest bit": lambda byte: byte ^ 0x80,
    "zero": lambda byte: 0,
    "newline": lambda byte: ord("\n"),
}
SOME = 1 if THOROUGH else len(CHANGES)
"""Each byte is changed in one of so many ways, one byte after the other."""


@pytest.mark.parametrize("name", CHANGES)
def test_any_changed_byte_is_refused_or_harmless(name: str, kept: int) -> None:
    """Any byte of any file changed: the same data, or a refusal that names the file,
    the line where there are lines, and what to do. Of a hint file: always the same
    data, and the file is as it was again. Each byte in every way, if the tests are to
    be thorough."""
    change, first = CHANGES[name], list(CHANGES).index(name) % SOME
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    expected = _filled(opened)
    opened.settle()
    opened.close()
    disk.root.sync()
    disk.sync_dir(STATE / "journal")
    names = all_files(disk.root, Path("/"))
    assert len(names) == (8 if kept else 9)
    refused = harmless = hints = 0
    for path, original in names.items():
        for position in range(first, len(original.data), SOME):
            byte = original.data[position]
            changed = bytearray(original.data)
            changed[position] = change(byte)
            if changed == original.data:
                continue
            (copy,) = disk.crashes(lambda data: [])
            all_files(copy.root, Path("/"))[path].data = bytes(changed)
            try:
                again = Opened(STATE, fs=copy)
            except StoreError as error:
                refused += 1
                text = str(error)
                assert str(path) in text
                if path.suffix == ".jsonl":
                    assert re.search(r"line \d", text)
                assert re.search(r"[Rr]estore|[Ss]tart|[Cc]orrect", text), text
            else:
                assert _read(again) == expected, (path, position)
                again.settle()
                again.close()
                if path.suffix == ".hint":
                    hints += 1
                    assert copy.read(path) == original.data
                else:
                    harmless += 1
    # Only the old manifest and letter case in the key may change unnoticed.
    assert refused > 4 * harmless
    # A byte may have been what it is changed to.
    assert hints > 200 // SOME if not kept else not hints


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed state folder with two segments."""
    opened = Opened(tmp_path / "state")
    _filled(opened)
    opened.close()
    return tmp_path / "state"


@pytest.mark.parametrize(
    "name",
    [
        "format.json",
        "secret.key",
        "settings.json",
        "others.json",
        "journal",
        "journal/00000001.jsonl",
        "journal/00000002.jsonl",
    ],
)
def test_a_lost_file_is_refused(state: Path, name: str) -> None:
    """A missing file is never taken for an empty collection or a first start."""
    path = state / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    with pytest.raises(StoreError, match=re.escape(name.split("/")[0])) as caught:
        Opened(state)
    assert re.search("[Rr]estore", str(caught.value))


def test_a_lost_manifest_is_made_up_for(state: Path) -> None:
    """Without the newest manifest the one before it leads to the same data; without
    any the journal is refused."""
    opened = Opened(state)
    expected = _read(opened)
    opened.close()
    (state / "journal" / "MANIFEST-00000002.json").unlink()
    opened = Opened(state)
    assert _read(opened) == expected
    opened.wait(opened.put(VISIT, Room(id=30, name="more")))
    opened.close()
    opened = Opened(state)
    assert opened.store.get(VISIT, 30) is not None
    opened.close()
    for manifest in (state / "journal").glob("MANIFEST*"):
        manifest.unlink()
    with pytest.raises(StoreError, match="has no MANIFEST"):
        Opened(state)


def _rewrite(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("00000001", lambda ls: ls[:-1], "line 2: a transaction lacks its last lines"),
        ("00000001", lambda ls: [*ls, *ls], "line 3: operation 3 is missing"),
        ("00000001", lambda ls: [ls[0], ls[1][:-1]], "line 2: the line has no end"),
        ("00000001", lambda ls: [b"x\n", *ls], "line 1: the checksum"),
        ("00000002", lambda ls: ls[1:], "line 1: operation 3 is missing: .* has 4"),
        ("00000002", lambda ls: [ls[1], ls[0]], "line 1: operation 3 is missing"),
        ("00000002", lambda ls: [ls[0], b"\n", ls[1]], "line 2: the checksum"),
        ("00000002", lambda ls: [ls[0], ls[1][:-1] + b"}\n"], "line 2: the checksum"),
        ("00000002", lambda ls: [ls[0][:20], ls[1]], "line 1: the checksum"),
        ("00000002", lambda ls: [ls[0], ls[1], ls[1]], "line 3: operation 5 is miss"),
    ],
)
def test_damaged_segments_are_refused(
    state: Path, name: str, change: Callable[[list[bytes]], list[bytes]], message: str
) -> None:
    """Lines lost, doubled, exchanged, joined or invented: refused, naming the line."""
    path = state / "journal" / f"{name}.jsonl"
    _rewrite(path, change)
    before = {file: file.read_bytes() for file in files(state)}
    with pytest.raises(StoreError, match=f"{name}.jsonl, {message}"):
        Opened(state)
    assert {file: file.read_bytes() for file in files(state)} == before


def test_the_repair_command_repairs(state: Path) -> None:
    """The command in the message gives up the damaged line and what follows it."""
    path = state / "journal" / "00000002.jsonl"
    _rewrite(path, lambda ls: [ls[0], ls[1].replace(b"visit", b"vizit")])
    with pytest.raises(StoreError) as caught:
        Opened(state)
    size, named = re.findall(r"truncate -s (\d+) (.*)", str(caught.value))[0]
    assert named == str(path)
    with path.open("r+b") as file:
        file.truncate(int(size))
    opened = Opened(state)
    assert opened.store.ids(ROOM) == [1]
    assert opened.store.ids(VISIT) == []
    opened.close()


def test_torn_tails_are_kept_aside(state: Path) -> None:
    """Each torn tail goes to a file of its own and no warning is lost; the journal
    goes on as if it had never been."""
    path = state / "journal" / "00000002.jsonl"
    whole = path.read_bytes()
    tails = [
        b'{"seq":5,"put":"ro',
        line.put(5, (1, 2), "room", 5, 1, b'{"id":5,"name":"n"}'),
        line.delete(5, None, "room", 1)[:-1],
    ]
    for tail in tails:
        path.write_bytes(whole + tail)
        Opened(state).close()
        assert path.read_bytes() == whole
    torn = sorted(file for file in path.parent.iterdir() if ".torn" in file.name)
    assert [file.read_bytes() for file in torn] == tails
    opened = Opened(state)
    opened.wait(opened.put(ROOM, Room(id=5, name="after")))
    opened.close()
    assert line.decode(path.read_bytes().splitlines()[-1]).seq == 5


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (line.put(5, None, "gone", 1, 1, b'{"id":1}'), "table 'gone' is unknown"),
        (line.delete(5, None, "gone", 1), "table 'gone' is unknown"),
        (line.put(5, None, "room", 1, 2, b'{"id":1}'), "room of version 2.*newer"),
        (line.put(5, None, "room", 1, 0, b'{"id":1}'), "cannot upgrade version 0"),
        (line.put(5, None, "room", 1, 1, b'{"id":1,"name":"","x":1}'), "field `x`"),
        (line.put(5, None, "room", 1, 1, b'{"id":1,"name":5}'), "Expected `str`"),
        (line.put(5, None, "room", 2, 1, b'{"id":1,"name":""}'), "id is 1, the line"),
        (line.put(5, (2, 2), "room", 1, 1, b'{"id":1,"name":""}'), "lacks lines"),
        (line.put(5, None, "room", 0, 1, b'{"id":0,"name":""}'), "the id must be"),
        (line.delete(5, None, "room", -1), "the id must be from 1 to"),
        (line.delete(5, None, "room", 1 << 36), "the id must be from 1 to"),
        (line.delete(5, None, "room", 1 << 64), "the id must be from 1 to"),
    ],
)
def test_sound_lines_that_say_too_much_are_refused(
    state: Path, data: bytes, message: str
) -> None:
    """What another version wrote is not guessed at, dropped or overwritten."""
    with (state / "journal" / "00000002.jsonl").open("ab") as file:
        file.write(data)
    with pytest.raises(StoreError, match=rf"00000002.jsonl, line 3: .*{message}"):
        Opened(state)


def test_a_stray_segment_with_content_is_not_deleted(state: Path) -> None:
    """An unlisted segment is removed only if it is empty, or older and replaced."""
    journal = state / "journal"
    (journal / "00000003.jsonl").touch()
    Opened(state).close()
    assert not (journal / "00000003.jsonl").exists()
    (journal / "00000004.jsonl").write_bytes(b"data")
    with pytest.raises(StoreError, match=r"00000004.jsonl has content"):
        Opened(state)
    assert (journal / "00000004.jsonl").read_bytes() == b"data"


def test_a_compacted_segment_may_have_gaps(state: Path) -> None:
    """A manifest may list a compacted segment: gaps in it are fine, its size, lines
    and order are verified, ids whose lines are gone are not given again, and what it
    has replaced is removed with the last manifest that lists it."""
    journal = state / "journal"
    kept = (journal / "00000001.jsonl").read_bytes().splitlines(keepends=True)[0]
    (journal / "c00000003.jsonl").write_bytes(kept)
    old = msgspec.json.decode((journal / "MANIFEST-00000002.json").read_bytes())
    del old["crc"]
    old["next_ids"]["room"] = 50
    old["segments"][0] |= {
        "name": "c00000003.jsonl",
        "compacted": True,
        "lines": 1,
        "size": len(kept),
    }
    manifest = journal / "MANIFEST-00000003.json"
    manifest.write_bytes(checksummed_json.dump(old))
    opened = Opened(state)
    assert opened.store.ids(ROOM) == [1]
    assert opened.store.transaction().new_id(ROOM) == 50
    opened.wait(opened.store.roll())
    opened.close()
    for id in range(100, 108):
        opened = Opened(state)
        assert (journal / "00000001.jsonl").exists() == (id < 106)
        opened.wait(opened.put(ROOM, Room(id=id, name="x")))
        opened.wait(opened.store.roll())
        opened.close()
    assert len(list(journal.glob("MANIFEST*"))) == KEPT
    old["segments"][0]["lines"] = 2
    (journal / "MANIFEST-00000099.json").write_bytes(checksummed_json.dump(old))
    with pytest.raises(StoreError, match=r"c00000003.jsonl, line 2: the file has"):
        Opened(state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segments": []}, "lists no segments"),
        ({"segments": [{"name": "../x", "first": 1}]}, "not the name of a segment"),
        ({"segments": [{"name": "00000001.jsonl", "first": 2}]}, "begins with 2"),
        ({"segments": [{"name": "00000001.jsonl", "first": 1, "x": 1}]}, "field `x`"),
        ({"format": 2}, "format 2, and this version knows formats up to 1"),
        ({"next_ids": {"gone": 4}}, "table 'gone' is unknown"),
    ],
)
def test_wrong_manifests_are_refused(
    state: Path, change: dict[str, Any], message: str
) -> None:
    """A manifest that says what cannot be is refused, not followed."""
    path = state / "journal" / "MANIFEST-00000002.json"
    manifest = msgspec.json.decode(path.read_bytes()) | change
    del manifest["crc"]
    path.write_bytes(checksummed_json.dump(manifest))
    with pytest.raises(StoreError, match=message) as caught:
        Opened(state)
    assert str(path) in str(caught.value)


class NewRoom(Record, frozen=True, kw_only=True):
    title: str
    floor: int


def test_old_versions_are_upgraded() -> None:
    """Journal and document records of old versions pass through each step."""

    def rename(value: dict[str, Any]) -> dict[str, Any]:
        return {"id": value["id"], "title": value["name"]}

    def add_floor(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "floor": 3}

    disk = Disk()
    opened = Opened(STATE, fs=disk)
    opened.wait(opened.put(ROOM, Room(id=1, name="a")))
    opened.wait(opened.put(SETTING, Setting(id=2, name="b")))
    opened.close()
    steps = {1: rename, 2: add_floor}
    room = Table("room", NewRoom, version=3, upgrades=steps)
    setting = Table("setting", NewRoom, version=3, document="settings", upgrades=steps)
    tables: list[Table[Any]] = [room, setting, *TABLES[1:2], *TABLES[3:]]
    for _ in range(2):
        opened = Opened(STATE, tables, fs=disk)
        assert list(opened.store.all(room)) == [NewRoom(id=1, title="a", floor=3)]
        assert list(opened.store.all(setting)) == [NewRoom(id=2, title="b", floor=3)]
        opened.wait(opened.put(setting, NewRoom(id=2, title="b", floor=3)))
        opened.close()
    with pytest.raises(StoreError, match="newer version"):
        Opened(STATE, fs=disk)
