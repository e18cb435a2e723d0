"""Files that others may read or change keep the daemon from starting."""

import os
import pwd
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from pexschedd.composition.permissions import permission_problems
from pexschedd.config import Config
from pexschedd.daemon_options import DaemonOptions
from pexschedd.tools.exit_status import ExitStatus

SOMEBODY = 12345
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(
        '{"state_dir": "state", "endpoints": {"addin": ["tcp:0"], "admin": ["tcp:0"]},'
        ' "policy": {"username": "node", "password_file": "it is a secret"}}'
    )
    path.chmod(0o644)
    (tmp_path / "it is a secret").write_text("geheim\n")
    (tmp_path / "it is a secret").chmod(0o600)
    (tmp_path / "ca.pem").write_text("")
    (tmp_path / "ca.pem").chmod(0o644)
    (tmp_path / "key.pem").write_text("")
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "administrators.json").write_text("{}")
    (tmp_path / "state" / "format.json").write_text("{}")
    (tmp_path / "state" / "format.json").chmod(0o600)
    return path


def config_of(file: Path) -> Config:
    folder = file.parent
    return Config(
        state_dir=folder / "state",
        addin_endpoints=(f"ssl:443:privateKey={folder}/key.pem:certKey=c.pem",),
        admin_endpoints=("tcp:1",),
        policy_password_file=folder / "it is a secret",
        ca_file=folder / "ca.pem",
    )


def problems(file: Path, user: int | None = None) -> list[str]:
    user = os.geteuid() if user is None else user
    return list(permission_problems(config_of(file), file, user))


def mend(file: Path) -> None:
    """Runs the commands that the problems name, as an administrator would."""
    for problem in problems(file):
        command = problem.split("Run: ")[1].split("; and think")[0]
        subprocess.run(["/bin/sh", "-c", command], check=True)


def test_what_is_closed_is_accepted(file: Path) -> None:
    """A usual installation, and a state folder that is not there yet."""
    assert problems(file) == []
    os.rename(file.parent / "state", file.parent / "other")
    assert problems(file) == []


@pytest.mark.parametrize(
    ("name", "mode", "words"),
    [
        ("it is a secret", 0o644, "policy.password_file: .* others may read it"),
        ("it is a secret", 0o604, "others may read it"),
        ("it is a secret", 0o620, "others may write it"),
        ("key.pem", 0o644, r"endpoints.addin\[0\], the private key: .* read it"),
        ("config.json", 0o646, "the configuration file: .* others may write it"),
        ("ca.pem", 0o666, "ca_file: .* others may write it"),
        ("state", 0o770, "state_dir: .* others may change what is in it"),
        ("state", 0o707, "state_dir: .* others may change what is in it"),
        ("state", 0o755, "state_dir: others may read .*administrators.json"),
    ],
)
def test_what_is_open_is_named_with_the_command(
    file: Path, name: str, mode: int, words: str
) -> None:
    """Each is said with its place, and the command in it mends it."""
    (file.parent / name).chmod(mode)
    (file.parent / "state" / "administrators.json").chmod(0o644)
    found = problems(file)
    with pytest.raises(ValueError, match=words):
        raise ValueError("\n".join(found))
    mend(file)
    assert problems(file) == []


def test_a_folder_that_may_be_entered_needs_closed_files(file: Path) -> None:
    """Mode 0755 is enough where all that is kept in it is closed to others."""
    state = file.parent / "state"
    state.chmod(0o755)
    (state / "administrators.json").chmod(0o600)
    (state / "journal").mkdir(mode=0o700)
    (state / "journal" / "00000001.jsonl").write_text("")
    assert problems(file) == []
    (state / "journal").chmod(0o755)
    (state / "journal" / "00000001.jsonl").chmod(0o640)
    assert "00000001.jsonl" in problems(file)[0]


def test_what_is_no_state_folder(file: Path) -> None:
    """No command is proposed for it: it might be the system's root folder."""
    other = file.parent / "other"
    other.mkdir()
    (other / "passwords.json").write_text("{}")
    (other / "passwords.json").chmod(0o644)
    other.chmod(0o777)
    config = replace(config_of(file), state_dir=other)
    (problem,) = permission_problems(config, file, os.geteuid())
    assert "if this was no state folder, use one of its own" in problem
    assert "chmod" not in problem


