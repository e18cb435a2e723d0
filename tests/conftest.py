"""What every test gets: failures that were only logged fail it, steady hypothesis."""

import gc
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from OpenSSL import SSL
from pytest_timeout import timeout_timer
from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
    globalLogPublisher,
)
from twisted.names import client
from twisted.names.common import ResolverBase
from zope.interface import provider

from pexschedd.crypto import password_hashes
from pexschedd.store.disk import reserve_file
from tests.fast import FastTests
from tests.forked import CHEAP, RESERVE_BYTES, end_template
from tests.thorough import FAST, THOROUGH, examples
from tests.time_limit import TimeLimit

settings.register_profile(
    "steady",
    max_examples=examples(200),
    deadline=None,  # two busy cores say nothing about a property
    derandomize=not THOROUGH,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

REPOSITORY = Path(__file__).resolve().parent.parent

FAST_TESTS = FastTests(REPOSITORY)

TIME_LIMIT = TimeLimit()

MEMORY = Path("/dev/shm")  # noqa: S108 - a place for pytest's own private folders
ENOUGH_BYTES = 2 << 30

COLLECTED_AFTER = 50_000, 20, 20
"""New objects after which the youngest are collected, and collections of each age after
which the next one is."""


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files are in memory, where there is enough of it: on a disk each commit
    of a store waits for milliseconds. Nothing here has to outlive a power failure; what
    one leaves is played by `store/store_disk.py`.

    Where the checkout cannot be written, what pytest and hypothesis would keep there
    between two runs is not kept."""
    if "TMPDIR" not in os.environ and _has_room(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    if not os.access(REPOSITORY, os.W_OK):
        ignored = "ignore::pytest.PytestCacheWarning"
        config.addinivalue_line("filterwarnings", ignored)
        kept = Path(tempfile.gettempdir()) / f"hypothesis-{os.getuid()}"
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(kept))


def _has_room(folder: Path) -> bool:
    """Return whether programs may be run in a folder, and much may be written there."""
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    return free >= ENOUGH_BYTES and not found.f_flag & os.ST_NOEXEC


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Where the tests are to be fast, other files are not even imported."""
    if FAST and collection_path.name.startswith("test_") and collection_path.is_file():
        return not FAST_TESTS.has(collection_path) or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a test that may take more time than the rest come first: at the end,
    one process would wait for the other."""
    long = {item.path for item in items if item.get_closest_marker("timeout")}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection() -> None:
    """The garbage collector need not look at thousands of tests again and again."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor afterwards; and what tests leave is collected once for many of them, which
    saves a tenth of their processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """Instead of a thread for each test, see `time_limit.py`."""
    TIME_LIMIT.set(settings.timeout, lambda: timeout_timer(item, settings))
    return True


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_cancel_timer() -> bool:
    TIME_LIMIT.cancel()
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Say in one line what is missing, however many tests want it: pytest's summary
    counts skipped tests by place and reason, and here all have one place."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):
        report.longrepr = (str(REPOSITORY / "tests"), None, report.longrepr[2])
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests have recorded: how much they have covered."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session", autouse=True)
def cheap_password_hashes() -> Iterator[None]:
    """New hashes in the tests' own process cost next to nothing: hundreds of tests make
    an administrator first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password_hashes, "CURRENT", CHEAP)
        yield


@pytest.fixture(scope="session", autouse=True)
def small_reserves() -> Iterator[None]:
    """A small reserve for a full disk, for each store of the tests' own process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reserve_file, "SIZE", RESERVE_BYTES)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_name_servers() -> Iterator[None]:
    """Tests ask no foreign name server for records: here there are none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "theResolver", ResolverBase())
        yield


@pytest.fixture(scope="session", autouse=True)
def no_system_authorities() -> Iterator[None]:
    """No server of the tests has a certificate of an authority that the system trusts:
    reading those takes ten milliseconds for each `Trust`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SSL.Context, "set_default_verify_paths", lambda context: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def template() -> Iterator[None]:
    """The process that forks our programs, see `forked.py`, ends with the tests."""
    yield
    end_template()


class Failures(list[str]):
    """Failures logged during a test. A test that expects them calls `clear()`."""


@pytest.fixture(autouse=True)
def logged_failures() -> Iterator[Failures]:
    """pytest does not see a `log.failure`; this makes it one of the test's own."""
    seen = Failures()

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event["log_level"] is LogLevel.critical:
            failure = event.get("log_failure")
            text = failure.getTraceback() if failure else ""
            seen.append(f"{formatEvent(event)}\n{text}")

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)
    assert not seen, "\n".join(seen)
