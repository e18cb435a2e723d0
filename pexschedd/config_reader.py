"""Values of the configuration file, each looked at once, every error collected."""

import os
import stat
from collections.abc import Set
from pathlib import Path
from typing import Any

from pexschedd.errors import ConfigError
from pexschedd.util.access import reason_of

LARGEST = 1 << 20
"""Bytes of a configuration file; ordinary ones have less than a thousandth."""

_CREDENTIALS = "$CREDENTIALS_DIRECTORY"
_OF_THE_SERVICE = "/run/credentials/pexschedd.service"


_HANDED_OVER = (
    " (systemd hands credentials over while the service runs; for a stopped one name a "
    "folder with copies in the variable CREDENTIALS_DIRECTORY)"
)


def _credentials() -> str:
    """The folder of the secrets that systemd has handed to this process; of those that
    it has handed to the service, for a tool beside that."""
    return os.environ.get("CREDENTIALS_DIRECTORY", _OF_THE_SERVICE)


def content_of(path: Path) -> bytes:
    """Return the content of a configuration file; raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        problem = f"cannot be read: {reason_of(error, path)}"
        raise ConfigError(str(path), [problem]) from None
    if len(content) > LARGEST:
        raise ConfigError(str(path), ["is larger than 1 MiB; is it another file?"])
    return content


class SettingsReader:
    """Reads values, and collects errors instead of stopping at the first.

    What is wrong is added to `problems`, and a default is returned for it. Unless it
    `looks`, files need not be there.
    """

    def __init__(self, path: Path, *, looks: bool = True) -> None:
        self.folder = path.resolve().parent
        self._looks = looks
        self.problems: list[str] = []

    def table(self, value: object, name: str, keys: Set[str]) -> dict[str, Any]:
        """Return an object of the file; `keys` are those that it may have."""
        if not isinstance(value, dict):
            what = f"{name} must be" if name else "the file must hold"
            self.problems.append(f"{what} a JSON object with {_listed(keys)}")
            return {}
        where = f"{name}." if name else ""
        for key in sorted(value.keys() - keys):
            self.problems.append(
                f"{where}{key} is not a known key; known are {_listed(keys)}"
            )
        return value

    def optional_table(
        self, top: dict[str, Any], name: str, keys: Set[str]
    ) -> dict[str, Any]:
        """Return an object of the file; an empty one if it is absent or null."""
        return {} if top.get(name) is None else self.table(top[name], name, keys)

    def path(self, table: dict[str, Any], key: str, where: str = "") -> Path | None:
        """Return a path, which is relative to the file's folder."""
        value = table.get(key)
        if not isinstance(value, str) or not value or "\0" in value:
            self.problems.append(
                f"{where}{key} must be a path, such as /var/lib/pexschedd"
            )
            return None
        return self.folder / value.replace(_CREDENTIALS, _credentials())

    def existing(self, table: dict[str, Any], key: str, where: str = "") -> Path | None:
        """Return the path of a file that is there; None if there is no value."""
        if table.get(key) is None:
            return None
        path = self.path(table, key, where)
        if path is None or not self._looks:
            return path
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                self.problems.append(f"{where}{key}: {path} is not a file")
                return None
        except PermissionError as error:
            reason = reason_of(error, path)
            if path.is_relative_to(_OF_THE_SERVICE):
                reason = f"Permission denied: run this as root{_HANDED_OVER}"
            self.problems.append(f"{where}{key}: {path}: {reason}")
            return None
        except (OSError, ValueError):
            hint = _HANDED_OVER if path.is_relative_to(_OF_THE_SERVICE) else ""
            self.problems.append(f"{where}{key}: there is no file {path}{hint}")
            return None
        return path

    def text(self, table: dict[str, Any], name: str, key: str) -> str:
        """Return a text; empty if there is no value."""
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        self.problems.append(f"{name}.{key} must be a string")
        return ""

    def strings(self, table: dict[str, Any], name: str, key: str) -> tuple[str, ...]:
        """Return a list of endpoints that is not empty."""
        value = table.get(key)
        good = isinstance(value, list) and value
        if not good or not all(isinstance(v, str) and v for v in value or ()):
            self.problems.append(
                f"{name}.{key} must be a list of Twisted endpoints, such as "
                '["tcp:8080:interface=127.0.0.1"]'
            )
            return ()
        # A colon in an endpoint would begin the next argument.
        folder = _credentials().replace("\\", "\\\\").replace(":", "\\:")
        return tuple(each.replace(_CREDENTIALS, folder) for each in value or ())

    def number(
        self, table: dict[str, Any], name: str, key: str, default: int, most: int
    ) -> int:
        """Return a whole number from 1 to `most`."""
        value = table.get(key, default)
        if type(value) is not int or not 1 <= value <= most:
            self.problems.append(
                f"{name}.{key} must be a whole number from 1 to {most}"
            )
            return default
        return value

    def choice(
        self,
        table: dict[str, Any],
        name: str,
        key: str,
        choices: tuple[str, ...],
        default: str,
    ) -> str:
        """Return one of several words."""
        value = table.get(key, default)
        if value not in choices:
            where = f"{name}." if name else ""
            self.problems.append(f"{where}{key} must be one of {_listed(set(choices))}")
            return default
        return str(value)


def _listed(words: Set[str]) -> str:
    return ", ".join(sorted(words))