def test_no_command_would_change_the_systems_files(file: Path) -> None:
    """Of a file that the configuration names by mistake only the reason is given."""
    file.chmod(0o600)
    secret = Path("/etc/passwd")
    config = replace(config_of(file), policy_password_file=secret)
    (problem,) = permission_problems(config, file, 0)
    assert problem == (
        "policy.password_file: /etc/passwd has mode 0644, so others may read it. "
        "Use another one; and think about who may have read it"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ca.pem", "ca.pem is not a folder"),
        ("ca.pem/state", "is below what is not a folder"),
        ("dangling", "is a link to a folder that is not there"),
        ("everybodys", "so others may change what is in it. Use another one"),
    ],
)
def test_what_can_be_no_state_folder(file: Path, name: str, words: str) -> None:
    """The start would fail in vain again and again, so the configuration is wrong."""
    (file.parent / "dangling").symlink_to("nowhere")
    (file.parent / "everybodys").mkdir()
    (file.parent / "everybodys").chmod(0o1777)
    config = replace(config_of(file), state_dir=file.parent / name)
    (problem,) = permission_problems(config, file, os.geteuid())
    assert problem.startswith(f"state_dir: {file.parent}/")
    assert words in problem


def test_a_home_is_no_state_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's is refused; what programs leave in the home of a service's user is
    not in the way."""
    home = file.parent / "home"
    home.mkdir(mode=0o700)
    config = replace(config_of(file), state_dir=home)
    (home / ".bash_history").write_text("")
    (home / ".cache").mkdir()
    assert list(permission_problems(config, file, os.geteuid())) == []
    users = [pwd.struct_passwd(("service", "x", 999, 1, "", str(home), "/bin/sh"))]
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    assert list(permission_problems(config, file, os.geteuid())) == []
    users += [pwd.struct_passwd(("bob", "x", 1000, 1, "", str(home), "/bin/sh"))]
    (problem,) = permission_problems(config, file, os.geteuid())
    assert "is the home of bob" in problem
    (home / ".bashrc").write_text("")
    (problem,) = permission_problems(config, file, os.geteuid())
    assert "'.bashrc' is in it" in problem


def test_without_a_state_folder(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the setting is no path, the folder of the process is not taken for it."""
    monkeypatch.chdir(file.parent)
    file.write_text(file.read_text().replace('"state"', "7"))
    with pytest.raises(SystemExit):
        DaemonOptions().parseOptions(["--config", str(file)])
    said = capsys.readouterr().err
    assert "state_dir must be a path" in said
    assert "chmod" not in said


@needs_root
def test_a_group_may_read_what_belongs_to_root(file: Path) -> None:
    """root:group 0640 is accepted, somebody else's 0640 is not."""
    secret = file.parent / "it is a secret"
    secret.chmod(0o640)
    os.chown(secret, 0, SOMEBODY)
    assert problems(file) == []
    os.chown(secret, SOMEBODY, SOMEBODY)
    (problem,) = problems(file)
    assert "chmod 600" in problem


@needs_root
@pytest.mark.parametrize(
    "change", [lambda path: None, lambda path: os.chown(path, SOMEBODY, 0)]
)
def test_only_the_daemons_user_and_root_may_own_it(
    file: Path, change: Callable[[Path], None]
) -> None:
    """Another user's files are refused, with the command that gives them to the
    daemon's."""
    change(file.parent / "state")
    change(file.parent / "key.pem")
    changed = (file.parent / "state").stat().st_uid == SOMEBODY
    found = problems(file, user=1)
    assert len(found) == (2 if changed else 0)
    if changed:
        key, state = found
        name = pwd.getpwuid(1).pw_name
        assert f"Run: chown {name} " in key
        assert f"/state belongs to {SOMEBODY}: run this as {SOMEBODY}. For" in state
        assert f"a daemon of {name}: chown -R {name} " in state


def test_twistd_refuses_to_start(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check is a part of reading the configuration, with all other errors."""
    (file.parent / "it is a secret").chmod(0o644)
    (file.parent / "state").chmod(0o777)
    options = DaemonOptions()
    with pytest.raises(SystemExit) as caught:
        options.parseOptions(["--config", str(file)])
    assert caught.value.code == ExitStatus.CONFIG
    said = capsys.readouterr().err
    assert f"'{file.parent}/it is a secret'; and think about" in said
    assert f"chmod 700 {file.parent}/state" in said


def test_what_a_collector_is_sent_is_a_secret(file: Path) -> None:
    """Its file is looked at like one with a password."""
    headers = file.parent / "trace-headers"
    headers.write_text("Authorization: Bearer geheim\n")
    headers.chmod(0o644)
    config = replace(config_of(file), traces_headers_file=headers)
    found = list(permission_problems(config, file, os.geteuid()))
    is_root = os.geteuid() == 0
    assert [each.split(":")[0] for each in found] == ["traces.headers_file"]
    assert f"chmod {'640' if is_root else '600'} {headers}" in found[0]
