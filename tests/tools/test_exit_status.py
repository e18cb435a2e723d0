"""The table of exit statuses: each row happens, and the documentation has each."""

import json
import os
import re
import signal
import stat
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NoReturn

import pytest

from pexschedd.errors import (
    ConfigError,
    PexscheddError,
    PortNotPermitted,
    PortUnavailable,
    StoreCopyMisplaced,
    StoreCopyNotWritten,
    StoreError,
    StoreKeyUnusable,
    StoreNotPermitted,
    Unavailable,
)
from pexschedd.model.tables import TABLES
from pexschedd.store.store import Store
from pexschedd.tools import main, start, store_command
from pexschedd.tools.command import become_owner
from pexschedd.tools.exit_status import ExitStatus, status_of
from pexschedd.tools.file_errors import require_owner
from tests import forked
from tests.forked import Forked
from tests.store.store_support import Calls, must_not_fail
from tests.tools.entry_points import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
MAIN = COMMANDS["pexschedd"]
NO_CONFIG = {"pexschedd", "pexschedd-join"}
TOOLS = {
    **{name: (COMMANDS[name], []) for name in sorted(COMMANDS.keys() - NO_CONFIG)},
    "pexschedd-store": (COMMANDS["pexschedd-store"], ["verify"]),
    "pexschedd run": (MAIN, ["run"]),
    "pexschedd check-config": (MAIN, ["check-config"]),
    "twistd -n pexschedd": (forked.TWISTD, ["-n", "pexschedd"]),
}
PASSWORD = "correct horse\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration file and a state folder."""
    state = tmp_path / "state"
    calls = Calls()
    store = Store.open(state, TABLES, reactor=calls, failed=must_not_fail)
    calls.wait(store.close())
    config_file(tmp_path, "state")
    return tmp_path


def config_file(folder: Path, state: str) -> Path:
    file = folder / "config.json"
    endpoints = {side: ["tcp:0:interface=127.0.0.1"] for side in ("addin", "admin")}
    file.write_text(json.dumps({"state_dir": state, "endpoints": endpoints}))
    return file


