"""What a configuration that is read again changes, and what it says of the rest."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from twisted.logger import LogLevel, capturedLogs

from pexschedd.config import Config
from pexschedd.errors import ConfigError
from pexschedd.supervision import reload as reload_module
from pexschedd.supervision.reload import ConfigurationReload

START = Config(
    state_dir=Path("/s"), addin_endpoints=("tcp:1",), admin_endpoints=("tcp:2",)
)


class Reload:
    """Reads `now`, and has two parts."""

    def __init__(self) -> None:
        self.now: Config | ConfigError = START
        self.level = "info"
        self.proxy_fails: Exception | None = None
        self.kept: list[str] = []
        parts: dict[str, Callable[[Config], bool]] = {
            "proxy": self._proxy,
            "log.level": self._level,
        }
        self._reload = ConfigurationReload(
            self._read, START, parts, lambda: list(self.kept)
        )

    def _read(self) -> Config:
        if isinstance(self.now, ConfigError):
            raise self.now
        return self.now

    def _proxy(self, _config: Config) -> bool:
        if self.proxy_fails:
            raise self.proxy_fails
        return False

    def _level(self, config: Config) -> bool:
        before, self.level = self.level, config.log_level
        return before != config.log_level

    def run(self) -> list[Any]:
        with capturedLogs() as events:
            self._reload.run()
        assert [e["log_format"].split()[0] for e in events if "log_failure" in e] == []
        return [*events]


def test_what_changes_is_named() -> None:
    """In the last event: what was put into effect."""
    world = Reload()
    assert world.run()[-1]["changed"] == "-"
    world.now = replace(START, log_level="debug")
    assert world.run()[-1]["changed"] == "log.level"
    assert world.level == "debug"


def test_what_waits_for_the_next_start_is_named() -> None:
    """By its key in the file, as a warning."""
    world = Reload()
    world.now = replace(START, state_dir=Path("/t"), policy_endpoints=("tcp:3",))
    events = world.run()
    warned = [e["key"] for e in events if e["log_level"] is LogLevel.warn]
    assert warned == ["state_dir", "endpoints.policy"]
    assert events[-1]["waiting"] == "state_dir,endpoints.policy"


def test_whether_nodes_have_to_sign_in_is_decided_at_the_start() -> None:
    """A policy account that comes or goes is named; another password is not."""
    world = Reload()
    world.now = replace(START, policy_username="node", policy_password_file=Path("/p"))
    assert world.run()[-1]["waiting"] == "policy"


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("ca", ["no certificate"]),
        PermissionError("denied"),
        ValueError("empty"),
    ],
)
def test_an_error_in_one_part(error: Exception) -> None:
    """It is reported, and holds up no other part."""
    world = Reload()
    world.proxy_fails = error
    world.kept = ["endpoints.addin[0]"]
    world.now = replace(START, log_level="warn")
    events = world.run()
    (reported,) = [e for e in events if e["log_level"] is LogLevel.error]
    assert reported["key"] == "proxy"
    assert events[-1]["kept"] == "endpoints.addin[0],proxy"
    assert world.level == "warn"


def test_a_file_that_is_wrong_changes_nothing() -> None:
    """Each error in it is reported."""
    world = Reload()
    world.now = ConfigError("file", ["one", "two"])
    problems = [e["problem"] for e in world.run() if e["log_level"] is LogLevel.error]
    assert problems == ["one", "two"]
    assert world.level == "info"


def test_every_setting_is_accounted_for() -> None:
    """A new field of the configuration is put into effect, or named as waiting."""
    in_parts = {"ca_file", "proxy", "proxy_password_file", "log_level"}
    in_parts |= {"policy_username", "policy_password_file", "traces_headers_file"}
    fields = {field.name for field in msgspec.structs.fields(Config)}
    assert fields - in_parts == reload_module._KEYS.keys()
