"""Repair: mends what can be mended without guessing, keeps what it takes."""

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from pexschedd.errors import StoreError
from pexschedd.store.folder import JOURNAL
from pexschedd.store.fsck.inspection import inspect
from pexschedd.store.fsck.repair import Repair
from pexschedd.store.journal import line
from pexschedd.store.secrets import key_id_of, mend_key
from pexschedd.tools.exit_status import ExitStatus
from tests.store.store_disk import Disk, Image, all_files, image
from tests.store.store_support import (
    ROOM,
    SETTING,
    TABLES,
    Opened,
    Room,
    files,
)
from tests.store.tool_support import ASIDE, STATE, check_history, fill, tool
from tests.thorough import THOROUGH

PARTS = 5
"""A byte after the other of the test below, each in a part of its own: together they
take longer than a test may on a busy machine. One part is tried unless the tests are to
be thorough, in memory another one than on the disk."""


@pytest.mark.parametrize("part", range(PARTS if THOROUGH else 1))
def test_every_flipped_byte_is_seen_and_mended(kept: int, part: int) -> None:
    """For each byte of each file: what keeps a start from succeeding is found, and
    after the repair the store opens, with nothing in it that was never stored; the
    damaged original is set aside. Only a document that is no JSON any more is left to
    people. A damaged hint file is not worth a word."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    fill(opened)
    before = opened.content()
    opened.settle()
    opened.close()
    disk.root.sync()
    disk.sync_dir(STATE / "journal")
    first = (part + bool(kept)) % PARTS
    hints = 0
    left_to_people = mended = harmless = 0
    repaired: set[Image] = set()
    for path, original in all_files(disk.root, Path("/")).items():
        if not kept and JOURNAL not in path.parts:
            continue  # the other files are read as a whole in any case
        for position in range(first, len(original.data), PARTS):
            byte = original.data[position]
            (copy,) = disk.crashes(lambda data: [])
            changed = bytearray(original.data)
            changed[position] = byte ^ (1 << position % 8)
            all_files(copy.root, Path("/"))[path].data = bytes(changed)
            findings = inspect(copy, STATE, TABLES).findings
            try:
                again = Opened(STATE, fs=copy)
            except StoreError:
                assert findings, (path, position)
                assert path in {finding.path for finding in findings}
            else:
                assert not findings
                assert again.content() == before
                again.close()
                harmless += 1
                hints += path.suffix == ".hint"
                continue
            assert path.suffix != ".hint"
            said: list[str] = []
            left = Repair(copy, STATE, TABLES, "t").run(said.append).findings
            if left:
                assert all(finding.kind in ("document", "newer") for finding in left)
                left_to_people += 1
                continue
            mended += 1
            aside = all_files(copy.root, Path("/"))
            assert any(
                "set-aside" in kept.parts and file.data == bytes(changed)
                for kept, file in aside.items()
            )
            del copy._folder(STATE).names["set-aside"]
            state = image(copy.root)
            if state in repaired:
                continue  # many a damage costs the same line
            repaired.add(state)
            again = Opened(STATE, fs=copy)
            check_history(again)
            again.wait(again.put(ROOM, Room(id=9, name="on")))
            again.close()
            Opened(STATE, fs=copy).close()
    assert mended > (1200 if kept else 900) // PARTS
    assert left_to_people < mended
    assert harmless
    assert hints > 500 // PARTS if not kept else not hints


def test_repair_keeps_what_it_takes(state: Path) -> None:
    """A damaged line costs that line and no other; the file is set aside as it was."""
    path = state / "journal" / "00000003.jsonl"
    damaged = path.read_bytes().replace(b"third", b"THIRD")
    path.write_bytes(damaged)
    status, text = tool(state, "repair")
    assert status == ExitStatus.DONE
    assert "keeps 1 line, line 1 is given up: the records" in text
    assert (state / ASIDE / "journal" / "00000003.jsonl").read_bytes() == damaged
    opened = Opened(state)
    room = opened.store.get(ROOM, 1)
    assert room is not None
    assert room.name == "second"
    assert opened.store.get(ROOM, 4) is not None
    opened.close()
    assert tool(state, "repair")[0] == ExitStatus.DONE


@pytest.mark.parametrize("name", ["c00000003.jsonl", "00000002.jsonl"])
def test_a_lost_segment_is_given_up_only_on_demand(state: Path, name: str) -> None:
    """The daemon does not start without it; repair does, and says what it costs."""
    (state / "journal" / name).unlink()
    with pytest.raises(StoreError, match=f"{name} is missing"):
        Opened(state)
    status, text = tool(state, "repair")
    assert status == ExitStatus.DONE
    assert "is lost, and what was in it is given up" in text
    opened = Opened(state)
    check_history(opened)
    opened.close()


def test_all_manifests_may_be_lost(tmp_path: Path) -> None:
    """One is made from what the segments say."""
    state = tmp_path / "state"
    opened = Opened(state, segment_size=200)
    for number in range(1, 20):
        opened.wait(opened.put(ROOM, Room(id=number, name="x")))
    before = opened.content()
    opened.close()
    for manifest in (state / "journal").glob("MANIFEST*"):
        manifest.unlink()
    status, text = tool(state, "repair")
    assert status == ExitStatus.DONE, text
    opened = Opened(state)
    assert opened.content() == before
    opened.close()


def _fill_anew(opened: Opened, count: int) -> None:
    for number in range(count):
        opened.wait(opened.put(ROOM, Room(id=number % 5 + 1, name=f"{number}")))
        opened.wait(opened.delete(ROOM, number % 3 + 1))


@pytest.mark.parametrize("rounds", range(1, 10))
@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("forgotten", [False, True])
def test_all_manifests_may_be_lost_after_compactions(
    rounds: int, after: int, forgotten: bool
) -> None:
    """However much of what was compacted is still there, beside the last segment or
    one that grows: the same data, and no deleted record comes back."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    for _ in range(rounds):
        _fill_anew(opened, 4)
        opened.wait(opened.store.roll())
        _fill_anew(opened, 4)
        opened.compact()
    opened.wait(opened.put(ROOM, Room(id=9, name="last")))
    opened.compact()
    _fill_anew(opened, after)
    if forgotten:
        segments = opened.store._segments
        opened.wait(opened.store._journal.call(lambda: segments.forget(1)))
    before = opened.content()
    opened.close()
    journal = STATE / JOURNAL
    for name in list(disk.listdir(journal)):
        if name.startswith("MANIFEST"):
            disk.unlink(journal / name)
    found = Repair(disk, STATE, TABLES, "now").run(lambda text: None)
    assert not found.findings
    opened = Opened(STATE, fs=disk)
    assert opened.content() == before
    opened.close()


