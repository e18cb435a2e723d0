"""Exchange's signing keys are kept at hand, and lasting trouble with them is said."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.errors import Unavailable, Untrusted
from pexschedd.model import tables
from pexschedd.model.integration.connector import ExchangeDomain
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.metadata_check import (
    LASTING,
    NO_TOKENS_ONLINE,
    NONE_CONFIGURED,
    READ_EVERY,
    RETRY_EVERY,
    KeyDocument,
    MetadataCheck,
)
from pexschedd.scheduling.alarms.names import METADATA
from pexschedd.store.store import Store
from tests.scheduling.process_support import CONNECTOR
from tests.web_admin.web_admin_support import Clock as Wall
from tests.web_admin.web_admin_support import open_store

ONE, TWO = "one.example.test", "two.example.test"


class Desk:
    """A store with an integration, and servers that do as they are told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = Clock()
        self.wrong: dict[str, Exception] = {}
        self.asked: list[str] = []
        self.holding: Deferred[None] | None = None
        self.watch = MetadataCheck(store, Alarms(store, Wall()), self._read, self.clock)

    async def _read(self, document: KeyDocument) -> None:
        domain = document.address
        self.asked.append(domain)
        if self.holding is not None:
            await self.holding
        if domain in self.wrong:
            raise self.wrong[domain]

    def add(self, *domains: str) -> None:
        change = self.store.transaction()
        change.put(tables.CONNECTOR, CONNECTOR)
        for each in domains:
            id_ = change.new_id(tables.EXCHANGE_DOMAIN)
            domain = ExchangeDomain(id=id_, exchange_connector=1, domain=each)
            change.put(tables.EXCHANGE_DOMAIN, domain)
        change.commit()
        self.clock.advance(0)

    def wait(self, seconds: float) -> list[str]:
        """What was asked meanwhile."""
        self.asked.clear()
        self.clock.pump([RETRY_EVERY] * int(seconds / RETRY_EVERY))
        return self.asked

    def raised(self) -> list[tuple[str, str, str]]:
        return [
            (alarm.name, alarm.instance, alarm.details)
            for alarm in self.store.all(tables.ALARM)
            if alarm.time_lowered is None
        ]


@pytest_twisted.async_yield_fixture()
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = open_store(tmp_path / "state")
    desk = Desk(store)
    desk.add(ONE)
    yield desk
    await desk.watch.stopService()
    assert desk.clock.getDelayedCalls() == []
    await store.close()


@pytest_twisted.ensureDeferred
async def test_hourly(desk: Desk) -> None:
    """Documents are read at the start, then once an hour."""
    desk.watch.startService()
    assert desk.asked == [ONE]
    assert desk.wait(READ_EVERY - RETRY_EVERY) == []
    assert desk.wait(RETRY_EVERY) == [ONE]
    assert desk.wait(10 * READ_EVERY) == [ONE] * 10
    assert desk.raised() == []


@pytest_twisted.ensureDeferred
async def test_a_new_domain_is_read_at_once(desk: Desk) -> None:
    """What has just been configured is tried; the others wait for their hour."""
    desk.watch.startService()
    desk.asked.clear()
    desk.add(TWO)
    assert desk.asked == [TWO]


@pytest_twisted.ensureDeferred
async def test_lasting_trouble(desk: Desk) -> None:
    """After ten minutes there is an alarm, which says why; it ends with a reading."""
    desk.add(TWO)
    desk.wrong[TWO] = Unavailable("two cannot be reached")
    desk.watch.startService()
    assert desk.wait(RETRY_EVERY) == [TWO]
    assert desk.raised() == []
    desk.wait(RETRY_EVERY)
    assert desk.raised() == [(METADATA, "Head office", "two cannot be reached")]
    desk.wait(READ_EVERY)
    assert desk.store.count(tables.ALARM) == 1
    del desk.wrong[TWO]
    assert TWO in desk.wait(RETRY_EVERY)
    assert desk.raised() == []


@pytest_twisted.ensureDeferred
async def test_an_impostor(desk: Desk) -> None:
    """Somebody who is not believed is said at once: that does not pass."""
    desk.wrong[ONE] = Untrusted("one is for two")
    desk.watch.startService()
    assert desk.raised() == [(METADATA, "Head office", "one is for two")]


@pytest_twisted.ensureDeferred
async def test_a_domain_that_is_removed(desk: Desk) -> None:
    """The alarm ends with the domain that it was about."""
    desk.wrong[ONE] = Untrusted("one is for two")
    desk.watch.startService()
    change = desk.store.transaction()
    change.delete(tables.EXCHANGE_DOMAIN, 1)
    change.commit()
    desk.clock.advance(0)
    assert desk.raised() == []


@pytest_twisted.ensureDeferred
async def test_no_domain_at_all(desk: Desk) -> None:
    """Nobody would be recognised: said after ten minutes, until there is one."""
    desk.watch.startService()
    change = desk.store.transaction()
    change.delete(tables.EXCHANGE_DOMAIN, 1)
    change.commit()
    desk.clock.advance(0)
    desk.wait(LASTING - RETRY_EVERY)
    assert desk.raised() == []
    desk.wait(2 * RETRY_EVERY)
    assert desk.raised() == [(METADATA, "Head office", NONE_CONFIGURED)]
    desk.add(TWO)
    assert desk.raised() == []


@pytest_twisted.ensureDeferred
async def test_no_domain_over_graph(desk: Desk) -> None:
    """In Exchange Online there is none that would help, so another kind of token is
    asked for."""
    desk.watch.startService()
    change = desk.store.transaction()
    change.put(tables.CONNECTOR, replace(CONNECTOR, mailbox_protocol="GRAPH"))
    change.delete(tables.EXCHANGE_DOMAIN, 1)
    change.commit()
    desk.clock.advance(0)
    desk.wait(LASTING + RETRY_EVERY)
    assert desk.raised() == [(METADATA, "Head office", NO_TOKENS_ONLINE)]


@pytest_twisted.ensureDeferred
async def test_other_tokens(desk: Desk) -> None:
    """Where users show Microsoft 365's tokens, their keys are read in place of
    Exchange's, and lasting trouble with them is said."""
    url = "https://login.example.test/.well-known/openid-configuration"
    change = desk.store.transaction()
    naa = replace(
        CONNECTOR,
        addin_authentication_method="NAA_TOKEN",
        addin_oidc_metadata_url=url,
    )
    change.put(tables.CONNECTOR, naa)
    change.commit()
    desk.watch.startService()
    assert desk.asked == [url]
    assert desk.wait(READ_EVERY) == [url]
    desk.wrong[url] = Unavailable("The keys of Entra ID cannot be read.")
    desk.wait(READ_EVERY + LASTING)
    assert desk.raised() == [
        (METADATA, "Head office", "The keys of Entra ID cannot be read.")
    ]
    desk.wrong.clear()
    desk.wait(RETRY_EVERY)
    assert desk.raised() == []


@pytest_twisted.ensureDeferred
async def test_one_at_a_time(desk: Desk) -> None:
    """Changes while a server is thinking do not make more readings than needed."""
    desk.holding = Deferred()
    desk.watch.startService()
    for _ in range(5):
        desk.add()
    desk.wait(RETRY_EVERY)
    holding, desk.holding = desk.holding, None
    desk.asked.clear()
    holding.callback(None)
    assert desk.asked == []


@pytest_twisted.ensureDeferred
async def test_the_end(desk: Desk) -> None:
    """A server that is thinking does not keep the daemon from stopping."""
    desk.holding = Deferred()
    desk.watch.startService()
    await desk.watch.stopService()
    assert desk.raised() == []
