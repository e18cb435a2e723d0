"""The entry points of the commands, as they are installed."""

import tomllib
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
COMMANDS: dict[str, str] = tomllib.loads(_PROJECT.read_text())["project"]["scripts"]
"""By the command: `module:function`."""


def program_text(command: str) -> str:
    """The program of a command, for `python -c`."""
    module, _, function = COMMANDS[command].partition(":")
    return f"from {module} import {function}; {function}()"
