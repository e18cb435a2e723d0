"""The use case behind the add-in's question: records, Exchange, and its patience."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import MailboxRefused
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.model.meeting import Person
from pexschedd.scheduling.decisions.alias_release import user_key
from pexschedd.scheduling.decisions.tag_state import TagState, TagStatus
from pexschedd.scheduling.tag_status import PATIENCE, TagQuestion, TagStatuses
from tests.scheduling.upkeep.upkeep_support import (
    CONNECTOR,
    Upkeep,
    alias,
    meeting,
    tag,
)

TAGS = tuple(f"PXPS:-{tag(number)}#" for number in range(1, 7))
OURS, UNSURE = TagStatus(TagState.THIS), TagStatus(TagState.THIS, False)
ANOTHER = TagStatus(TagState.ANOTHER)


class Calendars:
    """Items by mailbox and id; an unknown mailbox is refused, some never answer."""

    def __init__(self) -> None:
        self.items = {"alice@example.test": {"item": meeting(1).uid}}
        self.hanging: set[str] = set()
        self.asked: list[str] = []

    async def item_uid(self, address: str, item_id: str) -> str:
        self.asked.append(address)
        if address in self.hanging:
            await Deferred()
        if address not in self.items:
            raise MailboxRefused("The service account may not act for the organizer.")
        return self.items[address].get(item_id, "")


class Desk(Upkeep):
    """Five meetings with rooms, and a tag that is free; Anna booked all of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.calendars = Calendars()
        self.counted: list[tuple[str, str]] = []
        self.patience = Clock()
        self.statuses = TagStatuses(
            self.store,
            lambda connector: self.calendars,
            clock=self.patience,
            now=self.time,
            counted=lambda integration, state: self.counted.append(
                (integration, state)
            ),
        )

    async def furnish(self) -> None:
        key = user_key(CONNECTOR.uuid, "anna")
        await self.put(tables.CONNECTOR, CONNECTOR)
        await self.put(
            tables.SCHEDULED_ALIAS, *(alias(n, booked_by=key) for n in range(1, 7))
        )
        people = ("alice", "alice", "bob", "carol", "dan")
        await self.schedule(
            *(
                replace(
                    meeting(number),
                    organizer=Person(name, f"{name}@example.test"),
                )
                for number, name in enumerate(people, 1)
            )
        )

    async def ask(
        self,
        *numbers: int,
        user: str = "anna",
        connector: Connector = CONNECTOR,
        **question: Any,
    ) -> list[TagStatus]:
        asked = tuple(TAGS[number - 1] for number in numbers)
        found = await self.statuses.answer(
            connector, user, TagQuestion(tags=asked, **question)
        )
        return [found[each] for each in asked]


@pytest_twisted.async_yield_fixture()
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path)
    await made.furnish()
    yield made
    await made.store.close()


@pytest_twisted.ensureDeferred
async def test_by_the_item(desk: Desk) -> None:
    """The organizer's calendar tells which meeting the item is, for all tags."""
    found = await desk.ask(1, 2, 6, item_id="item")
    assert found == [OURS, ANOTHER, TagStatus(TagState.FREE)]
    assert desk.calendars.asked == ["alice@example.test"]
    assert desk.counted == [
        ("Head office", "this"),
        ("Head office", "another"),
        ("Head office", "free"),
    ]


@pytest_twisted.ensureDeferred
async def test_an_item_in_nobodys_calendar(desk: Desk) -> None:
    """A quoted tag: its organizer does not have the item that is being edited."""
    assert await desk.ask(1, item_id="mine") == [ANOTHER]


@pytest_twisted.ensureDeferred
async def test_what_needs_no_calendar(desk: Desk) -> None:
    """A new draft, a free tag and nonsense are answered without Exchange."""
    assert await desk.ask(1, is_new=True, item_id="item") == [ANOTHER]
    assert await desk.ask(6, item_id="item") == [TagStatus(TagState.FREE)]
    unknown = TagStatus(TagState.UNKNOWN)
    found = await desk.statuses.answer(
        CONNECTOR, "anna", TagQuestion(tags=("nonsense",), item_id="item")
    )
    assert found == {"nonsense": unknown}
    elsewhere = replace(CONNECTOR, id=2)
    assert await desk.ask(1, connector=elsewhere, item_id="item") == [unknown]
    assert desk.calendars.asked == []


@pytest_twisted.ensureDeferred
async def test_exchange_refuses(desk: Desk) -> None:
    """Without impersonation the times decide, for the user who booked the room."""
    times: dict[str, Any] = {"start": meeting(1).start, "end": meeting(1).end}
    desk.calendars.items.clear()
    assert await desk.ask(1, item_id="item", **times) == [UNSURE]
    unsure = TagStatus(TagState.ANOTHER, False)
    assert await desk.ask(1, item_id="item", user="eve", **times) == [unsure]


@pytest_twisted.ensureDeferred
async def test_exchange_is_slow(desk: Desk) -> None:
    """The user waits three seconds at most; what was learnt until then counts."""
    desk.calendars.hanging = {"bob@example.test"}
    asking = Deferred.fromCoroutine(desk.ask(1, 3, item_id="mine"))
    desk.patience.advance(PATIENCE - 0.1)
    assert not asking.called
    desk.patience.advance(0.2)
    found = await asking
    assert found == [ANOTHER, TagStatus(TagState.ANOTHER, False)]


@pytest_twisted.ensureDeferred
async def test_few_calendars_are_searched(desk: Desk) -> None:
    """A long quoted thread does not become a question for each of its people."""
    people = ("alice", "bob", "carol", "dan")
    desk.calendars.items = {f"{name}@example.test": {} for name in people}
    await desk.ask(1, 3, 4, 5, item_id="mine")
    assert len(desk.calendars.asked) == 3
