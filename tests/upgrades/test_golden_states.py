"""Every state that a program of ours has ever left is taken over by today's."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from pexschedd import __version__
from pexschedd.model import tables
from pexschedd.store import documents, folder
from pexschedd.store.fs import RealFileSystem
from pexschedd.store.fsck.inspection import inspect
from pexschedd.store.journal import manifest
from tests.store.store_reader import read_folder
from tests.upgrades.golden_support import (
    ALICE,
    NAMES,
    STATES,
    Upgraded,
    copied,
    waiting,
)

CHANGING = {
    *("alarm", "outbox", "mailbox_cursor", "last_sweep"),
    *("endpoint_state", "calendar_calls", "graph_calendar_calls"),
}
"""Tables that a daemon changes by itself as soon as it runs."""


def wrote(name: str) -> str:
    """The release that has left a golden folder."""
    return str(json.loads((STATES / name / "format.json").read_bytes())["version"])


def contents(upgraded: Upgraded) -> dict[str, list[Any]]:
    return {
        table.name: [msgspec.to_builtins(each) for each in upgraded.store.all(table)]
        for table in tables.TABLES
        if table.name not in CHANGING
    }


@pytest.mark.parametrize("name", NAMES)
@pytest_twisted.ensureDeferred
async def test_it_is_taken_over(name: str, tmp_path: Path) -> None:
    """The log says so, and that a copy was kept; administrators sign in with their
    passwords and see every record; the answer that waited is sent, once; and all of it
    written in today's form is the same after another start."""
    state = copied(name, tmp_path / "state")
    before = read_folder(state)
    upgraded = Upgraded(tmp_path, state)
    try:
        with capturedLogs() as events:
            await upgraded.start()
        _was_said_and_copied(name, state, events)
        await _shows_everything(upgraded, before)
        await upgraded.answered()
        assert [
            each.item_class for each in upgraded.exchange.mailbox(ALICE).inbox()
        ] == ["IPM.Schedule.Meeting.Resp.Pos"]
        await _written_again(upgraded)
        left = contents(upgraded)
        await upgraded.stop()
        found = inspect(RealFileSystem(), state, tables.TABLES)
        assert found.findings == []
        with capturedLogs() as events:
            await upgraded.start()
        assert not any("wrote" in each for each in events)
        assert contents(upgraded) == left
        assert len(upgraded.exchange.mailbox(ALICE).inbox()) == 1
    finally:
        await upgraded.stop()
        await upgraded.close()


def _was_said_and_copied(name: str, state: Path, events: Sequence[Any]) -> None:
    said = [each for each in events if "took over" in each["log_format"]]
    copy = state / "backups" / f"before-{__version__}"
    if wrote(name) == __version__:
        assert said == []
        assert not copy.exists()
        return
    (event,) = said
    assert (event["wrote"], event["this"]) == (wrote(name), __version__)
    assert event["copy"] == str(copy)
    versions = {
        table: stored["v"]
        for path in STATES.joinpath(name).glob("*.json")
        for table, stored in json.loads(path.read_bytes()).get("tables", {}).items()
    }
    older = versions["administrator"] < tables.ADMINISTRATOR.version
    assert event["tables"] == ("administrator:1-2" if older else "")
    kept = {p.relative_to(copy): p for p in copy.rglob("*") if p.is_file()}
    golden = STATES / name
    assert set(kept) == {
        p.relative_to(golden) for p in golden.rglob("*") if p.is_file()
    }
    for path, file in kept.items():
        assert file.read_bytes() == (golden / path).read_bytes(), path


async def _shows_everything(upgraded: Upgraded, before: dict[str, Any]) -> None:
    """By the management API as many records of each kind as the folder has."""
    status, known = await upgraded.ask("GET", "configuration/v1/")
    assert status == 200
    shown = set(before) & set(known)
    assert {"ms_exchange_connector", "conference", "scheduled_alias"} <= shown
    for resource in sorted(shown):
        status, found = await upgraded.ask(
            "GET", f"configuration/v1/{resource}/", limit="1000"
        )
        assert status == 200, found
        ids = sorted(each["id"] for each in found["objects"])
        if resource != "scheduled_conference":  # occurrences are listed, too
            assert ids == sorted(before[resource]), resource
        else:
            assert set(ids) >= set(before[resource])
    status, alarms = await upgraded.ask("GET", "status/v1/alarm/")
    assert status == 200
    assert len(alarms["objects"]) >= 1


async def _written_again(upgraded: Upgraded) -> None:
    for table in tables.TABLES:
        for record in list(upgraded.store.all(table)):
            with upgraded.store.transaction() as change:
                change.put(table, record)
                durable = change.commit()
            await durable
    await Deferred.fromCoroutine(upgraded.store.compact())


@pytest.mark.parametrize("name", NAMES)
def test_it_is_rich(name: str) -> None:
    """An empty folder would prove nothing."""
    stored = read_folder(STATES / name)
    for table in (
        "administrator",
        "alarm",
        "ca_certificate",
        "conference",
        "conference_alias",
        "exchange_domain",
        "ms_exchange_connector",
        "recurring_conference",
        "scheduled_alias",
        "scheduled_conference",
    ):
        assert stored[table], table
    assert waiting(STATES / name)["action"]


def test_a_new_form_has_a_golden_folder() -> None:
    """Whoever raises a number of the stored form makes a folder of it with
    `make_state.py`, while all of them can still be read."""
    formats, manifests, whole, versions = set(), set(), set(), set()
    for name in NAMES:
        golden = STATES / name
        formats.add(json.loads((golden / "format.json").read_bytes())["format"])
        for path in golden.glob("*.json"):
            stored = json.loads(path.read_bytes())
            if "tables" in stored:
                whole.add(stored["format"])
                versions |= {(n, t["v"]) for n, t in stored["tables"].items()}
        for path in golden.glob("journal/MANIFEST-*.json"):
            manifests.add(json.loads(path.read_bytes())["format"])
        for path in golden.glob("journal/*.jsonl"):
            lines = map(json.loads, path.read_bytes().splitlines())
            versions |= {(each["put"], each["v"]) for each in lines if "put" in each}
    advice = "make one: python -m tests.upgrades.make_state <release>"
    assert folder.FORMAT in formats, advice
    assert manifest.FORMAT in manifests, advice
    assert documents.FORMAT in whole, advice
    for table in tables.TABLES:
        if table.version > 1:
            assert (table.name, table.version) in versions, f"{table.name}: {advice}"
    assert __version__ in set(map(wrote, NAMES)), advice
