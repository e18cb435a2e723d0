"""A store with some of everything, and `pexschedd-store` to look after it."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from pexschedd.tools.store_command import run
from tests.store.store_support import (
    ROOM,
    SETTING,
    TABLES,
    VISIT,
    Calls,
    Opened,
    Room,
    Setting,
)

STATE = Path("/state")
MOMENT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
ASIDE = "set-aside/20261121T060000Z"


def fill(opened: Opened) -> None:
    """Two sealed segments, one of them compacted, an active one, and a document."""
    opened.wait(opened.put(ROOM, Room(id=1, name="first"), Room(id=2, name="b")))
    opened.wait(opened.put(ROOM, Room(id=1, name="second")))
    opened.compact()
    opened.wait(opened.put(ROOM, Room(id=3, name="c")))
    opened.wait(opened.put(VISIT, Room(id=1, name="d"), Room(id=2, name="e")))
    opened.wait(opened.store.roll())
    opened.wait(opened.put(ROOM, Room(id=1, name="third")))
    opened.wait(opened.put(ROOM, Room(id=4, name="f")))
    opened.wait(opened.put(SETTING, Setting(id=1, name="s")))


HISTORY: dict[Any, set[Any]] = {
    ("room", 1): {"first", "second", "third", None},
    ("room", 2): {"b", None},
    ("room", 3): {"c", None},
    ("room", 4): {"f", None},
    ("visit", 1): {"d", None},
    ("visit", 2): {"e", None},
}


def check_history(opened: Opened) -> None:
    """Whatever is there was there once, and transactions are whole."""
    content: dict[str, dict[int, Any]] = dict(opened.content())
    for (table, id), names in HISTORY.items():
        record = content[table].get(id)
        assert (record.name if record else None) in names
    assert (1 in content["visit"]) == (2 in content["visit"])


def tool(state: Path, *arguments: str, option: str = "--state-dir") -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    calls = Calls()
    done = run(
        [option, str(state), *arguments],
        out,
        err,
        calls,
        now=lambda: MOMENT,
        tables=TABLES,
    )
    status = calls.wait(Deferred.fromCoroutine(done))
    return status, out.getvalue() + err.getvalue()
