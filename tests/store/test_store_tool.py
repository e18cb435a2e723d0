"""`pexschedd-store`: says all that is wrong, mends what can be, keeps what it takes."""

import io
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.store import line
from pexschedd.store.folder import JOURNAL
from pexschedd.store.inspection import inspect
from pexschedd.store.repair import Repair
from pexschedd.store.secrets import key_id_of, mend_key
from pexschedd.tools.store_command import DAMAGED, DONE, USAGE, run
from tests.store.store_disk import Disk, File, Folder
from tests.store.store_support import (
    ROOM,
    SETTING,
    TABLES,
    VISIT,
    Calls,
    Opened,
    Room,
    Setting,
    files,
)

STATE = Path("/state")
MOMENT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
ASIDE = "set-aside/20261121T060000Z"


def _fill(opened: Opened) -> None:
    """Two sealed segments, one of them compacted, an active one, and a document."""
    opened.wait(opened.put(ROOM, Room(id=1, name="first"), Room(id=2, name="b")))
    opened.wait(opened.put(ROOM, Room(id=1, name="second")))
    opened.compact()
    opened.wait(opened.put(ROOM, Room(id=3, name="c")))
    opened.wait(opened.put(VISIT, Room(id=1, name="d"), Room(id=2, name="e")))
    opened.wait(opened.store.roll())
    opened.wait(opened.put(ROOM, Room(id=1, name="third")))
    opened.wait(opened.put(ROOM, Room(id=4, name="f")))
    opened.wait(opened.put(SETTING, Setting(id=1, name="s")))


HISTORY: dict[Any, set[Any]] = {
    ("room", 1): {"first", "second", "third", None},
    ("room", 2): {"b", None},
    ("room", 3): {"c", None},
    ("room", 4): {"f", None},
    ("visit", 1): {"d", None},
    ("visit", 2): {"e", None},
}


def _check_history(opened: Opened) -> None:
    """Whatever is there was there once, and transactions are whole."""
    content: dict[str, dict[int, Any]] = dict(opened.content())
    for (table, id), names in HISTORY.items():
        record = content[table].get(id)
        assert (record.name if record else None) in names
    assert (1 in content["visit"]) == (2 in content["visit"])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    opened = Opened(tmp_path / "state", version="1")
    _fill(opened)
    opened.close()
    return tmp_path / "state"


def _tool(state: Path, *arguments: str, option: str = "--state-dir") -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    calls = Calls()
    done = run(
        [option, str(state), *arguments],
        out,
        err,
        calls,
        now=lambda: MOMENT,
        tables=TABLES,
    )
    status = calls.wait(Deferred.fromCoroutine(done))
    return status, out.getvalue() + err.getvalue()


def _all_files(folder: Folder, path: Path) -> dict[Path, File]:
    found = {}
    for name, node in folder.names.items():
        if isinstance(node, File):
            found[path / name] = node
        else:
            found |= _all_files(node, path / name)
    return found


def test_every_flipped_byte_is_seen_and_mended(kept: int) -> None:
    """For each byte of each file: what keeps a start from succeeding is found, and
    after the repair the store opens, with nothing in it that was never stored; the
    damaged original is set aside. Only a document that is no JSON any more is left to
    people. A damaged hint file is not worth a word."""
    disk = Disk()
    opened = Opened(STATE, fs=disk)
    _fill(opened)
    before = opened.content()
    opened.settle()
    opened.close()
    disk.root.sync()
    disk.sync_dir(STATE / "journal")
    hints = 0
    left_to_people = mended = harmless = 0
    for path, original in _all_files(disk.root, Path("/")).items():
        if not kept and JOURNAL not in path.parts:
            continue  # the other files are read as a whole in any case
        for position, byte in enumerate(original.data):
            (copy,) = disk.crashes(lambda data: [])
            changed = bytearray(original.data)
            changed[position] = byte ^ (1 << position % 8)
            _all_files(copy.root, Path("/"))[path].data = bytes(changed)
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
            aside = _all_files(copy.root, Path("/"))
            assert any(
                "set-aside" in kept.parts and file.data == bytes(changed)
                for kept, file in aside.items()
            )
            again = Opened(STATE, fs=copy)
            _check_history(again)
            again.wait(again.put(ROOM, Room(id=9, name="on")))
            again.close()
            Opened(STATE, fs=copy).close()
    assert mended > (1200 if kept else 900)
    assert left_to_people < mended
    assert harmless
    assert hints > 500 if not kept else not hints


