"""The configuration file: read once, every error at once, in words that help."""

import json
from pathlib import Path
from typing import Any

import pytest

from pexschedd.config import load
from pexschedd.errors import ConfigError

GOOD: dict[str, Any] = {
    "state_dir": "state",
    "endpoints": {
        "addin": ["tcp:0:interface=127.0.0.1"],
        "admin": ["tcp:0:interface=127.0.0.1"],
    },
}


def write(folder: Path, values: object) -> Path:
    path = folder / "config.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A state folder beside the configuration file needs no absolute path."""
    (tmp_path / "ca.pem").write_text("")
    config = load(write(tmp_path, GOOD | {"ca_file": "ca.pem"}))
    assert config.state_dir == tmp_path / "state"
    assert config.ca_file == tmp_path / "ca.pem"
    assert (config.log_level, config.log_format) == ("info", "json")


def test_nulls_are_the_same_as_absent(tmp_path: Path) -> None:
    """The documented example with its nulls is valid."""
    values = GOOD | {"ca_file": None, "initial_admin_password_file": None}
    assert load(write(tmp_path, values)).ca_file is None


WRONG: list[tuple[str, object, list[str]]] = [
    ("not json", "{", ["is not valid JSON"]),
    ("no object", [], ["JSON object", "state_dir"]),
    ("empty", {}, ["state_dir", "endpoints"]),
    ("unknown key", GOOD | {"stat_dir": "x"}, ["stat_dir is not a known key"]),
    (
        "unknown log key",
        GOOD | {"log": {"colour": 1}},
        ["log.colour", "format, level"],
    ),
    ("wrong level", GOOD | {"log": {"level": "loud"}}, ["log.level must be one of"]),
    (
        "no list of endpoints",
        GOOD | {"endpoints": {"addin": "tcp:80", "admin": []}},
        ["endpoints.addin", "endpoints.admin"],
    ),
    ("missing ca", GOOD | {"ca_file": "none.pem"}, ["ca_file: there is no file"]),
    (
        "all at once",
        {"state_dir": 5, "endpoints": 7, "log": {"format": "xml"}, "x": 1},
        ["state_dir", "endpoints", "log.format", "x is not"],
    ),
]


@pytest.mark.parametrize(
    ("values", "says"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_every_error_at_once(tmp_path: Path, values: object, says: list[str]) -> None:
    """The error names the file and every key that is wrong."""
    path = write(tmp_path, values)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in caught.value.message
    for text in says:
        assert text in caught.value.message


def test_missing_file_is_said_plainly(tmp_path: Path) -> None:
    """A wrong path is not a traceback."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "nowhere.json")
