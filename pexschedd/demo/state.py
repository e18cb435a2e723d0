"""The demo's folder: what is kept between runs, and one demo at a time in it.

scheduling_config.json   the daemon's configuration file, to read and to change
administrator-password   of the daemon's management API
exchange.json            the sandbox's mailboxes
door-signs.json          the tokens of the meeting rooms' signs
daemon/                  the daemon's own state
LOCK                     held while a demo runs
"""

import fcntl
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from pexschedd.demo.ports import HOST, Ports
from pexschedd.util.atomic_file import replace_file


class StateError(Exception):
    """A folder that cannot be used; the message says why and what to do."""


class DemoState:
    """The demo's folder, opened or created. Raises `StateError`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "scheduling_config.json"
        self.password_file = folder / "administrator-password"
        self.exchange = folder / "exchange.json"
        self.door_signs = folder / "door-signs.json"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._refuse_others()
            self._lock = os.open(folder / "LOCK", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateError(f"{folder} cannot be used: {error.strerror}.") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StateError(
                f"Another demo is running with the state in {folder}.\n"
                "Stop it, or give this one a folder of its own:\n"
                f"  {sys.executable} -m pexschedd.demo --port 9000 --state DIRECTORY"
            ) from None

    def _refuse_others(self) -> None:
        """Raise `StateError` for a folder that is not a demo's: it may be a real
        daemon's, whose configuration would be changed."""
        names = os.listdir(self.folder)
        others = [n for n in names if n != "LOCK" and not n.startswith(".")]
        if others and self.password_file.name not in names:
            raise StateError(
                f"{self.folder} is not a demo's, and not empty: {min(others)!r} is in "
                "it.\nUse a folder of its own; it will be created."
            )

    def close(self) -> None:
        """Release the folder."""
        os.close(self._lock)

    def password(self) -> str:
        """Return the administrator's password, made at the first start."""
        if not self.password_file.exists():
            text = secrets.token_urlsafe(9)
            replace_file(self.password_file, text.encode() + b"\n")
        return self.password_file.read_text().strip()

    def write_config(self, ports: Ports) -> None:
        """Write the configuration file, or let an existing one follow the ports.

        Raises `StateError` if there is one that cannot be read.
        """
        wanted = {
            "addin": [f"tcp:{ports.addin}:interface={HOST}"],
            "admin": [f"tcp:{ports.admin}:interface={HOST}"],
            "rooms": [f"tcp:{ports.rooms}:interface={HOST}"],
        }
        values: dict[str, Any] = {
            "state_dir": "daemon",
            "endpoints": None,
            "initial_admin_password_file": self.password_file.name,
            # Only what a reader of the terminal should know.
            "log": {"level": "warn", "format": "text"},
        }
        if self.config.exists():
            try:
                values = json.loads(self.config.read_bytes())
                if values["endpoints"] == wanted:
                    return
            except (OSError, ValueError, LookupError, TypeError) as error:
                raise StateError(f"{self.config} cannot be read: {error}.") from None
        values["endpoints"] = wanted
        text = json.dumps(values, indent=2) + "\n"
        replace_file(self.config, text.encode())
