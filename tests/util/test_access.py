"""The commands that let a user at a file."""

import errno
import os
from pathlib import Path

import pytest

from pexschedd.util.access import (
    is_foreign,
    output_text,
    permission_text,
    reason_of,
    user_name,
)

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


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/srv",
        "/etc",
        "/etc/shadow",
        "/etc/ssl/private/key.pem",
        "/etc/pexip",
        "/usr/bin/pexschedd",
        "/root",
        "/root/pexschedd-support.tar.gz",
        "/proc/1/environ",
        "/dev/null",
        "/dev/shm",  # noqa: S108
        "/home/alice",
        "/home/alice/private/key.pem",
        "/var/lib/private/service",
        "/var/lib/apt/lists/partial",
        "/var/log/btmp",
        "/var/lib",
        "/var/backups",
        "/run/credentials",
        "/tmp",  # noqa: S108
        "/var/lib/../../etc",
    ],
)
def test_what_is_the_systems_or_a_persons(path: str) -> None:
    """No command changes it, whether it is there or not, nor the way to it."""
    assert is_foreign(Path(path))
    texts = [
        permission_text(Path(path), NOBODYS, everywhere),
        permission_text(Path(path) / "x", NOBODYS, lambda at: at != Path(path)),
    ]
    for text in texts:
        assert "chown" not in text
        assert "chmod" not in text
        assert "install" not in text or "/etc/pexip/" in text  # may be made


@pytest.mark.parametrize(
    "path",
    [
        "/etc/pexip/scheduling/policy-password",
        "/var/lib/pexschedd",
        "/srv/pexschedd",
        "/opt/pexschedd/state",
        "/var/lib/pexip/scheduling/state",
        "/data/state",
    ],
)
def test_what_may_be_a_services_own(path: str) -> None:
    assert not is_foreign(Path(path))


def test_what_is_for_everybody(tmp_path: Path) -> None:
    """Nor does a command change a folder for all users, what is no file, or what a
    link leads to."""
    everybodys = tmp_path / "tmp"
    everybodys.mkdir()
    everybodys.chmod(0o1777)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for name in ("tmp", "pipe", "link"):
        assert is_foreign(tmp_path / name)
    assert not is_foreign(tmp_path)


def test_where_an_output_may_not_be(tmp_path: Path) -> None:
    """Nothing is to be changed for it: another place will do."""
    said = output_text(tmp_path / "b.tgz")
    assert said.startswith("Permission denied, for ")
    assert f"may not write to {tmp_path}. Choose another place" in said
    said = output_text(tmp_path / "a" / "b.tgz", lambda at: at != tmp_path)
    assert f"may not enter {tmp_path}. Choose another place" in said
    said = output_text(tmp_path / "a" / "b" / "c.tgz", everywhere)
    assert f"may not write to {tmp_path}. Choose" in said  # the first that is there
    assert "chown" not in said


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
def test_other_reasons_stay_as_they_are(
    error: OSError, said: str, tmp_path: Path
) -> None:
    """Only for permissions is there a command."""
    assert said in reason_of(error, tmp_path)
