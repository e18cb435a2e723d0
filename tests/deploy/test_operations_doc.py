"""The commands of docs/operations.md, run as they stand there, in their order."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from pexschedd.tools.exit_status import ExitStatus
from tests.deploy.machine_programs import LOG
from tests.deploy.machine_support import ADMIN, CONFIG, SANDBOX, STATE, Machine
from tests.system.system_support import EQUIPMENT, ROOT, eventually

pytestmark = pytest.mark.timeout(300)  # twenty programs, one after the other

PAGE = ROOT / "docs" / "operations.md"
NEW_PASSWORD = "correct horse"
NODE_PASSWORD = "geheim"
NEWER = "0.3.0"
KEY = "/etc/pexip/scheduling/key.pem"
CHAIN = "/etc/pexip/scheduling/chain.pem"
INTEGRATIONS = "configuration/v1/ms_exchange_connector/"
POLICY = "http://127.0.0.1:8080/policy/v1/service/configuration?local_alias=1"
SHOWN = "openssl s_client -connect 127.0.0.1:8443 </dev/null 2>/dev/null | openssl x509"


class Block(msgspec.Struct, frozen=True):
    """A fenced block: the heading that it stands under, its language, its text."""

    section: str
    language: str
    text: str


def blocks() -> list[Block]:
    page = PAGE.read_text()
    found = []
    for section in re.split(r"^##+ ", page, flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        for language, text in re.findall(
            r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL
        ):
            found.append(Block(heading, language, text))
    assert page.count("\n```") == 2 * len(found)
    return found


BLOCKS = blocks()

ELSEWHERE = {
    "make deb": "tests/deploy/debian_life.py, in a fresh root of Debian",
    "apt remove": "tests/deploy/debian_life.py",
    "apt purge": "tests/deploy/debian_life.py",
    "python3 -m venv": "tests/deploy/test_wheel.py, which installs by these lines",
    "/opt/pexschedd/bin/python -m pexschedd.web.addin.msal": (
        "the Makefile, before all tests: it downloads from npm"
    ),
    "systemd-analyze": "tests/system/test_sandbox.py; it asks a running systemd",
    '{"endpoints": {"addin": ["systemd:': (
        "tests/deploy/debian_supervision.py: only systemd hands over sockets"
    ),
    "systemctl stop pexschedd\nsystemctl enable --now pexschedd-addin.socket": (
        "tests/deploy/debian_supervision.py"
    ),
    "systemd-creds": "tests/deploy/debian_supervision.py: a running systemd unseals",
    "export CREDENTIALS_DIRECTORY": "tests/deploy/debian_supervision.py",
    '{"key_file":': "tests/deploy/debian_supervision.py",
    "systemctl restart pexschedd\nrm": "tests/deploy/debian_supervision.py",
    "New-Mailbox": "PowerShell of an Exchange server",
    "pexschedd-store --state-dir /var/lib/pexschedd/backups/2026": (
        "tests/upgrades/test_roll_back.py, on what another release has left"
    ),
    "[Definition]": "tests/web_admin/test_admin_log.py: a file of fail2ban",
    "[pexschedd]": "a file of fail2ban, which has nothing of ours but a port",
    "promtool": "tests/system/test_deployed_monitoring.py",
    "iostat": "a disk of its own, and sysstat and smartmontools, is what it wants",
}
"""Blocks that are not run here, by their beginnings: the test that runs them, or why
none can."""


def is_run(block: Block) -> bool:
    return not block.text.startswith(tuple(ELSEWHERE))


# What is there before some blocks


def an_integration(machine: Machine) -> None:
    """The first one, which reaches its Exchange, and has nothing for Graph."""
    machine.start_exchange()
    made = {
        "name": "Head office",
        "url": f"{SANDBOX}/EWS/Exchange.asmx",
        "username": "svc@example.test",
        "password": "svc",
        "room_mailbox_name": "Pexip Meeting",
        "room_mailbox_email_address": EQUIPMENT,
        "addin_server_domain": "127.0.0.1:8080",
        "scheduled_alias_prefix": "555",
        "scheduled_alias_suffix_length": 6,
        "scheduled_alias_domain": "example.test",
        "domains": [{"domain": f"{SANDBOX}/autodiscover/metadata/json/1"}],
    }
    machine.ask("POST", INTEGRATIONS, made)


def a_newer_release(machine: Machine) -> None:
    """It has kept a copy, and writes what this one does not know: this one does not
    start, and names it."""
    copy = f"{STATE}/backups/before-{NEWER}"
    machine.run(
        f"systemctl stop pexschedd; cd {STATE}\n"
        f"mkdir -m 0700 {copy}; cp -a $(ls -A | grep -v -e backups -e LOCK) {copy}\n"
        f"chown pexschedd:pexschedd {copy}\n"
        'sed -i -e \'/"crc"/d\' -e \'s/"format": 1/"format": 2/\' '
        f'-e \'s/"version": "[^"]*"/"version": "{NEWER}"/\' format.json'
    )
    refused = machine.run("systemctl start pexschedd || tail -n 1 " + LOG)
    assert f"Install {NEWER} or a later release." in refused


BEFORE: dict[str, Callable[[Machine], None]] = {
    "pexschedd-check --migrate 1 --dry-run": an_integration,
    "systemctl stop pexschedd-addin.socket pexschedd\npexschedd-store": a_newer_release,
}

# What is typed, and the status where something has to be wrong

TYPED = {
    "install -m 0640": f"{NODE_PASSWORD}\n",
    "pexschedd-password": f"{NEW_PASSWORD}\n",
}
STATUS = {
    "pexschedd-check --migrate 1": ExitStatus.FAILED,
    "pexschedd-check --migrate 1 --dry-run": ExitStatus.FAILED,
    "pexschedd-check --migrate 1 --to EWS": ExitStatus.FAILED,
}

# What has to be seen


def installed(machine: Machine, said: str) -> None:
    assert "is in order" in said
    assert f":{STATE}:" in machine.run("getent passwd pexschedd")


def running(machine: Machine, said: str) -> None:
    assert "Active: active (running)\nStatus: 0 integrations" in said
    assert '{"status":"ok"' in said


def every_unit_is_there(machine: Machine, said: str) -> None:
    wanted = machine.run("ls /etc/systemd/system/*.wants").split()
    units = {
        "pexschedd.service",
        "pexschedd-backup.timer",
        "pexschedd-maintenance.timer",
    }
    assert units <= set(wanted)
    assert machine.run(f"stat -c '%U %a' {STATE}") == "pexschedd 700\n"


def nodes_need_the_password(machine: Machine, said: str) -> None:
    assert machine.status_of(POLICY, f"node:{NODE_PASSWORD}") == "200"
    assert machine.status_of(POLICY, "node:guessed") == "401"


def one_copy(machine: Machine, said: str) -> None:
    assert re.fullmatch(r"\d{8}T\d{6}Z\n", said)


def copied_elsewhere(machine: Machine, said: str) -> None:
    one_copy(machine, machine.run("ls /srv/backup"))
    assert machine.run(f"ls {STATE}/backups | wc -l") == "1\n"


def first_password(machine: Machine, said: str) -> None:
    machine.password = said.strip()


def signed_in(machine: Machine, said: str) -> None:
    assert "ms_exchange_connector" in msgspec.json.decode(said)


def another_password(machine: Machine, said: str) -> None:
    url = f"{ADMIN}configuration/v1/"
    assert machine.status_of(url, f"admin:{machine.password}") == "401"
    machine.password = NEW_PASSWORD
    assert machine.status_of(url, f"admin:{NEW_PASSWORD}") == "200"
    assert "initial-admin-password" not in machine.run(f"ls {STATE}")


def renewed(machine: Machine, said: str) -> None:
    """The daemon looks by itself within seconds; the reload that comes next does so at
    once."""
    assert "subject=CN = rooms.example.com" in said.replace("CN=", "CN = ")
    assert machine.run(f"stat -c '%U:%G %a' {KEY}") == "root:pexschedd 640\n"


def read_again(machine: Machine, said: str) -> None:
    reloaded = "configuration reloaded changed=[^ ]*log.level[^ ]* kept=- next_start=-"
    eventually(lambda: re.search(reloaded, machine.read(LOG)), "the reload")
    assert machine.run(SHOWN) == machine.run(f"openssl x509 <{CHAIN}")


def names_what_is_missing(machine: Machine, said: str) -> None:
    assert "oauth_client_id: This is required with mailbox_protocol GRAPH." in said


def has_reasons(machine: Machine, said: str) -> None:
    begun, status = said.replace("}{", "}\n{").splitlines()
    run = msgspec.json.decode(status)
    assert run["id"] == msgspec.json.decode(begun)["id"]
    assert (run["to"], len(run["reasons"])) == ("GRAPH", 2)


def uses_ews_already(machine: Machine, said: str) -> None:
    assert "It uses EWS already" in said


def a_copy(machine: Machine, said: str) -> None:
    assert f"A copy of the state folder is in {STATE}/backups/" in said


def rolled_back(machine: Machine, said: str) -> None:
    """It runs on the copy; the newer release's folder is as that has left it."""
    assert "is sound" in said
    assert "Integration 1: Head office" in said
    (integration,) = machine.ask("GET", INTEGRATIONS)["objects"]
    assert integration["name"] == "Head office"
    assert f'"{NEWER}"' in machine.read(f"{STATE}-{NEWER}/format.json")


