"""The first step of every `make`: an environment, or one line that says what is
missing. And the parts of `make test`, with a pretended Python."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).resolve().parents[1] / "Makefile"
STAMP = ".venv/venv.stamp"

OLD = """#!/bin/sh
[ "$1" = --version ] && echo "Python 3.9.2" && exit
exit 1
"""
WITHOUT_VENV = f"""#!/bin/sh
case "$*" in *ensurepip*) exit 1;; esac
exec {sys.executable} "$@"
"""
BROKEN_VENV = f"""#!/bin/sh
[ "$2" = venv ] && {sys.executable} -m venv --without-pip .venv && exit 1
exec {sys.executable} "$@"
"""
WITH_A_PIP = f"""#!/bin/sh
[ "$2" = venv ] || exec {sys.executable} "$@"
{sys.executable} "$@" --without-pip && touch "$(echo $4/lib/*/*)/pip.py"
"""
"""Python's own one takes four seconds to be unpacked."""


def make(
    folder: Path, *arguments: str, target: str = STAMP
) -> "subprocess.CompletedProcess[str]":
    """Run `make` in a folder, with nothing of the one that runs the tests."""
    apart = {
        k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))
    }
    return subprocess.run(
        ["make", "--no-print-directory", target, *arguments],
        cwd=folder,
        env=apart,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def program(folder: Path, script: str) -> Path:
    """One that is called python."""
    python = folder / "python"
    python.write_text(script)
    python.chmod(0o755)
    return python


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    shutil.copy(MAKEFILE, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (OLD, "is Python 3.9.2, and Python 3.11 to 3.14 is needed"),
        (WITHOUT_VENV, "Run: apt-get install python3-venv"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    clone: Path, script: str, said: str
) -> None:
    """And nothing is left that the next `make` would stumble over."""
    python = program(clone, script)
    done = make(clone, f"PYTHON={python}")
    lines = done.stderr.splitlines()
    assert done.returncode != 0
    assert (len(lines), said in lines[0]) == (2, True), lines  # the last one is make's
    assert not (clone / ".venv").exists()


def test_no_python_at_all(clone: Path) -> None:
    """It is named, and what would do."""
    done = make(clone, "PYTHON=no-such-python")
    assert "There is no no-such-python: install Python 3.11 to 3.14" in done.stderr


def test_an_environment_without_pip_is_made_again(clone: Path) -> None:
    """As after the installation of python3-venv: without `make clean`."""
    python = program(clone, BROKEN_VENV)
    assert make(clone, f"PYTHON={python}").returncode != 0
    assert not (clone / ".venv").exists()
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=clone, check=True
    )
    done = make(clone, f"PYTHON={program(clone, WITH_A_PIP)}")
    assert (done.returncode, done.stderr) == (0, "")
    pip = [str(clone / ".venv/bin/python"), "-m", "pip", "--version"]
    subprocess.run(pip, check=True, capture_output=True)
    kept = clone / ".venv" / "kept"
    kept.touch()
    (clone / STAMP).unlink()
    assert make(clone, "PYTHON=no-such-python").returncode == 0
    assert kept.exists()


@pytest.mark.parametrize("part", ["pages", "servers", "others"])
def test_a_part_fails_with_its_tests(clone: Path, part: str) -> None:
    """Although what they say goes through another program, which names the part."""
    programs = clone / ".venv/bin"
    programs.mkdir(parents=True)
    program(programs, "#!/bin/sh\necho 1 failed\nexit 1\n")
    stamps = [
        clone / STAMP,
        *(programs.parent / f"{name}.stamp" for name in ("run", "dev")),
    ]
    locks = [
        clone / "requirements" / f"{name}.txt" for name in ("build", "demo", "dev")
    ]
    locks[0].parent.mkdir()
    for file in (*locks, clone / "pyproject.toml", clone / "setup.cfg", *stamps):
        file.touch()
    done = make(clone, target=f"test-{part}")
    assert (done.returncode, done.stdout) == (2, f"{part}: 1 failed\n"), done.stderr


def test_every_folder_of_tests_is_in_one_part(clone: Path) -> None:
    """Those that a part names are there, and the last part has all others."""
    told = make(clone, "-n", "-o", ".venv/dev.stamp", target="test-others").stdout
    ignored = re.findall(r"--ignore=(\S+)", told)
    named = [
        folder
        for part in ("pages", "servers")
        for folder in re.findall(
            r" (tests/\S+)",
            make(clone, "-n", "-o", ".venv/dev.stamp", target=f"test-{part}").stdout,
        )
    ]
    assert "-q tests --ignore" in told
    assert sorted(ignored) == sorted(named) == sorted(set(named))
    assert [name for name in named if not (MAKEFILE.parent / name).is_dir()] == []