def test_a_sound_folder_is_said_to_be_sound(state: Path) -> None:
    """Exit status 0, what is in it, and not a byte changed."""
    before = {file: file.read_bytes() for file in files(state)}
    status, text = _tool(state, "verify")
    assert status == DONE
    assert "room: 4\n" in text
    assert "is sound" in text
    assert {file: file.read_bytes() for file in files(state)} == before


def test_everything_wrong_is_said_at_once(state: Path) -> None:
    """Not only the first damage; with file, line and remedy; exit status 1; nothing
    is changed, neither by verify nor by repair --dry-run."""
    for name in ("settings.json", "format.json", "journal/00000003.jsonl"):
        path = state / name
        path.write_bytes(path.read_bytes().replace(b'"', b"'", 1))
    before = {file: file.read_bytes() for file in files(state)}
    status, text = _tool(state, "verify")
    assert status == DAMAGED
    assert text.count("DAMAGED: ") == 3
    assert re.search(r"00000003.jsonl: line 1: the checksum", text)
    assert "repair" in text
    status, text = _tool(state, "repair", "--dry-run")
    assert status == DAMAGED
    assert text.count("would be done: ") == 2
    assert ASIDE in text
    assert {file: file.read_bytes() for file in files(state)} == before


UNREADABLE = Path("/proc/self/mem")
"""Opened without an error, and then not read: there is nothing at address 0."""


@pytest.mark.skipif(not UNREADABLE.exists(), reason="there is no /proc here")
@pytest.mark.parametrize(
    ("name", "mended"),
    [
        ("format.json", True),
        ("secret.key", False),
        ("settings.json", False),
        ("journal/MANIFEST-00000004.json", True),
        ("journal/MANIFEST-00000003.json", True),
        ("journal/c00000003.jsonl", False),
        ("journal/00000002.jsonl", False),
        ("journal/00000003.jsonl", False),
    ],
)
def test_what_the_disk_does_not_give_back_is_named(
    state: Path, name: str, mended: bool
) -> None:
    """By a start, and by verify beside everything else that is wrong. What else says
    the same is put in its place by repair; nothing else is touched."""
    path = state / name
    path.unlink()
    path.symlink_to(UNREADABLE)
    with pytest.raises(StoreError, match=rf"Input/output error: '{path}'"):
        Opened(state)
    others = state / "others.json"
    sound = others.read_bytes()
    others.write_bytes(b"{")
    status, text = _tool(state, "verify")
    assert status == DAMAGED
    assert f"DAMAGED: {path}: it cannot be read: Input/output error" in text
    assert f"DAMAGED: {others}: " in text
    others.write_bytes(sound)
    assert _tool(state, "repair")[0] == (DONE if mended else DAMAGED)
    assert path.is_symlink() == (not mended)
    if mended:
        opened = Opened(state)
        assert opened.store.count(ROOM) == 4
        opened.close()


def test_repair_keeps_what_it_takes(state: Path) -> None:
    """A damaged line costs that line and no other; the file is set aside as it was."""
    path = state / "journal" / "00000003.jsonl"
    damaged = path.read_bytes().replace(b"third", b"THIRD")
    path.write_bytes(damaged)
    status, text = _tool(state, "repair")
    assert status == DONE
    assert "keeps 1 line, line 1 is given up: the records" in text
    assert (state / ASIDE / "journal" / "00000003.jsonl").read_bytes() == damaged
    opened = Opened(state)
    room = opened.store.get(ROOM, 1)
    assert room is not None
    assert room.name == "second"
    assert opened.store.get(ROOM, 4) is not None
    opened.close()
    assert _tool(state, "repair")[0] == DONE


