"""The commands that let a user at a file."""

import errno
import os
from pathlib import Path

import pytest

from pexschedd.util.access import permission_text, reason_of, user_name

NOBODYS = 4_000_000
"""A user id without a name."""


def everywhere(folder: Path) -> bool:
    return True


def test_the_owner_of_what_is_there_is_changed(tmp_path: Path) -> None:
    """With the path quoted where a shell would divide it."""
    file = tmp_path / "the key.pem"
    file.write_text("")
    said = permission_text(file, 0, everywhere)
    assert said == f"Permission denied. Run: chown root '{file}'"


def test_the_first_closed_folder_is_named(tmp_path: Path) -> None:
    """Not the file, which nobody has got to."""
    inner = tmp_path / "a b" / "c"
    inner.mkdir(parents=True)
    said = permission_text(inner / "x", 0, lambda at: at.name != "a b")
    assert said.endswith(f"root may not enter {inner.parent}. Run: chmod a+x "
                         f"'{inner.parent}'")  # fmt: skip


def test_a_folder_that_cannot_be_made_is_made(tmp_path: Path) -> None:
    """By root, for the user."""
    said = permission_text(tmp_path / "state", 0, everywhere)
    assert said.endswith(f"Run: install -d -m 700 -o root {tmp_path / 'state'}")


def test_users_without_a_name() -> None:
    """Are known by their number, which chown takes."""
    assert user_name(NOBODYS) == str(NOBODYS)
    assert user_name(0) == "root"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)), "No such file"),
        (OSError("odd"), "odd"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "Run: chown "),
    ],
)
def test_other_reasons_stay_as_they_are(error: OSError, said: str) -> None:
    """Only for permissions is there a command."""
    assert said in reason_of(error, Path("/"))
