"""`pexschedd-password`: another password for the administrator."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from collections.abc import Awaitable, Callable
from io import BytesIO, StringIO
from pathlib import Path
from select import select
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor

from pexschedd.config import Config
from pexschedd.control.executor import Executor, SetPassword
from pexschedd.control.protocol import Event, Finished, Order, PasswordOrder
from pexschedd.errors import InvalidFields, StoreError
from pexschedd.model.tables import TABLES
from pexschedd.store.store import Store
from pexschedd.tools import password as tool
from pexschedd.tools.exit_status import ExitStatus
from pexschedd.util.stop_signal import StopSignal
from tests import forked
from tests.signals import heed_signals
from tests.store.store_support import Calls, must_not_fail
from tests.system.system_support import PATIENCE, World
from tests.tools.entry_points import program_text

reactor: Any = _reactor
PROGRAM = program_text("pexschedd-password")
ORDER = PasswordOrder(password="correct horse")


# What is given


def test_typed_twice() -> None:
    answers = iter(["correct horse", "correct horse"])
    assert tool.prompt_password(lambda prompt: next(answers)) == "correct horse"


def test_typed_differently() -> None:
    answers = iter(["correct horse", "correct house"])
    with pytest.raises(ValueError, match="not the same"):
        tool.prompt_password(lambda prompt: next(answers))


def test_nothing_typed() -> None:
    def end(prompt: str) -> str:
        raise EOFError

    with pytest.raises(ValueError, match="no password"):
        tool.prompt_password(end)


def test_typed_in_another_encoding() -> None:
    """Nothing of it is told: Python's own error would say which byte it was."""

    def misread(prompt: str) -> str:
        return b"p\xe4ssword".decode()

    with pytest.raises(ValueError, match="locale") as caught:
        tool.prompt_password(misread)
    assert "e4" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "password"),
    [
        (b"correct horse\n", "correct horse"),
        (b"correct horse", "correct horse"),
        (b"correct horse\r\nsecond line\n", "correct horse"),
        (b" spaces are kept \n", " spaces are kept "),
        ("pä\u00dfword\n".encode(), "pä\u00dfword"),
        ("correct\u2028horse\x0b\n".encode(), "correct\u2028horse\x0b"),
        (b"correct\rhorse\n", "correct\rhorse"),
        (b"\xef\xbb\xbfcorrect horse\r\n", "correct horse"),
    ],
)
def test_first_line(given: bytes, password: str) -> None:
    """All of it, whatever is in it; but no mark that an editor has set before it."""
    assert tool.read_piped(BytesIO(given)) == password


@pytest.mark.parametrize(
    "given", [b"", b"\n", b"\xef\xbb\xbf\nsecond\n", b"p\xe4ssword\n"]
)
def test_no_first_line(given: bytes) -> None:
    with pytest.raises(ValueError, match=r"^standard input: it"):
        tool.read_piped(BytesIO(given))


def test_an_order_does_not_show_what_it_holds() -> None:
    """Orders are logged when they fail."""
    assert "horse" not in f"{ORDER!r} {ORDER}"
    sent = msgspec.json.encode(ORDER)
    assert msgspec.json.decode(sent, type=Order) == ORDER


# What comes of it


async def ordered(set_password: SetPassword | None) -> Finished:
    nothing: Any = None
    executor = Executor(nothing, nothing, now=nothing, set_password=set_password)
    return await executor.run(ORDER, nothing, StopSignal())


@pytest_twisted.ensureDeferred
async def test_the_order_is_carried_out() -> None:
    said = []

    async def set_password(password: str) -> None:
        said.append(password)

    assert await ordered(set_password) == Finished()
    assert said == ["correct horse"]


@pytest_twisted.ensureDeferred
async def test_the_order_fails() -> None:
    async def refuse(password: str) -> None:
        raise InvalidFields({"password": ["This must be longer."]})

    async def fail(password: str) -> None:
        raise StoreError("The disk is broken.")

    refused = Finished(refused="The new password: This must be longer.")
    assert await ordered(refuse) == refused
    failed = Finished(failures=1, reasons=("The disk is broken.",))
    assert await ordered(fail) == failed
    assert (await ordered(None)).refused


Fallback = Callable[[Config, Order, Callable[[Event], None], Any], Awaitable[Finished]]


@pytest.mark.parametrize(
    ("finished", "status"),
    [
        (Finished(), 0),
        (Finished(failures=1, reasons=("The disk is broken.",)), 1),
        (StoreError("The state is locked."), 69),
        (Finished(refused="The new password: This must be longer."), 2),
    ],
)
@pytest_twisted.ensureDeferred
async def test_exit_status(
    tmp_path: Path, finished: Finished | StoreError, status: int
) -> None:
    """And one line that says what has happened."""
    config = tmp_path / "config.json"
    endpoints = {"addin": ["tcp:0"], "admin": ["tcp:0"]}
    config.write_text(json.dumps({"state_dir": "state", "endpoints": endpoints}))

    async def alone(
        config: Config, order: Order, show: Callable[[Event], None], reactor: Any
    ) -> Finished:
        assert order == ORDER
        if isinstance(finished, StoreError):
            raise finished
        return finished

    out, err = StringIO(), StringIO()
    ended = await tool.run(config, ORDER, reactor, out, err, fallback=alone)
    assert ended == status
    said, silent = (out, err) if status == 0 else (err, out)
    assert len(said.getvalue().splitlines()) == 1
    assert silent.getvalue() == ""