def test_an_older_manifest_is_not_believed_without_its_segments(
    tmp_path: Path,
) -> None:
    """What it lists may be gone, and it may have come back after a power failure: then
    the newest segments count, and are not given up for the sake of lost ones."""
    state = tmp_path / "state"
    opened = Opened(state)
    fill(opened)
    opened.compact()
    opened.wait(opened.put(ROOM, Room(id=5, name="last")))
    content = opened.content()
    newest = opened.store._segments.manifest
    path = opened.store._segments.manifest_path
    opened.close()
    for file in (state / "journal").glob("*.jsonl"):
        if file.name not in {segment.name for segment in newest.segments}:
            file.unlink()
    path.write_bytes(b"damaged")
    status, text = tool(state, "repair")
    assert status == ExitStatus.DONE, text
    opened = Opened(state)
    assert opened.content() == content
    opened.close()


def test_no_manifest_is_made_of_what_is_not_understood(state: Path) -> None:
    """As a newer release may have written it: repair ends, and nothing is changed."""
    for manifest in (state / "journal").glob("MANIFEST*"):
        manifest.unlink()
    with (state / "journal" / "00000003.jsonl").open("ab") as file:
        file.write(line.delete(9, None, "", 1))
    before = {file: file.read_bytes() for file in files(state)}
    assert tool(state, "repair")[0] == ExitStatus.FAILED
    assert {file: file.read_bytes() for file in files(state)} == before


def test_what_a_mended_segment_stands_for_is_not_guessed(state: Path) -> None:
    """Without a manifest nothing says that it is one segment, and not all before it:
    nothing is done, where only a guess would tell, and nothing is lost."""
    segment = state / "journal" / "00000003.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"third", b"THIRD"))
    assert tool(state, "repair")[0] == ExitStatus.DONE
    for manifest in (state / "journal").glob("MANIFEST*"):
        manifest.unlink()
    for name in ("00000001.jsonl", "00000002.jsonl"):
        (state / "journal" / name).unlink()
    before = {file: file.read_bytes() for file in files(state)}
    assert tool(state, "repair")[0] == ExitStatus.FAILED
    assert {file: file.read_bytes() for file in files(state)} == before


def test_a_lost_key_can_be_replaced(state: Path) -> None:
    """Only when asked to, with a word about what that means; the data stays."""
    (state / "secret.key").unlink()
    assert tool(state, "repair")[0] == ExitStatus.FAILED
    status, text = tool(state, "repair", "--new-key")
    assert status == ExitStatus.DONE
    assert "enter every password" in text
    opened = Opened(state)
    check_history(opened)
    opened.close()


@pytest.mark.parametrize("count", [1, 2])
def test_damaged_digits_of_a_key_are_found_again(count: int) -> None:
    """One or two wrong digits are put right, and nothing else is taken for the key."""
    key = bytes(range(32))
    text = bytearray(key.hex().encode())
    for place in (3, 40)[:count]:
        text[place] = ord("x") if place == 3 else ord("f")
    assert mend_key(bytes(text), key_id_of(key)) == key
    assert mend_key(b"?" * 64, key_id_of(key)) is None
    assert mend_key(b"ab", key_id_of(key)) is None