def looked_at(machine: Machine, said: str) -> None:
    assert '{"status":"ok"' in said
    assert "\npexschedd_ews_calls_total{" in said
    assert said.count('{"meta":') == 2


def a_bundle(machine: Machine, said: str) -> None:
    bundle = "/root/pexschedd-support.tar.gz"
    assert machine.run(f"stat -c %a {bundle}") == "600\n"
    names = machine.run(f"tar -tzf {bundle}")
    for name in ("configuration_file.json", "doctor.txt", "log.txt"):
        assert name in names
    assert "daemon starting" in machine.run(
        f"tar -xzOf {bundle} --wildcards '*log.txt'"
    )


def why_it_is_down(machine: Machine, said: str) -> None:
    assert "Active: active (running)" in said
    assert "daemon started" in said
    assert f"{CONFIG} is in order." in said


def why_it_was_restarted(machine: Machine, said: str) -> None:
    assert 'message":"daemon stopped' in said


def examined(machine: Machine, said: str) -> None:
    assert "Head office" in said


def own_folders(machine: Machine, said: str) -> None:
    assert f"\t{STATE}/journal\n" in said


def listening(machine: Machine, said: str) -> None:
    assert said.startswith("State")


CHECKS: dict[str, Callable[[Machine, str], None]] = {
    "ln -s": installed,
    "cp deploy/systemd": every_unit_is_there,
    "systemctl status pexschedd\n": running,
    "chown root:root": nodes_need_the_password,
    "systemctl start pexschedd-backup": one_copy,
    "install -d -m 0700": copied_elsewhere,
    "cat /var/lib/pexschedd/initial-admin-password": first_password,
    "curl -Ssf -u admin:PASSWORD": signed_in,
    "pexschedd-password": another_password,
    "certbot renew": renewed,
    "systemctl reload": read_again,
    "pexschedd-check --migrate 1": names_what_is_missing,
    "curl -Ssf -u admin:PASSWORD -H": has_reasons,
    "pexschedd-check --migrate 1 --to EWS": uses_ews_already,
    "pexschedd-store --config": a_copy,
    "systemctl stop": rolled_back,
    "curl -Ssf http://127.0.0.1:8080/health\ncurl": looked_at,
    "journalctl -u pexschedd --since": a_bundle,
    "systemctl status pexschedd ||": why_it_is_down,
    "journalctl -u pexschedd |": why_it_was_restarted,
    "pexschedd-check\n": examined,
    "du -x": own_folders,
    "ss": listening,
}
"""By beginnings of blocks. Those without a line here have done their work when they end
with status 0, or what comes later would fail without them."""


