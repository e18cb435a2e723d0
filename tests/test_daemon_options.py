"""The check of the configuration file: files with secrets are looked into."""

import json
import os
import socket
from errno import EACCES, EADDRINUSE
from pathlib import Path
from typing import Any

import pytest

from pexschedd import daemon_options
from pexschedd.daemon_options import DaemonOptions
from pexschedd.tools.exit_status import ExitStatus

KEY = f"{1:064x}\n"
POLICY: dict[str, Any] = {"policy": {"username": "node", "password_file": "secret"}}
INITIAL = {"initial_admin_password_file": "secret"}
GIVEN = {"key_file": "secret"}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.touch(0o600)
    return file


def checked(folder: Path, **more: Any) -> object:
    """The exit status of the check."""
    endpoints = {side: ["tcp:0:interface=127.0.0.1"] for side in ("addin", "admin")}
    file = folder / "config.json"
    file.write_text(json.dumps({"state_dir": "state", "endpoints": endpoints} | more))
    with pytest.raises(SystemExit) as ended:
        DaemonOptions().parseOptions(["--config", str(file), "--check-config"])
    return ended.value.code


@pytest.mark.parametrize(
    ("setting", "content", "says"),
    [
        (GIVEN, "", "key_file: {secret} has no key of 64 hexadecimal digits"),
        (GIVEN, KEY[1:], "key_file: {secret} has no key of 64 hexadecimal digits"),
        (POLICY, "\nnot here", "policy.password_file: {secret}: its first line must"),
        (INITIAL, "", "initial_admin_password_file: {secret}: its first line must be"),
        (GIVEN, KEY, ""),
        (POLICY, "geheim", ""),
        (INITIAL, "geheim", ""),
    ],
)
def test_what_is_in_the_file(
    secret: Path,
    setting: dict[str, Any],
    content: str,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What would end the start is said by the check already."""
    secret.write_text(content)
    status = ExitStatus.CONFIG if says else ExitStatus.DONE
    assert checked(secret.parent, **setting) == status
    assert says.format(secret=secret) in capsys.readouterr().err


def test_an_initial_password_that_is_over(secret: Path) -> None:
    """Its file is not looked into any more after the first start."""
    state = secret.parent / "state"
    state.mkdir(0o700)
    (state / "format.json").touch(0o600)
    assert checked(state.parent, **INITIAL) == ExitStatus.DONE


def test_a_state_folder_that_cannot_be_entered(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start says so, in its own words."""

    state, stat = secret.parent / "state", os.stat

    def refusing(path: Any, **how: Any) -> os.stat_result:
        if state in Path(path).parents:
            raise PermissionError(EACCES, "Permission denied")
        return stat(path, **how)

    secret.write_text("geheim")
    monkeypatch.setattr(os, "stat", refusing)
    assert checked(secret.parent, **INITIAL) == ExitStatus.DONE


def test_a_key_in_the_state_folder(
    secret: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be taken for a copy of itself, to be removed; a link to it as well."""
    key = secret.parent / "state" / "secret.key"
    key.parent.mkdir(0o700)
    key.touch(0o600)
    key.write_text(KEY)
    secret.unlink()
    secret.symlink_to(key)
    for file in (key, secret):
        assert checked(secret.parent, key_file=str(file)) == ExitStatus.CONFIG
        assert f"key_file: {file} is in the state folder" in capsys.readouterr().err


@pytest.mark.parametrize("is_there", [True, False])
def test_a_state_folder_that_is_closed(
    secret: Path,
    is_there: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The check ends as the start would, with the command that mends it."""
    state, access = secret.parent / "state", os.access
    if is_there:
        state.mkdir(0o700)
    closed = state if is_there else secret.parent

    def refusing(path: Any, mode: int, **how: Any) -> bool:
        return not (Path(path) == closed and mode & os.W_OK) and access(path, mode)

    monkeypatch.setattr(os, "access", refusing)
    assert checked(secret.parent) == ExitStatus.NOT_PERMITTED
    command = "chown" if is_there else "install -d -m 700 -o"
    assert f"Run: {command} " in capsys.readouterr().err


@pytest.mark.parametrize("is_there", [True, False])
def test_a_socket_in_a_closed_folder(
    secret: Path,
    is_there: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The check ends as the start would; the folder may still come, as in /run."""
    folder, access = secret.parent / "sockets", os.access
    if is_there:
        folder.mkdir()

    def refusing(path: Any, mode: int, **how: Any) -> bool:
        return Path(path) != folder and access(path, mode)

    monkeypatch.setattr(os, "access", refusing)
    endpoints = {"addin": [f"unix:{folder}/socket"], "admin": ["tcp:0"]}
    status = ExitStatus.NOT_PERMITTED if is_there else ExitStatus.DONE
    assert checked(secret.parent, endpoints=endpoints) == status
    said = capsys.readouterr()
    assert ("Choose another place" in said.err) == is_there
    assert (f"{folder} is not there, and must be for the start" in said.out) != is_there


def test_a_port_that_is_closed(
    secret: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check ends as the start would; a port that is taken is no error in it."""

    class Closed(socket.socket):
        number = EACCES

        def bind(self, address: Any) -> None:
            raise OSError(self.number, "cannot be opened")

    monkeypatch.setattr(daemon_options, "socket", Closed)
    assert checked(secret.parent) == ExitStatus.NOT_PERMITTED
    said = capsys.readouterr().err
    assert "endpoints.addin[0]: 'tcp:0:interface=127.0.0.1': Permission denied" in said
    assert "Have systemd open it" in said
    Closed.number = EADDRINUSE
    assert checked(secret.parent) == ExitStatus.DONE