@pytest.mark.parametrize("name", ["c00000003.jsonl", "00000002.jsonl"])
def test_a_lost_segment_is_given_up_only_on_demand(state: Path, name: str) -> None:
    """The daemon does not start without it; repair does, and says what it costs."""
    (state / "journal" / name).unlink()
    with pytest.raises(StoreError, match=f"{name} is missing"):
        Opened(state)
    status, text = _tool(state, "repair")
    assert status == DONE
    assert "is lost, and what was in it is given up" in text
    opened = Opened(state)
    _check_history(opened)
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
    status, text = _tool(state, "repair")
    assert status == DONE, text
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
    _fill(opened)
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
    status, text = _tool(state, "repair")
    assert status == DONE, text
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
    assert _tool(state, "repair")[0] == DAMAGED
    assert {file: file.read_bytes() for file in files(state)} == before


def test_what_a_mended_segment_stands_for_is_not_guessed(state: Path) -> None:
    """Without a manifest nothing says that it is one segment, and not all before it:
    nothing is done, where only a guess would tell, and nothing is lost."""
    segment = state / "journal" / "00000003.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"third", b"THIRD"))
    assert _tool(state, "repair")[0] == DONE
    for manifest in (state / "journal").glob("MANIFEST*"):
        manifest.unlink()
    for name in ("00000001.jsonl", "00000002.jsonl"):
        (state / "journal" / name).unlink()
    before = {file: file.read_bytes() for file in files(state)}
    assert _tool(state, "repair")[0] == DAMAGED
    assert {file: file.read_bytes() for file in files(state)} == before


def test_a_lost_key_can_be_replaced(state: Path) -> None:
    """Only when asked to, with a word about what that means; the data stays."""
    (state / "secret.key").unlink()
    assert _tool(state, "repair")[0] == DAMAGED
    status, text = _tool(state, "repair", "--new-key")
    assert status == DONE
    assert "enter every password" in text
    opened = Opened(state)
    _check_history(opened)
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
    status, _ = _tool(state, "repair")
    assert status == DAMAGED
    assert path.read_bytes() == b"{"
    status, _ = _tool(state, "repair", "--give-up", "settings.json")
    assert status == DONE
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
    status, text = _tool(state, "repair")
    assert status == DAMAGED
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
        status, text = _tool(state, *arguments)
        assert status == DAMAGED
        assert "A newer release was here" in text
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
            line.put(9, None, "room", 9, 1, b'{"id":9,"tags":%s}' % (b"[" * 10000)),
            "recursion",
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
        status, text = _tool(state, command)
        assert status == DAMAGED
        assert re.search(rf"00000003.jsonl: line 3: .*{message}", text)
        assert "done: " not in text
    assert {file: file.read_bytes() for file in files(state)} == before


def test_export_has_every_record(state: Path) -> None:
    """One line of JSON each, complete; and nothing from a damaged folder."""
    status, text = _tool(state, "export")
    assert status == DONE
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    room = {"id": 1, "name": "third", "owner": 0, "start": None, "tags": []}
    assert {"table": "room", "record": room} in lines
    assert len(lines) == 7
    (state / "settings.json").write_bytes(b"{")
    assert _tool(state, "export")[0] == DAMAGED


def test_compact_says_and_does(state: Path) -> None:
    """--dry-run has the figures; afterwards nothing is dead, and all is there."""
    opened = Opened(state)
    before = opened.content()
    opened.close()
    status, text = _tool(state, "compact", "--dry-run")
    assert status == DONE
    assert "matter" in text
    assert not (state / "journal" / "c00000005.jsonl").exists()
    assert _tool(state, "compact")[0] == DONE
    opened = Opened(state)
    assert opened.content() == before
    assert opened.store._ledger.dead == 0
    opened.close()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda state: shutil.rmtree(state), "There is no folder"),
        (lambda state: shutil.move(state / "format.json", state / "moved"), ""),
    ],
)
def test_no_state_folder(
    state: Path, prepare: Callable[[Path], object], message: str
) -> None:
    """A wrong path is an error of the arguments, not damage."""
    prepare(state)
    shutil.rmtree(state / "journal", ignore_errors=True)
    status, text = _tool(state, "verify")
    assert status == USAGE
    assert message in text


