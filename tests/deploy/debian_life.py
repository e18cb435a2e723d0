"""The life of a Debian package, from its installation to its purge.

    python -m tests.deploy.debian_life ROOT PACKAGE NEWER_PACKAGE

deploy/debian/check.sh runs it in a fresh root, where nothing else listens. The sandbox
Exchange and an organizer are outside of it, and meet the daemon on the loopback
address.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pexschedd.tools.version import version_text
from tests.system.organizer_support import Organizer, organizer
from tests.system.system_support import ALICE, Twistd, World, eventually

CONFIG = "etc/pexip/scheduling/scheduling_config.json"
STATE = "var/lib/pexschedd"
PROGRAMS = "opt/pexschedd"
NEWER = "99.0.0"
AS_DAEMON = ("setpriv", "--reuid=pexschedd", "--regid=pexschedd", "--clear-groups")
MINUTE = timedelta(minutes=1)


HERE = Path(__file__).resolve().parents[2]
APT = """\
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
"""
"""Settings for a root without a terminal and a mirror: nothing can be asked, and what
is recommended cannot be had."""


class Root:
    """A root of Debian, and commands in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "run" / "systemd" / "system").mkdir(parents=True)
        shutil.copy(HERE / "deploy" / "debian" / "systemctl", path / "usr" / "bin")
        (path / "etc" / "apt" / "apt.conf.d" / "check").write_text(APT)
        # It need not outlive a power failure.
        (path / "etc" / "dpkg" / "dpkg.cfg.d" / "check").write_text("force-unsafe-io\n")

    def run(self, *command: str, status: int = 0) -> str:
        """Return all that a command says. It has to end with the status."""
        done = subprocess.run(
            ["chroot", str(self.path), *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == status, (command, done.returncode, done.stdout)
        return done.stdout

    def install(self, package: Path) -> None:
        """Install a package by the command that docs/operations.md gives."""
        folder = self.path / "dist"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(package, folder)
        (release,) = re.findall(r"\+(deb\d+)_", package.name)
        said = self.run_documented("apt install", deb12=release)
        assert "dpkg: warning" not in said, said
        assert "did not start" not in said, said

    def run_documented(self, beginning: str, **changed: str) -> str:
        """Run the command of docs/operations.md that begins so, with some words
        changed."""
        page = (HERE / "docs" / "operations.md").read_text()
        (line,) = re.findall(rf"^{beginning} .*$", page, re.MULTILINE)
        for old, new in changed.items():
            line = line.replace(old, new)
        return self.run("sh", "-euc", line)

    def has(self, path: str) -> bool:
        return (self.path / path).exists()

    def asked(self) -> list[str]:
        """What systemctl was asked to do with the daemon, since the last look."""
        asked = self.path / "run" / "systemctl.asked"
        lines = asked.read_text().splitlines() if asked.exists() else []
        asked.write_text("")
        words = [set(line.split()) for line in lines]
        return [
            action
            for line in words
            for action in ("start", "stop")
            if {action, "pexschedd.service"} <= line
        ]


class Service(Twistd):
    """The installed daemon, started and stopped as systemd would."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def start(self) -> None:
        self._root.run("systemctl", "start", "pexschedd.service")

    def stop(self, *_: object) -> None:
        self._root.run("systemctl", "stop", "pexschedd.service")


class InstalledWorld(World):
    """A sandbox Exchange, and the daemon of the package as it was installed."""

    def __init__(self, folder: Path, root: Root) -> None:
        super().__init__(folder)
        self.addin, self.admin = (f"http://127.0.0.1:{port}" for port in (8080, 8081))
        self.state = root.path / STATE
        self.config = root.path / CONFIG
        self.daemon = Service(root)


def main() -> int:
    """Play it; every step is one line."""
    root = Root(Path(sys.argv[1]))
    package, newer = map(Path, sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        play(InstalledWorld(Path(folder), root), root, package, newer)
    return 0


def play(world: World, root: Root, package: Path, newer: Path) -> None:
    """Install, use, upgrade, restore, remove and purge."""
    root.install(package)
    assert root.asked() == ["start"]
    look_around(root)
    with world, organizer(world.exchange, ALICE) as alice:
        tell(f"{package.name} is installed, and the daemon answers")
        world.create_integration()
        alias = accepted(world, alice, "Before the upgrade")
        tell("an integration was made, and a meeting was accepted")

        change_log_level(world.config)
        root.run("systemctl", "start", "pexschedd-backup")
        assert [*(world.state / "backups").iterdir()]
        root.asked()
        root.install(newer)
        assert root.asked() == ["stop", "start"]
        assert f"pexschedd {NEWER}, " in root.run("pexschedd", "--version")
        assert json.loads(world.config.read_text())["log"] == {"level": "warn"}
        world.wait_for_sign_in()
        assert is_open(world, alias)
        accepted(world, alice, "After the upgrade")
        tell("it was upgraded: the state, the changed configuration and meetings go on")

        archive = "/tmp/state.tar.gz"  # noqa: S108 - in a root of its own
        store = ("pexschedd", "store", "--config", f"/{CONFIG}")
        root.run(*store, "archive", archive)
        world.daemon.stop()
        for each in world.state.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        root.run(*store, "restore", archive)
        world.daemon.start()
        world.wait_for_sign_in()
        assert is_open(world, alias)
        tell("the state was lost and restored from its archive: the room is open")

        root.asked()
        root.run_documented("apt remove")
        assert root.asked() == ["stop"]
        assert not root.has(PROGRAMS)
        assert not root.has("usr/bin/pexschedd")
        assert root.has(CONFIG)
        assert root.has(f"{STATE}/secret.key")
        root.install(newer)
        world.wait_for_sign_in()
        assert is_open(world, alias)
        tell("it was removed and installed again: the room is open")

    root.run_documented("apt purge")
    for path in (STATE, PROGRAMS, CONFIG, "etc/pexip"):
        assert not root.has(path), path
    assert "pexschedd" not in (root.path / "etc" / "passwd").read_text()
    links = [*(root.path / "etc" / "systemd").rglob("pexschedd*")]
    assert links == []
    assert "Traceback" not in (root.path / "run" / "pexschedd.service.log").read_text()
    tell("it was purged: nothing is left")


def look_around(root: Root) -> None:
    """Commands, files, owners and documents are as docs/operations.md says."""
    assert root.run("pexschedd", "--version") == f"{version_text()}\n"
    root.run(*AS_DAEMON, "pexschedd", "check-config")
    root.run("pexschedd", "check-config", "--config", "/etc/passwd", status=78)
    assert "exchangesandbox" not in root.run("/opt/pexschedd/bin/twistd", "--help")
    assert (
        root.run("stat", "-c", "%U:%G %a", f"/{STATE}") == "pexschedd:pexschedd 700\n"
    )
    assert root.run("dpkg", "--verify", "pexschedd") == ""
    page = root.run("zcat", "/usr/share/man/man8/pexschedd-store.8.gz")
    assert ".SH SYNOPSIS" in page
    assert "restore" in page
    completion = "/usr/share/bash-completion/completions/pexschedd"
    for typed, offered in (
        ("pexschedd check", "check-config"),
        ("pexschedd store v", "verify"),
        ("pexschedd doctor --mig", "--migrate"),
        ("pexschedd-store --state", "--state-dir"),
    ):
        words = typed.split()
        said = root.run(
            "bash",
            "-c",
            f"source {completion}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; "
            f'_pexschedd {words[0]}; echo "${{COMPREPLY[*]}}"',
        )
        assert said == f"{offered}\n", (typed, said)
    wants = root.path / "etc" / "systemd" / "system"
    names = {path.name for path in wants.rglob("pexschedd*") if path.is_symlink()}
    assert names == {"pexschedd.service", "pexschedd-backup.timer"}
    documents = root.path / "usr" / "share" / "doc" / "pexschedd"
    bom = json.loads((documents / "sbom.cdx.json").read_text())
    listed = {(each["name"], each["version"]) for each in bom["components"]}
    assert "twisted" in dict(listed)
    assert "pytest" not in dict(listed)
    for name, version in listed:
        assert f"{version}: " in (documents / "copyright").read_text(), name


def accepted(world: World, alice: Organizer, subject: str) -> str:
    """Send a meeting that begins now, and wait for its answer; return its alias."""
    before = len(alice.answers())
    details = world.meeting_details(world.token()).json()["result"]
    start = datetime.now(UTC).replace(microsecond=0)
    body = f"<html><body>{details['instructions']}</body></html>"
    alice.invite(subject, start, start + 60 * MINUTE, body)
    answers = eventually(lambda: alice.answers()[before:], "the answer")
    assert [kind for kind, _ in answers] == ["IPM.Schedule.Meeting.Resp.Pos"]
    (alias,) = (
        each["alias"]
        for each in world.objects("scheduled_alias")
        if f"PXPS:-{each['uuid']}#" == details["alias_id"]
    )
    assert is_open(world, alias)
    return str(alias)


def is_open(world: World, alias: str) -> bool:
    return bool(world.policy(alias)["action"] == "continue") and bool(
        world.policy(alias)["result"]
    )


def change_log_level(config: Path) -> None:
    """As an administrator does: upgrades have to keep it."""
    content = json.loads(config.read_text())
    config.write_text(json.dumps(content | {"log": {"level": "warn"}}))


def tell(step: str) -> None:
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