def test_a_document_is_begun_anew_only_on_demand(state: Path) -> None:
    """What is no JSON stays as it is until somebody names the file."""
    path = state / "settings.json"
    path.write_bytes(b"{")
    status, _ = tool(state, "repair")
    assert status == ExitStatus.FAILED
    assert path.read_bytes() == b"{"
    status, _ = tool(state, "repair", "--give-up", "settings.json")
    assert status == ExitStatus.DONE
    assert (state / ASIDE / "settings.json").read_bytes() == b"{"
    opened = Opened(state)
    assert opened.store.count(SETTING) == 0
    opened.close()


def test_a_newer_store_is_not_repaired(state: Path) -> None:
    """What a newer release wrote is no damage: nothing is taken away."""
    path = state / "format.json"
    content = msgspec.json.decode(path.read_bytes())
    del content["crc"]
    path.write_bytes(msgspec.json.encode(content | {"format": 2, "version": "9"}))
    before = {file: file.read_bytes() for file in files(state)}
    status, text = tool(state, "repair")
    assert status == ExitStatus.FAILED
    assert "format 2" in text
    assert {file: file.read_bytes() for file in files(state)} == before


def test_what_a_newer_release_writes_otherwise_is_not_repaired(state: Path) -> None:
    """Whatever looks damaged in a folder of a newer format may only be new: not a line
    of it is taken away."""
    path = state / "format.json"
    content = msgspec.json.decode(path.read_bytes())
    del content["crc"]
    path.write_bytes(msgspec.json.encode(content | {"format": 2, "version": "9"}))
    segment = state / "journal" / "00000002.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b',"crc":', b',"sum":'))
    (state / "settings.json").write_bytes(b"not JSON any more")
    before = {file: file.read_bytes() for file in files(state)}
    for arguments in (["repair"], ["repair", "--give-up", "settings.json"]):
        status, text = tool(state, *arguments)
        assert status == ExitStatus.FAILED
        assert "A newer release has used this folder" in text
        assert "done: " not in text
        assert {file: file.read_bytes() for file in files(state)} == before


@pytest.mark.parametrize(
    ("each", "message"),
    [
        (line.put(9, None, "room", 9, 1, b'{"id":9,"name":7}'), "not a valid room"),
        (
            line.put(9, None, "room", 9, 1, b'{"id":9,"name":"\xff"}'),
            "not a valid room",
        ),
        (line.put(9, None, "room", 9, 0, b'{"id":9,"name":"n"}'), "an older version"),
        (line.put(9, None, "room", 9, 1, b'{"id":8,"name":"n"}'), "id is 8, the line"),
        (line.delete(9, None, "room", 1 << 40), "the id must be"),
        (line.delete(1 << 70, None, "room", 1), "Expected `int` <="),
        (
            line.put(9, None, "room", 9, 1, b'{"id":9,"tags":%s}' % (b"[" * 200_000)),
            "(recursion|malformed)",  # whichever the limit of the Python allows
        ),
    ],
)
def test_what_is_sound_but_not_understood_is_not_repaired(
    state: Path, each: bytes, message: str
) -> None:
    """A line that is as it was written is no damage, even if this release cannot take
    it: repair leaves it where it is, and comes to an end."""
    with (state / "journal" / "00000003.jsonl").open("ab") as file:
        file.write(each)
    before = {file: file.read_bytes() for file in files(state)}
    for command in ("verify", "repair"):
        status, text = tool(state, command)
        assert status == ExitStatus.FAILED
        assert re.search(rf"00000003.jsonl: line 3: .*{message}", text)
        assert "done: " not in text
    assert {file: file.read_bytes() for file in files(state)} == before


@pytest.mark.parametrize("further", [1, 3])
def test_a_segment_too_many(state: Path, further: int) -> None:
    """A file that does not continue the journal is refused by verify as by a start;
    repair keeps it aside, and nothing else changes."""
    opened = Opened(state)
    content = opened.content()
    opened.close()
    segments = sorted((state / "journal").glob("0*.jsonl"))
    number = int(segments[-1].stem) + further
    stray = segments[-1].with_name(f"{number:08}.jsonl")
    shutil.copy(segments[-1], stray)
    with pytest.raises(StoreError, match=stray.name):
        Opened(state)
    status, text = tool(state, "verify")
    assert status == ExitStatus.FAILED
    assert stray.name in text
    assert tool(state, "repair")[0] == ExitStatus.DONE
    assert (state / ASIDE / "journal" / stray.name).exists()
    opened = Opened(state)
    assert opened.content() == content
    opened.close()
