"""The installed service in the hands of systemd: its sandbox, reloads, failures,
credentials and sockets, by the commands of docs/operations.md."""

import json
import re
from contextlib import suppress
from functools import partial

import requests

from pexschedd.tools.exit_status import ExitStatus
from tests.deploy.debian_installation import STATE, STORE, Installation, InstalledWorld
from tests.net.net_support import Authority, dns, ips
from tests.system.system_support import eventually
from tests.system.test_hangup import write
from tests.system.trust_support import alarm_names, secure_sandbox

FOLDER = "etc/pexip/scheduling"
KEY_FILE = "$CREDENTIALS_DIRECTORY/secret-key"


def play_supervision(world: InstalledWorld, root: Installation) -> None:
    """Play it on a daemon that runs; afterwards it runs as before, and has its key from
    a credential and another port from a socket."""
    for step in (
        partial(is_confined, root),
        partial(does_its_errands, root),
        partial(reads_its_settings_again, root),
        partial(is_restarted, world, root),
        partial(is_left_alone, world, root),
        partial(has_its_key_as_a_credential, world, root),
        partial(listens_on_a_socket, world, root),
        partial(opens_its_socket_again, world, root),
        partial(is_worked_on_while_stopped, world, root),
        partial(reaches_exchange_by_tls, world),
    ):
        step()
        # No person starts it as often, and a sixth time in ten seconds is refused.
        root.run("systemctl", "reset-failed", "pexschedd")


