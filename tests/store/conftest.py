"""What the store's tests get: records that are all in memory, or all on the disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pexschedd.store.collection import KEPT
from pexschedd.store.hints import hint_files
from pexschedd.store.journal import recovery
from pexschedd.store.journal.replay import replay
from tests.store import store_support
from tests.store.store_support import Opened
from tests.store.tool_support import fill


@pytest.fixture(scope="module", params=[KEPT, 0], ids=["in memory", "on the disk"])
def kept(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many records the stores of a test keep in memory: each test runs with as
    many as there are, and with no more than the disk does not have.

    Not for tests with `@given`: pytest-twisted wraps their function once for each of
    the two, one around the other.
    """
    before = store_support.kept
    store_support.kept = request.param
    yield request.param
    store_support.kept = before


@pytest.fixture(scope="package", autouse=True)
def small_blocks() -> Iterator[None]:
    """Small stores have hint files of many blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hint_files, "BLOCK", 3)
        yield


@pytest.fixture
def by_line(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The segments that starts have read line by line."""
    names: list[str] = []

    def noted(fs: Any, path: Path, *rest: Any, **options: Any) -> Any:
        names.append(path.name)
        return replay(fs, path, *rest, **options)

    monkeypatch.setattr(recovery, "replay", noted)
    return names


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A closed store with some of everything."""
    opened = Opened(tmp_path / "state", version="1")
    fill(opened)
    opened.close()
    return tmp_path / "state"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A snapshot of a store with some of everything."""
    opened = Opened(tmp_path / "state")
    fill(opened)
    for folder, name in (("icons", "1.png"), ("keytabs", "svc.keytab")):
        (tmp_path / "state" / folder).mkdir()
        (tmp_path / "state" / folder / name).write_bytes(name.encode() * 300)
    to = tmp_path / "copy"
    opened.wait(Deferred.fromCoroutine(opened.store.snapshot(to)))
    opened.close()
    return to
