"""A root of Debian with the package, and the daemon of it that systemd runs."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from tests.deploy.debian_root import DebianRoot
from tests.system.system_support import ROOT, Twistd, World, eventually

CONFIG = "etc/pexip/scheduling/scheduling_config.json"
STATE = "var/lib/pexschedd"
_KEY = "/root/pexschedd-secret.key"
STORE = ("pexschedd", "store", "--config", f"/{CONFIG}", "--key-file", _KEY)
"""The command for the state folder, with the copy of the key that docs/operations.md
has the administrator make: credentials are there only while the daemon runs."""


class Installation(DebianRoot):
    """A root with the package, and what systemd says of its services."""

    def install(self, package: Path, command: str = "apt install ./") -> None:
        """Install a package by the command of docs/operations.md that begins so."""
        folder = self.path / "dist"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(package, folder)
        (release,) = re.findall(r"\+(deb\d+)_", package.name)
        said = self.run_documented(command, deb12=release)
        warnings = re.findall(r"dpkg: warning: (?!downgrading ).*", said)
        assert warnings == [], said
        assert "did not start" not in said, said + self.journal()

    def run_documented(self, beginning: str, **changed: str) -> str:
        """Run the lines of docs/operations.md from the one that begins so to the end of
        its block, with some words changed."""
        page = (ROOT / "docs" / "operations.md").read_text()
        (lines,) = re.findall(
            rf"^{re.escape(beginning)}.*?(?=^```$)", page, re.MULTILINE | re.DOTALL
        )
        for old, new in changed.items():
            lines = lines.replace(old, new)
        return self.run("sh", "-euc", lines)

    def documented_json(self, word: str) -> Any:
        """The settings of the block of docs/operations.md that has a word in it."""
        page = (ROOT / "docs" / "operations.md").read_text()
        found = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        (block,) = (each for each in found if word in each)
        return json.loads(block)

    def has(self, path: str) -> bool:
        return (self.path / path).exists()

    def shown(self, key: str, unit: str = "pexschedd.service") -> str:
        """A property of a unit, as systemd has it."""
        return self.run("systemctl", "show", "--value", "-p", key, unit).strip()

    def journal(self) -> str:
        """All that the daemon, and systemd about it, have written."""
        return self.run("journalctl", "-u", "pexschedd", "-o", "cat", "--no-pager")

    def ended(self) -> str:
        """Wait until the daemon runs no more and is not to be started again; return how
        it ended."""
        eventually(lambda: self.shown("ActiveState") == "failed", "the end")
        return f"{self.shown('Result')} {self.shown('ExecMainStatus')}"

    def configure(self, **settings: Any) -> None:
        """Change settings in the configuration file, as an administrator does."""
        path = self.path / CONFIG
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))

    def drop_in(self, name: str, text: str) -> None:
        folder = self.path / "etc/systemd/system/pexschedd.service.d"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.conf").write_text(f"[Service]\n{text}\n")
        self.run("systemctl", "daemon-reload")


class Service(Twistd):
    """The installed daemon, which systemd starts and stops."""

    def __init__(self, root: Installation) -> None:
        self._root = root

    def start(self) -> None:
        self._root.run("systemctl", "start", "pexschedd.service")

    def stop(self, *_: object) -> None:
        self._root.run("systemctl", "stop", "pexschedd.service")


class InstalledWorld(World):
    """A sandbox Exchange, and the daemon of the package as it was installed."""

    def __init__(self, folder: Path, root: Installation) -> None:
        super().__init__(folder)
        self.addin, self.admin = (f"http://127.0.0.1:{port}" for port in (8080, 8081))
        self.state = root.path / STATE
        self.config = root.path / CONFIG
        self.daemon = Service(root)