def is_confined(root: Installation) -> None:
    """The process is filtered, and may do nothing that others may not."""
    status = root.run("cat", f"/proc/{root.shown('MainPID')}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert fields["Seccomp"] == "2"
    assert fields["NoNewPrivs"] == "1"
    assert int(fields["CapBnd"], 16) == 0
    assert re.fullmatch(
        r"(0 integrations|1 integration), 0 alarms raised", root.shown("StatusText")
    )


def does_its_errands(root: Installation) -> None:
    """Backup and maintenance have a sandbox of their own, and what they need in it."""
    for errand in ("backup", "maintenance"):
        unit = f"pexschedd-{errand}.service"
        root.run("systemctl", "start", unit)
        assert root.shown("Result", unit) == "success"
    assert [*(root.path / STATE / "backups").iterdir()]
    timers = root.run("systemctl", "list-timers", "--no-pager")
    assert "pexschedd-backup.timer" in timers


def reads_its_settings_again(root: Installation) -> None:
    """A reload is heard, and it is the same process that goes on."""
    before = root.shown("MainPID")
    root.configure(log={"level": "debug"})
    root.run("systemctl", "reload", "pexschedd")
    eventually(
        lambda: "configuration reloaded changed=log.level" in root.journal(),
        "the reload",
    )
    assert root.shown("MainPID") == before


def is_restarted(world: InstalledWorld, root: Installation) -> None:
    """One that is killed, and one that hangs for as long as the watchdog waits, begins
    again, and the supervisor says why."""
    root.drop_in("watchdog", "WatchdogSec=2\nRestartSec=0")
    root.run("systemctl", "restart", "pexschedd")
    for signal, restarts in (("KILL", "1"), ("STOP", "2")):
        root.run("systemctl", "kill", f"--signal={signal}", "pexschedd")
        eventually(partial(is_up, root, restarts), "another start")
        world.wait_for_sign_in()
    assert "Watchdog timeout" in root.journal()
    root.drop_in("watchdog", "")


def is_up(root: Installation, restarts: str) -> bool:
    seen = root.shown("NRestarts"), root.shown("ActiveState")
    return seen == (restarts, "active")


def is_left_alone(world: InstalledWorld, root: Installation) -> None:
    """With a configuration that no restart puts right it ends once, and says why."""
    root.configure(state_dir=7)
    root.run("systemctl", "restart", "pexschedd", status=1)
    assert root.ended() == f"exit-code {ExitStatus.CONFIG}"
    assert root.shown("NRestarts") == "0"
    assert "state_dir must be a path" in root.journal()
    root.configure(state_dir=f"/{STATE}")
    world.daemon.start()
    world.wait_for_sign_in()


def has_its_key_as_a_credential(world: InstalledWorld, root: Installation) -> None:
    """systemd seals the key and hands it over; there is none in the state folder, and
    the account of the mailbox signs in as before."""
    root.run_documented("systemd-creds encrypt")
    root.configure(key_file=KEY_FILE)
    root.run_documented("systemctl restart pexschedd\nrm")
    world.wait_for_sign_in()
    world.daemon.stop()
    assert not root.has(f"{STATE}/secret.key")
    assert "is sound" in root.run(*STORE, "verify")
    world.daemon.start()
    world.wait_for_sign_in()
    root.run("systemctl", "start", "pexschedd-maintenance", "pexschedd-backup")


def listens_on_a_socket(world: InstalledWorld, root: Installation) -> None:
    """systemd opens port 443 for it, by the lines that the documents give."""
    authority = Authority("Root")
    folder = root.path / FOLDER
    write(folder, authority.server(dns("localhost")))
    (folder / "cert.pem").rename(folder / "chain.pem")
    for name in ("key.pem", "chain.pem"):
        root.run("chown", "root:pexschedd", f"/{FOLDER}/{name}")
        root.run("chmod", "0640", f"/{FOLDER}/{name}")
    handed = root.documented_json("systemd:")["endpoints"]["addin"]
    endpoints = json.loads(world.config.read_text())["endpoints"]
    endpoints["addin"] += handed
    root.configure(endpoints=endpoints)
    root.run_documented("systemctl stop pexschedd\nsystemctl enable --now")
    world.wait_for_sign_in()
    (world.folder / "root.pem").write_bytes(authority.pem)
    root.run("systemctl", "enable", "--now", "pexschedd-maintenance.timer")
    has_what_was_enabled(world, root)


def opens_its_socket_again(world: InstalledWorld, root: Installation) -> None:
    """Clients of a daemon that cannot start have systemd give up its socket; the next
    start, with a right configuration, has it again."""
    socket = "pexschedd-addin.socket"
    right = world.config.read_text()
    root.configure(state_dir=7)
    root.run("systemctl", "restart", "pexschedd", status=1)
    eventually(partial(is_given_up, root, socket), "the end of the attempts")
    world.config.write_text(right)
    root.run("systemctl", "reset-failed", "pexschedd")
    world.daemon.start()
    world.wait_for_sign_in()
    has_what_was_enabled(world, root)


def is_given_up(root: Installation, socket: str) -> bool:
    """Connect once more; whether systemd takes no connections any more."""
    with suppress(requests.RequestException):
        requests.get("https://localhost/health", timeout=1)
    return root.shown("ActiveState", socket) == "failed"


def is_worked_on_while_stopped(world: InstalledWorld, root: Installation) -> None:
    """Commands do without the daemon's socket, and find copies of its credentials."""
    install = "install -m 0600 /dev/stdin /etc/pexip/scheduling/policy-password"
    root.run("sh", "-euc", f"echo secret | {install}")
    root.run("systemctl", "stop", "pexschedd-addin.socket", "pexschedd")
    root.run("pexschedd", "check-config", status=ExitStatus.CONFIG)
    check = "pexschedd check-config\n"
    said = root.run_documented(
        "export CREDENTIALS_DIRECTORY", **{check: f"{check}schedulingmaintenance\n"}
    )
    assert "is in order" in said
    assert "1 integration processed" in said
    world.daemon.start()
    world.wait_for_sign_in()
    has_what_was_enabled(world, root)
    (root.path / FOLDER / "policy-password").unlink()


def has_what_was_enabled(world: InstalledWorld, root: Installation) -> None:
    """The port of the socket answers with its certificate, and the timer waits."""
    root_pem = str(world.folder / "root.pem")
    answer = requests.get("https://localhost/health", verify=root_pem, timeout=10)
    assert answer.json()["status"] in ("ok", "degraded")
    assert root.shown("ActiveState", "pexschedd-maintenance.timer") == "active"


def reaches_exchange_by_tls(world: InstalledWorld) -> None:
    """A server that is not trusted is refused, and one that is trusted is signed in to:
    both want the library for TLS to do as it likes."""
    authority = Authority("Internal root")
    server = authority.server(ips("127.0.0.1"))
    with secure_sandbox(world.folder / "secure", server) as port:
        secure = f"https://127.0.0.1:{port}"
        location = world.create_integration(
            name="Branch",
            url=f"{secure}/EWS/Exchange.asmx",
            room_mailbox_email_address="other@example.test",
            scheduled_alias_prefix="777",
            domains=[{"domain": f"{secure}/autodiscover/metadata/json/1"}],
        )
        refused = "scheduling_exchange_certificate"
        eventually(lambda: refused in alarm_names(world), "the refusal")
        path = "configuration/v1/ca_certificate/"
        answer = world.ask("POST", path, {"certificate": authority.pem.decode()})
        assert answer.status_code == 201, answer.text
        eventually(lambda: refused not in alarm_names(world), "trust")
        pem = world.folder / "authority.pem"
        pem.write_bytes(authority.pem)
        calls = requests.get(f"{secure}/sandbox/calls", verify=str(pem), timeout=10)
        assert calls.json()
    assert world.ask("DELETE", location.removeprefix("/api/admin/")).ok
