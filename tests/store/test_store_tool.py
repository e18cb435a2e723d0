"""`pexschedd-store`: says all that is wrong, and does what it is asked."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pexschedd.errors import StoreError
from pexschedd.model.table import Table
from pexschedd.tools.exit_status import ExitStatus
from tests.store.store_support import (
    ROOM,
    TABLES,
    Opened,
    Room,
    files,
)
from tests.store.tool_support import ASIDE, check_history, tool


def test_a_sound_folder_is_said_to_be_sound(state: Path) -> None:
    """Exit status 0, what is in it, and not a byte changed."""
    before = {file: file.read_bytes() for file in files(state)}
    status, text = tool(state, "verify")
    assert status == ExitStatus.DONE
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
    status, text = tool(state, "verify")
    assert status == ExitStatus.FAILED
    assert text.count("DAMAGED: ") == 3
    assert re.search(r"00000003.jsonl: line 1: the checksum", text)
    assert "repair" in text
    status, text = tool(state, "repair", "--dry-run")
    assert status == ExitStatus.FAILED
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
    status, text = tool(state, "verify")
    assert status == ExitStatus.FAILED
    assert f"DAMAGED: {path}: it cannot be read: Input/output error" in text
    assert f"DAMAGED: {others}: " in text
    others.write_bytes(sound)
    assert tool(state, "repair")[0] == (
        ExitStatus.DONE if mended else ExitStatus.FAILED
    )
    assert path.is_symlink() == (not mended)
    if mended:
        opened = Opened(state)
        assert opened.store.count(ROOM) == 4
        opened.close()


def test_export_has_every_record(state: Path) -> None:
    """One line of JSON each, complete; and nothing from a damaged folder."""
    status, text = tool(state, "export")
    assert status == ExitStatus.DONE
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    room = {"id": 1, "name": "third", "owner": 0, "start": None, "tags": []}
    assert {"table": "room", "record": room} in lines
    assert len(lines) == 7
    (state / "settings.json").write_bytes(b"{")
    assert tool(state, "export")[0] == ExitStatus.FAILED


def test_compact_says_and_does(state: Path) -> None:
    """--dry-run has the figures; afterwards nothing is dead, and all is there."""
    opened = Opened(state)
    before = opened.content()
    opened.close()
    status, text = tool(state, "compact", "--dry-run")
    assert status == ExitStatus.DONE
    assert "are needed" in text
    assert not (state / "journal" / "c00000005.jsonl").exists()
    assert tool(state, "compact")[0] == ExitStatus.DONE
    opened = Opened(state)
    assert opened.content() == before
    assert opened.store._line_index.dead == 0
    opened.close()


def _others_journal(state: Path) -> None:
    """As in /var/log."""
    shutil.rmtree(state)
    (state / "journal" / "4f1c").mkdir(parents=True)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda state: shutil.rmtree(state), "There is no folder"),
        (lambda state: shutil.move(state / "format.json", state / "moved"), ""),
        (_others_journal, "is not a state folder"),
    ],
)
def test_no_state_folder(
    state: Path, prepare: Callable[[Path], object], message: str
) -> None:
    """A wrong path is an error of the arguments, not damage."""
    shutil.rmtree(state / "journal")
    prepare(state)
    before = sorted(state.rglob("*"))
    status, text = tool(state, "verify")
    assert status == ExitStatus.UNAVAILABLE
    assert message in text
    assert sorted(state.rglob("*")) == before


def test_a_wrong_configuration_file_is_named(tmp_path: Path) -> None:
    """Each error says in which file it is, as those of the other tools do."""
    config = tmp_path / "config.json"
    status, text = tool(config, "verify", option="--config")
    assert (status, text) == (
        ExitStatus.CONFIG,
        f"{config}: cannot be read: No such file or directory\n",
    )
    config.write_text("{}")
    status, text = tool(config, "verify", option="--config")
    assert status == ExitStatus.CONFIG
    assert {line.split(": ")[0] for line in text.splitlines()} == {str(config)}


def test_help_and_documentation_agree(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line in docs/store.md is the one that --help shows."""
    with pytest.raises(SystemExit):
        tool(tmp_path, "--help")
    usage = " ".join(capsys.readouterr().out.split())
    page = Path(__file__).resolve().parents[2] / "docs" / "store.md"
    line = re.search(
        r"^    pexschedd-store (\(.*\) \[.*?\]) (.*) \[FOLDER\]$",
        page.read_text(),
        re.MULTILINE,
    )
    assert line is not None
    assert line[1] in usage
    assert "{" + line[2].replace(" | ", ",") + "}" in usage


def test_printed_commands_can_be_pasted(state: Path) -> None:
    """A path with a space and a quotation mark is one word for the shell."""
    odd = state.rename(state.with_name("the state's folder"))
    (odd / "settings.json").write_text("{")
    text = tool(odd, "verify")[1]
    commands = re.findall(r"pexschedd-store --state-dir .* repair", text)
    assert commands
    for command in commands:
        assert shlex.split(command)[1:] == ["--state-dir", str(odd), "repair"]


