"""A key that is kept outside the state folder."""

import json
import os
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from pexschedd.errors import StoreError, StoreKeyUnusable
from pexschedd.store.secrets import GivenKey, read_given_key
from pexschedd.tools.exit_status import ExitStatus, status_of
from tests.store.store_support import ROOM, Opened, Room
from tests.store.tool_support import fill, tool

DIGITS = "4f" * 32
CONTEXT = "connector/1/password"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "credential"
    path.write_text(f"{DIGITS}\n")
    return path


@pytest.fixture
def filled(tmp_path: Path, key_file: Path) -> Path:
    """A state folder with some of everything, whose key is elsewhere."""
    state = tmp_path / "state"
    opened = Opened(state, given_key=read_given_key(key_file))
    fill(opened)
    opened.close()
    return state


def moved_out(state: Path, to: Path) -> GivenKey:
    """Copy the key of a folder to a file outside it."""
    to.write_bytes((state / "secret.key").read_bytes())
    return read_given_key(to)


def test_no_key_is_made_in_the_folder(tmp_path: Path, key_file: Path) -> None:
    """What is sealed with a given key is opened with it, after a restart as well, and
    the folder has no key, nor anything that shows it."""
    state = tmp_path / "state"
    given = read_given_key(key_file)
    opened = Opened(state, given_key=given)
    sealed = opened.store.vault.seal("hunter2", CONTEXT)
    opened.wait(opened.put(ROOM, Room(id=1, name=sealed)))
    opened.close()
    opened = Opened(state, given_key=given)
    room = opened.store.get(ROOM, 1)
    assert room is not None
    assert opened.store.vault.unseal(room.name, CONTEXT) == "hunter2"
    opened.close()
    assert not (state / "secret.key").exists()
    for path in state.rglob("*"):
        assert path.is_dir() or DIGITS.encode() not in path.read_bytes()
    assert DIGITS not in repr(given)


def test_the_key_moves_out(tmp_path: Path) -> None:
    """While both are there the log says which one counts; then the copy in the folder
    may go, and no start goes on without the other one."""
    state = tmp_path / "state"
    opened = Opened(state)
    sealed = opened.store.vault.seal("hunter2", CONTEXT)
    opened.close()
    given = moved_out(state, tmp_path / "credential")
    with capturedLogs() as events:
        opened = Opened(state, given_key=given)
    assert opened.store.vault.unseal(sealed, CONTEXT) == "hunter2"
    opened.close()
    (event,) = [each for each in events if "ignores its copy" in each["log_format"]]
    assert event["path"] == str(state / "secret.key")
    assert str(tmp_path / "credential") in f"{event['source']}"
    (state / "secret.key").unlink()
    with capturedLogs() as events:
        opened = Opened(state, given_key=given)
    assert opened.store.vault.unseal(sealed, CONTEXT) == "hunter2"
    opened.close()
    assert not [each for each in events if "ignores its copy" in each["log_format"]]
    with pytest.raises(StoreError, match="key_file of the configuration"):
        Opened(state)


@pytest.mark.parametrize("text", ["5e" * 32, DIGITS[:-1], "", "not a key", None])
def test_a_key_that_is_none_or_another(
    filled: Path, key_file: Path, text: str | None
) -> None:
    """The start is refused with the status of a wrong configuration, names the setting
    and the file, shows nothing of the key, and changes nothing."""
    if text is None:
        key_file.unlink()
    else:
        key_file.write_text(text)
    before = {path: path.stat().st_mtime_ns for path in filled.rglob("*.json*")}
    with pytest.raises(StoreKeyUnusable) as raised:
        Opened(filled, given_key=read_given_key(key_file))
    assert f"key_file: {key_file}" in raised.value.message
    assert not text or text not in raised.value.message
    assert status_of(raised.value) == ExitStatus.CONFIG
    assert {p: p.stat().st_mtime_ns for p in filled.rglob("*.json*")} == before


def test_two_keys_that_differ(tmp_path: Path, filled: Path, key_file: Path) -> None:
    """Neither is taken in silence."""
    (filled / "secret.key").write_text("5e" * 32)
    os.chmod(filled / "secret.key", 0o600)
    with pytest.raises(StoreKeyUnusable, match="two keys"):
        Opened(filled, given_key=read_given_key(key_file))


def test_the_tool_takes_the_key_of_the_configuration(
    tmp_path: Path, filled: Path, key_file: Path
) -> None:
    """By the configuration file or by an option; without one it says what it needs."""
    config = tmp_path / "config.json"
    ends = {"addin": ["tcp:0"], "admin": ["tcp:0"]}
    values = {"state_dir": "state", "key_file": "credential", "endpoints": ends}
    config.write_text(json.dumps(values))
    for status, text in (
        tool(config, "verify", option="--config"),
        tool(filled, "--key-file", str(key_file), "verify"),
    ):
        assert status == ExitStatus.DONE, text
        assert "is sound" in text
    status, text = tool(filled, "verify")
    assert status == ExitStatus.FAILED
    assert "--key-file" in text
    key_file.write_text("5e" * 32)
    status, text = tool(config, "verify", option="--config")
    assert status == ExitStatus.FAILED
    assert f"{key_file}: " in text
    assert "not the key" in text
    status, text = tool(config, "compact", option="--config")
    assert status == ExitStatus.CONFIG


