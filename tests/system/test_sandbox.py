"""The sandbox of deploy/systemd, as systemd rates it. The daemon lives in it in
tests/deploy/debian_supervision.py."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.system_support import ROOT

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
MOST_EXPOSED = 20
"""In tenths, as systemd-analyze takes it."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not installed (Debian package systemd)",
)


def analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_exposure(unit: Path) -> None:
    """No service is more exposed than 2.0 of 10."""
    found = analyze(
        "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit
    )
    assert "Overall exposure level" in found.stdout, found.stderr
    assert found.returncode == 0, found.stdout.splitlines()[-1]


@needs_systemd
def test_units_are_units(tmp_path: Path) -> None:
    """systemd knows every line of them; the commands are not installed here."""
    for unit in UNITS.iterdir():
        text = re.sub(r"/opt/pexschedd/bin/[a-z-]+", "/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(text)
    found = analyze("verify", "--man=no", *sorted(tmp_path.iterdir()))
    assert found.returncode == 0, found.stderr
    assert "Unknown" not in found.stderr
