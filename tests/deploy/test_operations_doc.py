"""The commands of docs/operations.md, run as they stand there, in their order."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.deploy.machine_support import Machine
from tests.deploy.operations_checks import BEFORE, CHECKS, TYPED
from tests.system.system_support import ROOT

pytestmark = pytest.mark.timeout(300)  # twenty programs, one after the other

PAGE = ROOT / "docs" / "operations.md"


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
    "apt install --allow-downgrades": "tests/deploy/debian_life.py",
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
            text=value_for(TYPED, block.text, ""),
        )
        value_for(CHECKS, block.text, lambda *_: None)(machine, said)


def test_every_block_is_known() -> None:
    """Each is run, or its reason is in the table; no line of a table is left over."""
    assert {block.language for block in BLOCKS if is_run(block)} == {"sh", "json"}
    for table in (ELSEWHERE, BEFORE, TYPED, CHECKS):
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
    "make deb": "what the block below it does",
    "openssl rand -hex 32": "for a state folder that is not there yet",
    "pexschedd-store --config FILE --key-file /root/pexschedd-secret.key verify": (
        "tests/store/test_store_given_key.py"
    ),
    "pexschedd run": "what the unit starts, and how it differs from twistd",
    "pexschedd-store verify": "what the block of the section Upgrade does",
}
"""Commands that stand in a sentence, and why."""