def test_a_wrong_configuration_file_is_named(tmp_path: Path) -> None:
    """Each error says in which file it is, as those of the other tools do."""
    config = tmp_path / "config.json"
    status, text = _tool(config, "verify", option="--config")
    assert (status, text) == (
        USAGE,
        f"{config}: cannot be read: No such file or directory\n",
    )
    config.write_text("{}")
    status, text = _tool(config, "verify", option="--config")
    assert status == USAGE
    assert {line.split(": ")[0] for line in text.splitlines()} == {str(config)}


def test_help_and_documentation_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line in docs/store.md is the one that --help shows."""
    with pytest.raises(SystemExit):
        _tool(tmp_path, "--help")
    usage = " ".join(capsys.readouterr().out.split())
    page = Path(__file__).resolve().parents[2] / "docs" / "store.md"
    line = re.search(
        r"^    pexschedd-store (\(.*\)) (.*) \[FOLDER\]$",
        page.read_text(),
        re.MULTILINE,
    )
    assert line is not None
    assert line[1] in usage
    assert "{" + line[2].replace(" | ", ",") + "}" in usage


def test_a_running_daemon_is_left_alone(state: Path) -> None:
    """The lock is respected by every command."""
    opened = Opened(state)
    for command in ("verify", "export", "repair", "compact"):
        status, text = _tool(state, command)
        assert status == USAGE
        assert "in use by process" in text
    opened.close()


def test_what_a_lost_manifest_listed_is_seen(state: Path) -> None:
    """Without the newest manifest the segment after the last listed one counts, for
    verify, export and repair as for a start; also when the one before it is damaged."""
    journal = state / "journal"
    max(journal.glob("MANIFEST-*")).unlink()
    status, text = _tool(state, "verify")
    assert status == DONE
    assert "is in no manifest, but comes next" in text
    assert "third" in _tool(state, "export")[1]
    segments = sorted(journal.glob("0*.jsonl"))
    before = segments[-2].read_bytes()
    segments[-2].write_bytes(before.replace(b'"name":"d"', b'"name":"D"'))
    assert _tool(state, "verify")[0] == DAMAGED
    assert _tool(state, "repair")[0] == DONE
    opened = Opened(state)
    _check_history(opened)
    content: dict[str, dict[int, Any]] = dict(opened.content())
    assert content["room"][1].name == "third"
    assert content["room"][4].name == "f"
    assert content["room"][3].name == "c"
    opened.close()


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
    status, text = _tool(state, "verify")
    assert status == DAMAGED
    assert stray.name in text
    assert _tool(state, "repair")[0] == DONE
    assert (state / ASIDE / "journal" / stray.name).exists()
    opened = Opened(state)
    assert opened.content() == content
    opened.close()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("settings.json", "repair --give-up settings.json"),
        ("secret.key", "repair --new-key"),
        ("journal", "backup"),
    ],
)
def test_what_only_a_person_can_decide_is_offered(
    state: Path, name: str, hint: str
) -> None:
    """verify names the option that would help, and does not praise a repair that would
    do nothing; the option does help."""
    path = state / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    status, text = _tool(state, "verify")
    assert status == DAMAGED
    assert hint in text
    assert "second best" not in text
    assert _tool(state, "repair")[0] == DAMAGED
    if "--" in hint:
        assert _tool(state, *hint.split())[0] == DONE
        Opened(state).close()


def test_what_a_newer_release_wrote_to_the_journal_is_not_damaged(state: Path) -> None:
    """verify says that this program is too old, and repair touches nothing."""
    newer = Table(ROOM.name, Room, version=2, upgrades={1: dict})
    opened = Opened(state, [newer if table is ROOM else table for table in TABLES])
    opened.wait(opened.put(newer, Room(id=9, name="newer")))
    opened.close()
    before = {path: path.read_bytes() for path in files(state)}
    for command in ("verify", "repair"):
        status, text = _tool(state, command)
        assert status == DAMAGED
        assert "NEWER" in text
        assert "only this program is too old" in text
        assert "DAMAGED" not in text
    assert {path: path.read_bytes() for path in files(state)} == before
