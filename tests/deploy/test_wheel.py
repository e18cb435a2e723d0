"""What pip installs: the daemon and its commands, and nothing of the demo."""

import csv
import json
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
import requests

from pexschedd.tools.version import version_text
from tests.ports import free_ports
from tests.signals import heed_signals
from tests.system.system_support import PATIENCE, eventually

pytestmark = pytest.mark.timeout(500)  # it installs everything once

ROOT = Path(__file__).resolve().parents[2]
DEMO = ("pexschedd/demo/", "pexschedd/sandbox/")
LEFT_OUT = ("pexschedd/web/library/", "/__pycache__/", "/ruff.toml", "/.ruff_cache/")
COMMANDS = ("pexschedd", "pexschedd-store", "pexschedd-check", "schedulingrecovery")


class Environment:
    """An environment with the daemon, by the commands that docs/operations.md gives."""

    def __init__(self, folder: Path) -> None:
        prefix = folder / "venv"
        self.bin = prefix / "bin"
        source = folder / "source"
        source.mkdir()
        for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        for name in ("pexschedd", "twisted", "requirements"):
            shutil.copytree(ROOT / name, source / name)
        for line in documented_lines():
            if "-m venv" in line:  # without a pip of its own, which takes ten seconds
                venv.create(prefix, with_pip=False, symlinks=True)
                pip = f'exec {sys.executable} -m pip --python {self.bin}/python "$@"\n'
                (self.bin / "pip").write_text(f"#!/bin/sh\n{pip}")
                (self.bin / "pip").chmod(0o755)
                continue
            here = line.replace("/opt/pexschedd", str(prefix))
            done = self._run(source, "sh", "-c", here)
            if done.returncode and "No matching distribution" in done.stderr:
                pytest.skip("what requirements/run.txt names cannot be downloaded")
            assert done.returncode == 0, done.stderr
        (installed,) = prefix.glob("lib/python3*/site-packages/pexschedd-*.dist-info")
        self.dist_info = installed

    def files(self) -> set[str]:
        """What has been installed of ours, below `site-packages`."""
        with (self.dist_info / "RECORD").open(newline="") as record:
            return {row[0] for row in csv.reader(record)}

    def run(self, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the environment in a folder, with nothing of this clone."""
        return self._run(folder, str(self.bin / command[0]), *command[1:])

    def _run(self, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(Path.home()), "PIP_COMPILE": "0"},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )


def documented_lines() -> list[str]:
    """The commands that install the daemon with pip."""
    page = (ROOT / "docs" / "operations.md").read_text()
    lines = re.MULTILINE | re.DOTALL
    (block,) = re.findall(r"^```sh\n(python3 -m venv .*?)^```", page, lines)
    return str(block).splitlines()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    folder = tmp_path_factory.mktemp("wheel")
    yield Environment(folder)
    shutil.rmtree(folder)  # it takes 150 MB


def test_the_daemon_and_nothing_else(installed: Environment) -> None:
    """Each of its files, modules or not, and none of the demo or the tests."""
    names = installed.files()
    outside = ("../", f"{installed.dist_info.name}/")
    ours = {name for name in names if not name.startswith(outside)}
    there = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "pexschedd").rglob("*")
        if path.is_file()
    }
    wanted = {
        name
        for name in there
        if not name.startswith(DEMO) and not any(each in name for each in LEFT_OUT)
    }
    assert ours == wanted | {"twisted/plugins/pexschedd_plugin.py"}
    assert (installed.dist_info / "licenses" / "LICENSE").is_file()
    entry_points = ConfigParser()
    entry_points.read_string((installed.dist_info / "entry_points.txt").read_text())
    assert set(COMMANDS) < set(entry_points["console_scripts"])


def test_the_commands_start(installed: Environment, tmp_path: Path) -> None:
    """Also as a plugin of twistd, which knows no sandbox."""
    for name in COMMANDS:
        done = installed.run(tmp_path, name, "--version")
        assert (done.returncode, done.stdout) == (0, f"{version_text()}\n"), done.stderr
    done = installed.run(tmp_path, "twistd", "--help")
    assert "Meeting-room scheduling" in done.stdout
    assert "exchangesandbox" not in done.stdout


def test_the_daemon_starts(installed: Environment, tmp_path: Path) -> None:
    """It answers, and serves the files that its pages are made of."""
    addin = free_ports(2)
    config = tmp_path / "scheduling_config.json"
    endpoints = {
        "addin": [f"tcp:{addin}:interface=127.0.0.1"],
        "admin": [f"tcp:{addin + 1}:interface=127.0.0.1"],
    }
    config.write_text(json.dumps({"state_dir": "state", "endpoints": endpoints}))
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [installed.bin / "pexschedd", "run", "--config", config],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"},
            stdout=log,
            preexec_fn=heed_signals,
        )
    try:
        eventually(lambda: answers(f"http://127.0.0.1:{addin}/health"), "the start")
        assert answers(f"http://127.0.0.1:{addin + 1}/admin/")
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert "Traceback" not in (tmp_path / "log").read_text()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False