def test_a_running_daemon_is_left_alone(state: Path) -> None:
    """The lock is respected by every command."""
    opened = Opened(state)
    for command in ("verify", "export", "repair", "compact"):
        status, text = tool(state, command)
        assert status == ExitStatus.UNAVAILABLE
        assert "in use by process" in text
    opened.close()


def test_what_a_lost_manifest_listed_is_seen(state: Path) -> None:
    """Without the newest manifest the segment after the last listed one counts, for
    verify, export and repair as for a start; also when the one before it is damaged."""
    journal = state / "journal"
    max(journal.glob("MANIFEST-*")).unlink()
    status, text = tool(state, "verify")
    assert status == ExitStatus.DONE
    assert "is in no manifest, but comes next" in text
    assert "third" in tool(state, "export")[1]
    segments = sorted(journal.glob("0*.jsonl"))
    before = segments[-2].read_bytes()
    segments[-2].write_bytes(before.replace(b'"name":"d"', b'"name":"D"'))
    assert tool(state, "verify")[0] == ExitStatus.FAILED
    assert tool(state, "repair")[0] == ExitStatus.DONE
    opened = Opened(state)
    check_history(opened)
    content: dict[str, dict[int, Any]] = dict(opened.content())
    assert content["room"][1].name == "third"
    assert content["room"][4].name == "f"
    assert content["room"][3].name == "c"
    opened.close()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("settings.json", "repair --give-up settings.json"),
        ("secret.key", "repair --new-key"),
        ("secret.key format.json", "repair --new-key"),
        ("journal", "backup"),
    ],
)
def test_what_only_a_person_can_decide_is_offered(
    state: Path, name: str, hint: str
) -> None:
    """verify names the option that would help, and does not praise a repair that would
    do nothing; the option does help."""
    for path in map(state.joinpath, name.split()):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    status, text = tool(state, "verify")
    assert status == ExitStatus.FAILED
    assert hint in text
    assert "second best" not in text
    assert tool(state, "repair")[0] == ExitStatus.FAILED
    if "--" in hint:
        assert tool(state, *hint.split())[0] == ExitStatus.DONE
        Opened(state).close()


def test_what_a_newer_release_wrote_to_the_journal_is_not_damaged(state: Path) -> None:
    """verify says that this program is too old, and repair touches nothing."""
    newer = Table(ROOM.name, Room, version=2, upgrades={1: dict})
    tables = [newer if table is ROOM else table for table in TABLES]
    opened = Opened(state, tables, version="99.9")
    opened.wait(opened.put(newer, Room(id=9, name="newer")))
    opened.close()
    before = {path: path.read_bytes() for path in files(state)}
    for command in ("verify", "repair"):
        status, text = tool(state, command)
        assert status == ExitStatus.FAILED
        assert "NEWER" in text
        assert (
            "but this program is too old. The folder was last written by 99.9" in text
        )
        assert "DAMAGED" not in text
    assert {path: path.read_bytes() for path in files(state)} == before


def test_a_key_that_is_none_may_be_given_up(state: Path) -> None:
    """An empty one is as good as lost. Of the key of another folder that is not said:
    the right one is somewhere. The message names the file once."""
    (state / "secret.key").write_bytes(b"")
    assert "repair --new-key" in tool(state, "verify")[1]
    (state / "secret.key").write_text("ab" * 32)
    text = tool(state, "verify")[1]
    assert "--new-key" not in text
    assert f"DAMAGED: {state}/secret.key: is not the key that" in text


def test_a_first_start_that_was_killed_is_no_damage(tmp_path: Path) -> None:
    """Wherever that was: what the next start does by itself is said, not a backup asked
    for that there cannot be."""
    whole = tmp_path / "whole"
    Opened(whole, version="1.2.3").close()
    journal = ("journal", "journal/00000001.jsonl", "journal/MANIFEST-00000001.json")
    for number in range(len(journal) + 1):
        state = tmp_path / f"{number}"
        state.mkdir()
        shutil.copy(whole / "secret.key", state)
        key_id = json.loads((whole / "format.json").read_text())["key_id"]
        (state / "format.json").write_text(f'{{"format": 1, "key_id": "{key_id}"}}')
        for name in journal[:number]:
            path = state / name
            path.mkdir() if name == "journal" else shutil.copy(whole / name, path)
        for command in ("verify", "repair", "export"):
            status, text = tool(state, command)
            assert (status, "DAMAGED" in text) == (ExitStatus.DONE, False), text
        assert "the next one will do the rest" in tool(state, "verify")[1]
        Opened(state).close()
        assert "the rest" not in tool(state, "verify")[1]