def as_another_user() -> None:
    """`pexschedd` as a user who may not enter the test's folder."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    main.main()


def ended(folder: Path, *arguments: str, program: str = MAIN, text: str = "") -> int:
    """The exit status of a command; what it said must be words."""
    status, out, err = forked.run(program, arguments, cwd=folder, text=text)
    assert "Traceback" not in out + err, err
    return status


def done(folder: Path) -> int:
    return ended(folder, "store", "--state-dir", "state", "verify")


def failed(folder: Path) -> int:
    (folder / "state" / "administrators.json").write_text("{")
    return ended(folder, "store", "--state-dir", "state", "verify")


def usage(folder: Path) -> int:
    return ended(folder, "no-such-command")


def unavailable(folder: Path) -> int:
    config_file(folder, "none")
    return ended(folder, "doctor", "--config", "config.json")


def into_a_full_disk(folder: Path) -> int:
    with open("/dev/full", "wb") as full, TemporaryFile("w+") as err:
        process = Forked(
            MAIN,
            ["store", "--state-dir", "state", "verify"],
            cwd=folder,
            stdout=full,
            stderr=err,
        )
        return process.wait(60)


def not_permitted(folder: Path) -> int:
    (folder / "state").chmod(0)
    try:
        return ended(
            folder,
            "store",
            "--state-dir",
            str(folder / "state"),
            "verify",
            program=f"{__name__}:as_another_user",
        )
    finally:
        (folder / "state").chmod(stat.S_IRWXU)


def wrong_configuration(folder: Path) -> int:
    (folder / "config.json").write_text("{}")
    return ended(folder, "run", "--config", "config.json")


def stopped(folder: Path) -> int:
    """The password is asked for on a terminal, and Ctrl-C is the answer."""
    ours, theirs = os.openpty()
    with (
        open(theirs, "rb", buffering=0) as terminal,
        TemporaryFile("w+") as said,
    ):
        process = Forked(
            f"{__name__}:interrupted",
            ["password", "--config", "config.json"],
            cwd=folder,
            stdin=terminal,
            stdout=said,
            stderr=said,
        )
        try:
            return process.wait(60)
        finally:
            os.close(ours)


def interrupted() -> None:
    """`pexschedd`, with Ctrl-C at its first prompt."""
    from pexschedd.tools import password  # noqa: PLC0415 - in the other process

    password.prompt_password.__defaults__ = (_interrupt,)
    start.pexschedd()


def _interrupt(prompt: str) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    return prompt


def unread(folder: Path) -> int:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as gone, TemporaryFile("w+") as err:
        process = Forked(
            MAIN,
            ["store", "--state-dir", "state", "verify"],
            cwd=folder,
            stdout=gone,
            stderr=err,
        )
        return process.wait(60)


ROWS: dict[ExitStatus, Callable[[Path], int]] = {
    ExitStatus.DONE: done,
    ExitStatus.FAILED: failed,
    ExitStatus.USAGE: usage,
    ExitStatus.UNAVAILABLE: unavailable,
    ExitStatus.IO_ERROR: into_a_full_disk,
    ExitStatus.NOT_PERMITTED: not_permitted,
    ExitStatus.CONFIG: wrong_configuration,
    ExitStatus.STOPPED: stopped,
    ExitStatus.UNREAD: unread,
}


@pytest.mark.parametrize("status", ExitStatus)
def test_each_row_happens(status: ExitStatus, folder: Path) -> None:
    """A real process ends with each status of the table."""
    assert ROWS[status](folder) == status


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize(
    ("state", "content", "status"),
    [
        ("none", "", ExitStatus.UNAVAILABLE),
        ("none", "{", ExitStatus.CONFIG),
        ("none", None, ExitStatus.CONFIG),
    ],
    ids=["no state", "wrong file", "no file"],
)
def test_one_reason_has_one_status(
    name: str, state: str, content: str | None, status: ExitStatus, tmp_path: Path
) -> None:
    """Whatever the command, the same reason ends it with the same status."""
    program, arguments = TOOLS[name]
    if status == ExitStatus.UNAVAILABLE and name not in list(TOOLS)[:5]:
        # The daemon makes the folder that is not there. Here it is none of ours, and
        # so the wrong one.
        (tmp_path / "none").mkdir(mode=0o700)
        (tmp_path / "none" / "letter").write_text("")
        status = ExitStatus.CONFIG
    file = config_file(tmp_path, state)
    if content is None:
        file.unlink()
    elif content:
        file.write_text(content)
    option = ["--config", str(file)]
    words = [*option, *arguments] if "store" in program else [*arguments, *option]
    assert ended(tmp_path, *words, program=program, text=PASSWORD) == status


@pytest.mark.parametrize(
    "name",
    [n for n in TOOLS if n not in ("pexschedd-store", "pexschedd check-config")],
)
def test_the_key_of_another_state_folder(name: str, folder: Path) -> None:
    """It is a wrong configuration for all that open the state without a daemon."""
    key = folder / "key"
    key.touch(0o600)
    key.write_text("4f" * 32)
    file = folder / "config.json"
    values = json.loads(file.read_text()) | {"key_file": "key"}
    file.write_text(json.dumps(values))
    program, arguments = TOOLS[name]
    words = [*arguments, "--config", str(file)]
    status, out, err = forked.run(program, words, cwd=folder, text=PASSWORD)
    assert status == ExitStatus.CONFIG, out + err
    assert f"key_file: {key}" in out + err


def test_a_first_password_that_is_refused(folder: Path) -> None:
    """It is found out late, and still no reason to start again and again."""
    file = config_file(folder, "new-state")
    password = folder / "password"
    password.touch(0o600)
    password.write_text("short")
    values = json.loads(file.read_text()) | {"initial_admin_password_file": "password"}
    file.write_text(json.dumps(values))
    words = ["run", "--config", str(file)]
    status, out, err = forked.run(MAIN, words, cwd=folder)
    assert status == ExitStatus.CONFIG, out + err
    assert f"daemon failed reason={password}: " in out


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        (MAIN, ["check-config", "--config", "config.json"]),
        (forked.TWISTD, ["-n", "pexschedd", "--version"]),
    ],
)
def test_output_of_the_daemon_that_cannot_be_written(
    program: str, arguments: list[str], folder: Path
) -> None:
    """On a full disk the check has not been made known, nor where its reader has gone;
    the error is one line at most."""
    reading, writing = os.pipe()
    os.close(reading)
    for place, expected in (
        (os.open("/dev/full", os.O_WRONLY), ExitStatus.IO_ERROR),
        (writing, ExitStatus.UNREAD),
    ):
        with open(place, "wb") as out, TemporaryFile("w+") as err:
            process = Forked(program, arguments, cwd=folder, stdout=out, stderr=err)
            assert process.wait(60) == expected
            err.seek(0)
            assert len(err.readlines()) <= 1


def test_the_documentation_has_the_table() -> None:
    """docs/operations.md explains these statuses, and no others."""
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.partition("## Exit statuses")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|", section, re.MULTILINE)
    assert [int(row) for row in rows] == [*ExitStatus]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigError("file", ["wrong"]), ExitStatus.CONFIG),
        (StoreNotPermitted("not yours"), ExitStatus.NOT_PERMITTED),
        (StoreError("damaged"), ExitStatus.UNAVAILABLE),
        (StoreKeyUnusable("another one"), ExitStatus.CONFIG),
        (StoreCopyMisplaced("there"), ExitStatus.USAGE),
        (StoreCopyNotWritten("full"), ExitStatus.IO_ERROR),
        (StoreNotPermitted("closed"), ExitStatus.NOT_PERMITTED),
        (PortNotPermitted("443"), ExitStatus.NOT_PERMITTED),
        (PortUnavailable("taken"), ExitStatus.FAILED),
        (Unavailable("busy"), ExitStatus.UNAVAILABLE),
    ],
)
def test_each_error_has_a_status(error: PexscheddError, status: ExitStatus) -> None:
    """Whoever catches the error."""
    assert status_of(error) == status


@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_the_state_of_another_user(
    mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner is named. A command that gives it to this user, or opens it to
    everybody, would have the daemon refuse it."""
    state = tmp_path / "state"
    state.mkdir(mode)
    (state / "format.json").touch()
    state.chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    for command in ("verify", "repair", "backup"):
        out, err = StringIO(), StringIO()
        words = ["--state-dir", str(state), command]
        work = store_command.run(words, out, err, None)
        with pytest.raises(StopIteration) as ended:
            work.send(None)
        assert ended.value.value == ExitStatus.NOT_PERMITTED
        assert f"{state} belongs to another user: run this as root" in err.getvalue()
    with pytest.raises(StoreNotPermitted, match="belongs to another user"):
        become_owner(state)


def test_a_state_that_this_user_may_not_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the daemon's folder, whose closed door is not to be opened."""

    def refuse(*_: Any) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(StoreNotPermitted, match="run this as root") as refused:
        require_owner(tmp_path / "backups")
    assert "chmod" not in refused.value.message
