"""Which program has written something: what its code says, not its version."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pexschedd
from pexschedd.store.hints import code_fingerprint

PACKAGE = Path(pexschedd.__file__).parent
DIGEST = "from pexschedd.store.hints.code_fingerprint import digest; print(digest())"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Another installation of the same program."""
    copy = tmp_path / "pexschedd"
    copy.mkdir()
    shutil.copy(PACKAGE / "__init__.py", copy)
    without = shutil.ignore_patterns("__pycache__")
    for name in ("model", "store"):
        shutil.copytree(PACKAGE / name, copy / name, ignore=without)
    return copy


def digest_of(package: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        cwd=package.parent,
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def test_the_same_anywhere(copied: Path) -> None:
    """It is not about where the files are, nor about what Python leaves beside them."""
    assert digest_of(copied) == code_fingerprint.digest()
    assert compileall.compile_dir(copied, quiet=1)
    assert digest_of(copied) == code_fingerprint.digest()


@pytest.mark.parametrize(
    "name", ["model/tables.py", "model/fields/declaration.py", "store/index.py"]
)
def test_another_with_other_code(copied: Path, name: str) -> None:
    """Whatever version it has: the key of an index may have changed."""
    with (copied / name).open("a") as file:
        file.write("# changed\n")
    assert digest_of(copied) != code_fingerprint.digest()


def test_the_same_with_other_pages(copied: Path) -> None:
    """What has nothing to do with records makes no other program of it."""
    (copied / "__init__.py").write_text('__version__ = "99"\n')
    assert digest_of(copied) == code_fingerprint.digest()


def test_without_source(copied: Path) -> None:
    """Where only compiled code is installed that is what counts."""
    compiled = [compiled_only(copied), compiled_only(copied, "CHANGED = 1\n")]
    assert len({code_fingerprint.digest(), *compiled}) == 3


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no Linux")
def test_a_file_that_cannot_be_read(copied: Path) -> None:
    """Such as what another user's editor leaves beside the code: no error."""
    # Even root cannot read the beginning of it.
    (copied / "store" / ".tables.py.swp").symlink_to("/proc/self/mem")
    assert digest_of(copied) == ""


def compiled_only(package: Path, more: str = "") -> str:
    place = package.parent / f"compiled{len(more)}"
    shutil.copytree(package, place / "pexschedd")
    with (place / "pexschedd" / "model" / "tables.py").open("a") as file:
        file.write(more)
    assert compileall.compile_dir(place, legacy=True, quiet=1, stripdir=place)
    for source in place.rglob("*.py"):
        source.unlink()
    return digest_of(place / "pexschedd")
