"""The life of a Debian package, from its installation to its purge.

    python -m tests.deploy.debian_life ROOT PACKAGE NEWER_PACKAGE

deploy/debian/check.sh runs it in a fresh root, where nothing else listens and systemd
is the real one. The sandbox Exchange and an organizer are outside of it, and meet the
daemon on the loopback address.
"""

import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pexschedd.tools.version import version_text
from tests.deploy.debian_installation import (
    CONFIG,
    STATE,
    STORE,
    Installation,
    InstalledWorld,
)
from tests.deploy.debian_supervision import has_what_was_enabled, play_supervision
from tests.system.organizer_support import Organizer, organizer
from tests.system.system_support import ALICE, World, eventually

PROGRAMS = "opt/pexschedd"
NEWER = "99.0.0"
AS_DAEMON = ("setpriv", "--reuid=pexschedd", "--regid=pexschedd", "--clear-groups")
MINUTE = timedelta(minutes=1)


def main() -> int:
    """Play it; every step is one line."""
    root = Installation(Path(sys.argv[1]))
    package, newer = map(Path, sys.argv[2:])
    root.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            play(InstalledWorld(Path(folder), root), root, package, newer)
    except BaseException:
        tell(root.journal())
        raise
    finally:
        root.close()
    return 0


def play(world: InstalledWorld, root: Installation, package: Path, newer: Path) -> None:
    """Install, use, upgrade, roll back, restore, remove and purge."""
    root.install(package)
    look_around(root)
    with world, organizer(world.exchange, ALICE) as alice:
        tell(f"{package.name} is installed, and the daemon answers")
        world.create_integration()
        alias = accepted(world, alice, "Before the upgrade")
        tell("an integration was made, and a meeting was accepted")

        play_supervision(world, root)
        assert is_open(world, alias)
        tell("systemd confines, reloads and restarts it, and hands it a key and a port")

        root.configure(log={"level": "warn"})
        before = root.shown("MainPID")
        root.install(newer)
        assert root.shown("MainPID") not in (before, "0")
        assert f"pexschedd {NEWER}, " in root.run("pexschedd", "--version")
        assert json.loads(world.config.read_text())["log"] == {"level": "warn"}
        world.wait_for_sign_in()
        has_what_was_enabled(world, root)
        assert is_open(world, alias)
        later = accepted(world, alice, "After the upgrade")
        assert root.has(f"{STATE}/backups/before-{NEWER}/format.json")
        tell("it was upgraded: the state, the changed configuration and meetings go on")

        root.install(package, "apt install --allow-downgrades")
        assert root.run("pexschedd", "--version") == f"{version_text()}\n"
        world.wait_for_sign_in()
        has_what_was_enabled(world, root)
        assert is_open(world, alias)
        assert is_open(world, later)
        tell("the release before was installed again: both rooms are open")

        archive = "/tmp/state.tar.gz"  # noqa: S108 - in a root of its own
        root.run(*STORE, "archive", archive)
        world.daemon.stop()
        for each in world.state.iterdir():
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        root.run(*STORE, "restore", archive)
        world.daemon.start()
        world.wait_for_sign_in()
        assert is_open(world, alias)
        tell("the state was lost and restored from its archive: the room is open")

        root.run_documented("apt remove")
        assert root.shown("ActiveState") == "inactive"
        assert not root.has(PROGRAMS)
        assert not root.has("usr/bin/pexschedd")
        assert root.has(CONFIG)
        assert root.has(f"{STATE}/format.json")
        root.install(newer)
        world.wait_for_sign_in()
        has_what_was_enabled(world, root)
        assert is_open(world, alias)
        tell("it was removed and installed again: the room is open")

    root.run_documented("apt purge")
    for path in (STATE, PROGRAMS, CONFIG):
        assert not root.has(path), path
    own = {path.name for path in (root.path / CONFIG).parent.iterdir()}
    assert own == {"secret-key.cred", "key.pem", "chain.pem"}
    assert "pexschedd" not in (root.path / "etc" / "passwd").read_text()
    named = (root.path / "etc" / "systemd").rglob("pexschedd*")
    assert [path for path in named if path.is_symlink()] == []
    assert "Traceback" not in root.journal()
    failed = root.run("systemctl", "--failed", "--no-legend", "--no-pager")
    assert "pexschedd" not in failed
    tell("it was purged: nothing is left but the files of others")


def look_around(root: Installation) -> None:
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
    assert "\n.SH BACKUP\n" in page
    assert "\\-\\-keep COUNT" in page
    completion = "/usr/share/bash-completion/completions/pexschedd"
    for typed, offered in (
        ("pexschedd check", "check-config"),
        ("pexschedd store v", "verify"),
        ("pexschedd doctor --mig", "--migrate"),
        ("pexschedd-store --state", "--state-dir"),
        ("pexschedd-store --config FILE backup --ke", "--keep"),
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
    assert (documents / "requirements" / "kerberos.txt").is_file()
    for name in ("nginx/pexschedd.conf", "prometheus/pexschedd.rules.yml"):
        assert (documents / "examples" / name).is_file(), name
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


def tell(step: str) -> None:
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
