"""The warning of stored settings that have no effect."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.logger import globalLogPublisher

from pexschedd.management.unsupported_settings import MOST_ROOMS, warn_of_unsupported
from pexschedd.model import tables
from pexschedd.model.conference import Conference
from pexschedd.model.integration.connector import Connector
from pexschedd.model.platform.names import IvrTheme
from pexschedd.store.store import Store
from tests.web_admin.web_admin_support import open_store

CONNECTOR = Connector(id=1, uuid="u", name="one", addin_server_domain="x.test")


@pytest_twisted.async_yield_fixture()
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_store(tmp_path / "state")
    yield opened
    await opened.close()


@pytest.fixture
def events() -> Any:
    seen: list[Any] = []
    observe: Any = seen.append
    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def warnings(events: list[Any]) -> list[tuple[object, object, object]]:
    return [
        (event.get("integration"), event.get("conference"), event.get("setting"))
        for event in events
        if (event.get("log_format") or "").startswith("setting")
    ]


@pytest_twisted.ensureDeferred
async def test_each_is_named_once(store: Store, events: list[Any]) -> None:
    """Settings of rooms are named with their record, and references of integrations
    that lead nowhere; records without any are not."""
    with store.transaction() as change:
        change.put(tables.CONNECTOR, CONNECTOR)
        odd = replace(CONNECTOR, id=2, name="two", host_identity_provider_group=7)
        change.put(tables.CONNECTOR, odd)
        change.put(tables.CONNECTOR, replace(CONNECTOR, id=3, name="3", ivr_theme=1))
        await change.commit()
    with store.transaction() as change:
        change.put(tables.IVR_THEME, IvrTheme(id=1, name="Night"))
        await change.commit()
    with store.transaction() as change:
        change.put(tables.CONFERENCE, Conference(id=1, name="plain"))
        room = Conference(id=2, name="odd", teams_proxy=3)
        change.put(tables.CONFERENCE, room)
        await change.commit()
    warn_of_unsupported(store)
    assert warnings(events) == [
        (2, None, "host_identity_provider_group"),
        (None, 2, "teams_proxy"),
    ]


@pytest_twisted.ensureDeferred
async def test_many_rooms(store: Store, events: list[Any]) -> None:
    """Of many such rooms the first ones are named, and that there are more."""
    with store.transaction() as change:
        for id_ in range(1, MOST_ROOMS + 10):
            change.put(
                tables.CONFERENCE, Conference(id=id_, name=f"r {id_}", teams_proxy=1)
            )
        await change.commit()
    warn_of_unsupported(store)
    found = warnings(events)
    named = range(1, MOST_ROOMS + 1)
    assert found[:-1] == [(None, id_, "teams_proxy") for id_ in named]
    assert found[-1] == (None, None, None)


@pytest_twisted.ensureDeferred
async def test_a_room_that_was_put_right(store: Store, events: list[Any]) -> None:
    """A room whose setting was taken back is not named any more."""
    for proxy in (7, None):
        with store.transaction() as change:
            change.put(tables.CONFERENCE, Conference(id=1, name="r", teams_proxy=proxy))
            await change.commit()
    warn_of_unsupported(store)
    assert warnings(events) == []