@pytest_twisted.ensureDeferred
async def test_no_configuration(tmp_path: Path) -> None:
    async def alone(*arguments: Any) -> Finished:
        raise AssertionError(arguments)

    out, err = StringIO(), StringIO()
    config = tmp_path / "none.json"
    assert (
        await tool.run(config, ORDER, reactor, out, err, fallback=alone)
        == ExitStatus.CONFIG
    )
    assert str(config) in err.getvalue()


# The program


def change(world: World, password: str) -> tuple[int, str]:
    status, out, err = forked.run(
        "pexschedd.tools.start:password",
        ["--config", str(world.config)],
        cwd=world.folder,
        text=password,
    )
    return status, out + err


def test_whole(tmp_path: Path) -> None:
    """With the daemon and without it, when there are no sockets of systemd either: the
    old password counts no more, at once; what will not do changes nothing; nothing of
    it is in the log."""
    with World(tmp_path) as world:
        first = world.password
        left = world.state / "initial-admin-password"
        assert change(world, "short\n") == (
            2,
            "The new password: This must have 8 to 1024 characters.\n",
        )
        assert world.ask("GET", "configuration/v1/").ok
        assert left.exists()

        status, said = change(world, "the second one\n")
        assert (status, said) == (0, "The administrator's password has been changed.\n")
        assert world.ask("GET", "configuration/v1/").status_code == 401
        world.password = "the second one"
        assert world.ask("GET", "configuration/v1/").ok
        assert not left.exists()

        world.daemon.stop()
        own = world.config.read_text()
        handed = json.loads(own)
        handed["endpoints"]["addin"] = ["systemd:domain=INET6:name=addin"]
        world.config.write_text(json.dumps(handed))
        status, said = change(world, "the third one\n")
        assert status == 0, said
        assert "working on its state folder" in said
        world.config.write_text(own)
        world.daemon.start()
        world.password = "the third one"
        world.wait_for_sign_in()
        log = world.daemon.log.read_text()
    assert "administrator password changed name=admin" in log
    for password in (first, "the second one", "the third one"):
        assert password not in log


def terminal(config: Path, *lines: str) -> tuple[int, str]:
    """Runs the program at a terminal of its own; its status and what is to be seen."""
    ours, theirs = os.openpty()

    def take_terminal() -> None:
        heed_signals()
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--config", str(config)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=take_terminal,
    ) as process:
        os.close(theirs)
        seen = b""
        typed = iter(lines)
        try:
            while select([ours], [], [], PATIENCE)[0]:
                seen += os.read(ours, 4096)
                if seen.endswith(b": "):
                    os.write(ours, next(typed).encode())
            process.kill()  # it waits for something that nobody types
        except OSError:  # the terminal's other side is closed
            pass
        finally:
            os.close(ours)
        return process.wait(PATIENCE), seen.decode()


def test_at_a_terminal(tmp_path: Path) -> None:
    """It is typed twice and not to be seen; Ctrl-C ends it without a traceback."""
    config = tmp_path / "none.json"
    status, seen = terminal(config, "correct horse\n", "correct horse\n")
    assert status == ExitStatus.CONFIG
    assert "New password for admin: " in seen
    assert f"{config}: " in seen  # it has come as far as the configuration
    assert "horse" not in seen

    status, seen = terminal(config, "correct horse\n", "correct house\n")
    assert (status, seen.splitlines()[-1]) == (2, "the two passwords are not the same")

    status, seen = terminal(config, "\x03")
    assert status == 130
    assert "Traceback" not in seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_at_the_terminal(tmp_path: Path, number: int) -> None:
    """The terminal, at which nothing is to be seen meanwhile, has its echo again."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--config", str(tmp_path / "none.json")],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=heed_signals,
        start_new_session=True,
    ) as process:
        try:
            assert select([ours], [], [], PATIENCE)[0]
            assert os.read(ours, 4096) == b"New password for admin: "
            assert not termios.tcgetattr(theirs)[3] & termios.ECHO
            process.send_signal(number)
            process.send_signal(number)
            assert process.wait(PATIENCE) == ExitStatus.STOPPED
            assert termios.tcgetattr(theirs)[3] & termios.ECHO
            assert not select([ours], [], [], 0)[0]  # nothing is said
        finally:
            process.kill()
            os.close(ours)
            os.close(theirs)


def state_without_daemon(folder: Path) -> Path:
    """Make a state folder; return the configuration file of its daemon, which does not
    run."""
    calls = Calls()
    store = Store.open(folder / "state", TABLES, reactor=calls, failed=must_not_fail)
    calls.wait(store.close())
    config = folder / "config.json"
    endpoints = {"addin": ["tcp:0"], "admin": ["tcp:0"]}
    config.write_text(json.dumps({"state_dir": "state", "endpoints": endpoints}))
    return config


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_it_hashes(tmp_path: Path, number: int) -> None:
    """The thread that hashes, in the daemon's place, keeps no stopped process from
    ending: it would hold the state folder, deaf to all signals but SIGKILL."""
    config = state_without_daemon(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--config", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_signals,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"correct horse\n")
        process.stdin.close()
        said = process.stderr.readline()
        process.send_signal(number)
        try:
            status = process.wait(PATIENCE)
        finally:
            process.kill()
        said += process.stderr.read()
    assert said == b"The daemon is not running: working on its state folder.\n"
    assert status == ExitStatus.STOPPED


def test_nothing_to_read(tmp_path: Path) -> None:
    """A closed standard input is like an empty one."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -c "{PROGRAM}" --config none <&-'],
        capture_output=True,
        check=False,
        timeout=PATIENCE,
        text=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (
        2,
        "standard input: its first line must be the password\n",
    )