def test_credentials_of_a_stopped_service(
    tmp_path: Path,
    filled: Path,
    key_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are not there, and a copy of the key is all that the tool needs: it looks at
    no other file that the configuration names."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    config = tmp_path / "config.json"
    ends = {"addin": ["tcp:0"], "admin": ["tcp:0"]}
    policy = {"username": "node", "password_file": "$CREDENTIALS_DIRECTORY/password"}
    key = "$CREDENTIALS_DIRECTORY/secret-key"
    values = {"state_dir": "state", "key_file": key, "endpoints": ends}
    config.write_text(json.dumps(values | {"policy": policy}))
    given = ("--key-file", str(key_file))
    status, text = tool(config, *given, "verify", option="--config")
    assert status == ExitStatus.DONE, text
    status, text = tool(config, "verify", option="--config")
    assert status == ExitStatus.CONFIG
    assert "/run/credentials/pexschedd.service/secret-key cannot be read" in text
    assert "by --key-file" in text


def test_a_backup_says_that_it_has_no_key(
    tmp_path: Path, filled: Path, key_file: Path
) -> None:
    """The copy has none, and is verified and opened with the one that is kept apart."""
    given = ("--key-file", str(key_file))
    copy = tmp_path / "copy"
    status, text = tool(filled, *given, "backup", str(copy))
    assert status == ExitStatus.DONE
    assert f"keep a copy of {key_file}" in text
    assert not (copy / "secret.key").exists()
    assert tool(copy, *given, "verify")[0] == ExitStatus.DONE
    Opened(copy, given_key=read_given_key(key_file)).close()


def test_an_archive_is_restored_with_the_key_that_is_there(
    tmp_path: Path, filled: Path, key_file: Path
) -> None:
    """None is put into the folder; another key is refused, and leaves it empty."""
    given = ("--key-file", str(key_file))
    packed = tmp_path / "packed.tar.gz"
    status, text = tool(filled, *given, "archive", str(packed))
    assert status == ExitStatus.DONE
    assert "in plain text" not in text
    assert f"keep a copy of {key_file}" in text
    to = tmp_path / "restored"
    other = tmp_path / "other"
    other.write_text("5e" * 32)
    status, text = tool(to, "--key-file", str(other), "restore", str(packed))
    assert status == ExitStatus.UNAVAILABLE
    assert "not the key" in text
    assert list(to.iterdir()) == []
    status, text = tool(to, *given, "restore", str(packed))
    assert status == ExitStatus.DONE, text
    assert not (to / "secret.key").exists()
    Opened(to, given_key=read_given_key(key_file)).close()


def test_an_archive_of_before_the_key_moved_out(tmp_path: Path) -> None:
    """Its key is the same: it is not left in the folder."""
    state, packed = tmp_path / "state", tmp_path / "packed.tar.gz"
    opened = Opened(state)
    fill(opened)
    opened.close()
    moved_out(state, tmp_path / "credential")
    assert tool(state, "archive", str(packed))[0] == ExitStatus.DONE
    to = tmp_path / "restored"
    given = ("--key-file", str(tmp_path / "credential"))
    status, text = tool(to, *given, "restore", str(packed))
    assert status == ExitStatus.DONE, text
    assert not (to / "secret.key").exists()


def test_a_key_that_is_lost_for_good(
    tmp_path: Path, filled: Path, key_file: Path
) -> None:
    """Only on demand another given key takes its place; repair writes no key."""
    key_file.write_text("5e" * 32)
    given = ("--key-file", str(key_file))
    status, text = tool(filled, *given, "repair")
    assert status == ExitStatus.FAILED
    assert f"--key-file {key_file} repair --new-key" in text
    status, text = tool(filled, *given, "repair", "--new-key")
    assert status == ExitStatus.DONE, text
    assert "enter every password" in text
    assert not (filled / "secret.key").exists()
    Opened(filled, given_key=read_given_key(key_file)).close()


def test_a_copy_of_a_running_store_has_no_key(tmp_path: Path, key_file: Path) -> None:
    """Nor has the one that the first start of another release keeps."""
    given = read_given_key(key_file)
    state = tmp_path / "state"
    opened = Opened(state, version="0.1.0", given_key=given)
    fill(opened)
    opened.wait(Deferred.fromCoroutine(opened.store.snapshot(tmp_path / "copy")))
    opened.close()
    Opened(state, version="0.2.0", copies=3, given_key=given).close()
    copy = state / "backups" / "before-0.2.0"
    for folder in (tmp_path / "copy", copy):
        assert not (folder / "secret.key").exists()
        Opened(folder, given_key=given).close()
