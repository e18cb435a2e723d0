"""`pexschedd`, the command that reaches the daemon and all tools."""

import re
import signal
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryFile

import pytest

from pexschedd.tools.main import SUBCOMMANDS, arguments
from pexschedd.tools.version import version_text
from tests import forked
from tests.forked import Forked
from tests.system.system_support import eventually
from tests.tools.entry_points import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
MAIN = COMMANDS["pexschedd"]


def test_each_command_is_a_subcommand() -> None:
    """Nothing that has a name of its own is out of reach."""
    functions = {s.function for s in SUBCOMMANDS.values()} | {"main:main"}
    of_its_own = {resolve_name(each).args[0] for each in COMMANDS.values()}
    assert of_its_own <= functions


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_subcommands_are_there(name: str, tmp_path: Path) -> None:
    """Each function exists, and its help says the command as it is typed."""
    assert callable(resolve_name(f"pexschedd.tools.{SUBCOMMANDS[name].function}"))
    status, out, err = forked.run(MAIN, [name, "--help"], cwd=tmp_path)
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: pexschedd {name} ")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        *((function, ["--version"]) for function in COMMANDS.values()),
        *((MAIN, [name, "--version"]) for name in SUBCOMMANDS),
        (MAIN, ["version"]),
        (forked.TWISTD, ["pexschedd", "--version"]),
    ],
)
def test_every_command_knows_its_version(
    program: str, words: list[str], tmp_path: Path
) -> None:
    """The release, and the format of the state."""
    status, out, err = forked.run(program, words, cwd=tmp_path)
    assert (status, out, err) == (0, f"{version_text()}\n", "")


def test_what_follows_is_the_subcommands_own() -> None:
    """Options after it are not looked at, though they have the same names."""
    asked = arguments(["store", "--version", "--", "-x"])
    assert (asked.subcommand, asked.rest) == ("store", ["--version", "--", "-x"])


@pytest.mark.parametrize("words", [[], ["nothing"], ["--config", "f", "run"]])
def test_wrong_subcommands(words: list[str], tmp_path: Path) -> None:
    """The subcommands are listed, and the status is that of a wrong command line."""
    status, out, err = forked.run(MAIN, words, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert "usage: pexschedd [-h] [--version] COMMAND" in err
    assert "rest" not in err


def test_the_documentation_has_all_subcommands() -> None:
    """docs/operations.md lists them, with the other name of each."""
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| `pexschedd (\S+)` \|.*\| `(\S+)", text, re.MULTILINE)
    assert [name for name, _ in rows] == [*SUBCOMMANDS]
    assert set(COMMANDS) <= {other.strip("`") for _, other in rows} | {"pexschedd"}


def config_file(folder: Path) -> Path:
    file = folder / "config.json"
    file.write_text(
        '{"state_dir": "state", "endpoints": {"addin": ["tcp:0:interface=127.0.0.1"],'
        ' "admin": ["tcp:0:interface=127.0.0.1"]}}'
    )
    return file


@pytest.mark.parametrize("cwd", ["/proc", "."])
@pytest.mark.parametrize(
    ("program", "words"), [(MAIN, ["run"]), (forked.TWISTD, ["-n", "pexschedd"])]
)
def test_it_runs_wherever_it_is_started(
    program: str, words: list[str], cwd: str, tmp_path: Path
) -> None:
    """In a folder where nobody may make a file, and without leaving one elsewhere."""
    started = tmp_path / "started"
    started.mkdir()
    config = config_file(tmp_path)
    with TemporaryFile("w+") as log:
        process = Forked(
            program,
            [*words, "--config", str(config)],
            cwd=started / cwd,
            stdout=log,
            stderr=log,
        )
        password = tmp_path / "state" / "initial-admin-password"
        eventually(lambda: password.exists() or process.poll() is not None, "a start")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
        log.seek(0)
        assert "Traceback" not in log.read()
    assert list(started.iterdir()) == []


def test_a_file_with_the_number_is_left_if_asked_for(tmp_path: Path) -> None:
    """As with any other plugin of twistd's."""
    config = config_file(tmp_path)
    number = tmp_path / "number.pid"
    words = ["-n", f"--pidfile={number}", "pexschedd", "--config", str(config)]
    with TemporaryFile("w+") as log:
        process = Forked(forked.TWISTD, words, cwd=tmp_path, stdout=log, stderr=log)
        eventually(lambda: number.exists() or process.poll() is not None, "the file")
        eventually(lambda: number.read_text() != "", "the number")
        assert number.read_text() == str(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