def value_for(table: dict[str, Any], text: str, default: Any) -> Any:
    """The value of the longest beginning of a text that a table has."""
    fitting = [beginning for beginning in table if text.startswith(beginning)]
    return table[max(fitting, key=len)] if fitting else default


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    machine = Machine(tmp_path_factory.mktemp("operations"))
    try:
        yield machine
    finally:
        machine.close()


SECTIONS = list(dict.fromkeys(block.section for block in BLOCKS if is_run(block)))


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section(machine: Machine, section: str) -> None:
    """Each block of commands is run, after those above it; each block of JSON is put
    into the configuration file."""
    for block in BLOCKS:
        if block.section != section or not is_run(block):
            continue
        value_for(BEFORE, block.text, lambda _: None)(machine)
        if block.language == "json":
            machine.configure(msgspec.json.decode(block.text))
            continue
        assert block.language == "sh", block
        said = machine.run(
            block.text.replace("PASSWORD", f"'{machine.password}'"),
            status=value_for(STATUS, block.text, 0),
            text=value_for(TYPED, block.text, ""),
        )
        value_for(CHECKS, block.text, lambda *_: None)(machine, said)


def test_every_block_is_known() -> None:
    """Each is run, or its reason is in the table; no line of a table is left over."""
    assert {block.language for block in BLOCKS if is_run(block)} == {"sh", "json"}
    for table in (ELSEWHERE, BEFORE, TYPED, STATUS, CHECKS):
        for beginning in table:
            assert any(each.text.startswith(beginning) for each in BLOCKS), beginning
    for reason in ELSEWHERE.values():
        for path in re.findall(r"tests/[a-z_/]+\.py", reason):
            assert (ROOT / path).is_file(), path


def test_commands_are_blocks() -> None:
    """What is to be typed stands in a block, where it is run; a command in the middle
    of a sentence is in a table, or has its reason here."""
    page = re.sub(r"^```.*?^```$", "", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    prose = "\n".join(line for line in page.splitlines() if not line.startswith("|"))
    found = {
        span
        for span in re.findall(r"`([^`\n]+)`", prose)
        if re.match(rf"(?:/\S*/)?(?:{PROGRAMS})\S* \S", span)
    }
    assert found == set(IN_PROSE)


PROGRAMS = (
    "pexschedd|scheduling|systemctl|systemd-|journalctl|twistd|pip|apt|make|curl|certbot|"
    "chown|chmod|cp|mv|install|cat|du|df|ss|iostat|smartctl|promtool|podman|openssl|dmesg"
)
IN_PROSE = {
    "apt install --allow-downgrades": "the command of Install, with an older package",
    "make deb": "what the block below it does",
    "openssl rand -hex 32": "for a state folder that is not there yet",
    "pexschedd-store --config FILE --key-file /root/pexschedd-secret.key verify": (
        "tests/store/test_store_given_key.py"
    ),
    "pexschedd run": "what the unit starts, and how it differs from twistd",
    "pexschedd-store verify": "what the block of the section Upgrade does",
}
"""Commands that stand in a sentence, and why."""
