"""Certificates that expire are spoken of in time, and no longer than they have to."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_twisted
from msgspec.structs import replace
from twisted.internet.task import Clock

from pexschedd.crypto.certificates import described
from pexschedd.identity.oauth.assertion import make_certificate
from pexschedd.model import tables
from pexschedd.model.ca_certificate import CaCertificate, filled_in
from pexschedd.model.integration.connector import ExchangeDomain
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.scheduling.alarms.certificate_expiry import (
    EVERY,
    CertificateExpiry,
    OwnCertificate,
)
from pexschedd.scheduling.alarms.names import (
    APPLICATION_CERTIFICATE_EXPIRES,
    CA_EXPIRES,
    CERTIFICATE_EXPIRES,
    OWN_CERTIFICATE_EXPIRES,
)
from pexschedd.store.store import Store
from tests.net.net_support import Authority, dns
from tests.scheduling.process_support import CONNECTOR
from tests.web_admin.web_admin_support import Clock as Wall
from tests.web_admin.web_admin_support import open_store

DAY = timedelta(days=1)
START = Wall().time
MAIL = "mail.example.test"


class Desk:
    """A store, its alarms, and the watch over certificates."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.wall = Wall()
        self.clock = Clock()
        self.alarms = Alarms(store, self.wall)
        self.watch: CertificateExpiry | None = None

    def start(self, **parts: Any) -> CertificateExpiry:
        self.watch = CertificateExpiry(
            self.store, self.alarms, clock=self.clock, now=self.wall, **parts
        )
        self.watch.startService()
        return self.watch

    def pass_days(self, days: int) -> None:
        for _ in range(days):
            self.wall.advance(days=1)
            self.clock.advance(EVERY)

    def raised(self) -> dict[tuple[str, str], str]:
        return {
            (alarm.name, alarm.instance): alarm.details
            for alarm in self.store.all(tables.ALARM)
            if alarm.time_lowered is None
        }

    def put(self, table: Any, record: Any) -> None:
        change = self.store.transaction()
        if not record.id:
            record = replace(record, id=change.new_id(table))
        change.put(table, record)
        change.commit()
        self.clock.advance(0)

    def upload(self, authority: Authority) -> None:
        text = authority.pem.decode()
        self.put(
            tables.CA_CERTIFICATE, filled_in(CaCertificate(id=0, certificate=text))
        )


@pytest_twisted.async_yield_fixture()
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = open_store(tmp_path / "state")
    desk = Desk(store)
    yield desk
    if desk.watch is not None:
        await desk.watch.stopService()
    assert desk.clock.getDelayedCalls() == []
    await store.close()


def until(end: datetime, name: str = "Root") -> Authority:
    return Authority(name, begins=START - 300 * DAY, expires=end)


@pytest_twisted.ensureDeferred
async def test_all_that_are_known(desk: Desk) -> None:
    """They are listed whether they expire soon or not, those of servers once they
    were seen; each knows whether it is time to renew it."""
    watch = desk.start()
    assert watch.certificates() == []
    desk.upload(until(START + 31 * DAY))
    desk.put(
        tables.EXCHANGE_DOMAIN,
        ExchangeDomain(id=0, exchange_connector=1, domain=MAIL),
    )
    assert [each.alarm for each in watch.certificates()] == [CA_EXPIRES]
    watch.seen(MAIL, until(START + 15 * DAY, MAIL).certificate)
    trusted, presented = watch.certificates()
    assert (presented.alarm, presented.instance) == (CERTIFICATE_EXPIRES, MAIL)
    for days, due in ((0, [False, False]), (1, [True, True])):
        now = START + days * DAY
        assert [trusted.is_due(now), presented.is_due(now)] == due
    desk.clock.advance(0)


@pytest_twisted.ensureDeferred
async def test_an_uploaded_one(desk: Desk) -> None:
    """Thirty days ahead there is one alarm, until the successor is uploaded."""
    desk.start()
    desk.upload(until(START + 32 * DAY))
    desk.pass_days(1)
    assert desk.raised() == {}
    desk.pass_days(2)
    (details,) = desk.raised().values()
    assert list(desk.raised()) == [(CA_EXPIRES, "CN=Root")]
    assert 'The trusted certificate "CN=Root" expires on 2026-12-23.' in details
    assert desk.store.count(tables.ALARM) == 1
    desk.upload(until(START + 3000 * DAY))
    assert desk.raised() == {}


@pytest_twisted.ensureDeferred
async def test_one_that_is_deleted(desk: Desk) -> None:
    """An alarm ends with the certificate it was about."""
    desk.start()
    desk.upload(until(START + DAY))
    assert len(desk.raised()) == 1
    desk.pass_days(2)
    assert "expired on" in "".join(desk.raised().values())
    change = desk.store.transaction()
    change.delete(tables.CA_CERTIFICATE, 1)
    change.commit()
    desk.clock.advance(0)
    assert desk.raised() == {}


@pytest_twisted.ensureDeferred
async def test_one_of_the_configuration(desk: Desk) -> None:
    """The certificates of ca_file are looked at from the start on."""
    given = described(until(START + 29 * DAY).certificate)
    desk.start(given=lambda: [given])
    assert list(desk.raised()) == [(CA_EXPIRES, "CN=Root")]


@pytest_twisted.ensureDeferred
async def test_an_exchange_servers(desk: Desk) -> None:
    """Fourteen days ahead, until the server shows a newer one."""
    watch = desk.start()
    desk.put(tables.CONNECTOR, CONNECTOR)
    root = until(START + 300 * DAY)
    names = dns(MAIL)
    old = root.server(names, begins=START - DAY, expires=START + 20 * DAY)
    new = root.server(names, begins=START - DAY, expires=START + 200 * DAY)
    watch.seen(MAIL, old.certificate)
    watch.seen("login.elsewhere.test", old.certificate)
    desk.clock.advance(0)
    desk.pass_days(5)
    assert desk.raised() == {}
    desk.pass_days(2)
    assert list(desk.raised()) == [(CERTIFICATE_EXPIRES, MAIL)]
    watch.seen(MAIL, old.certificate)
    assert desk.clock.getDelayedCalls()[0].getTime() > desk.clock.seconds()
    watch.seen(MAIL, new.certificate)
    desk.clock.advance(0)
    assert desk.raised() == {}


@pytest_twisted.ensureDeferred
async def test_a_server_not_seen_since_the_start(desk: Desk) -> None:
    """An alarm outlives a restart, but not the integration it was about."""
    desk.put(tables.CONNECTOR, replace(CONNECTOR, url=""))
    domain = ExchangeDomain(id=0, exchange_connector=1, domain=f"{MAIL}:444")
    desk.put(tables.EXCHANGE_DOMAIN, domain)
    desk.alarms.raise_(CERTIFICATE_EXPIRES, MAIL, "before the restart")
    desk.start()
    desk.pass_days(3)
    assert list(desk.raised()) == [(CERTIFICATE_EXPIRES, MAIL)]
    change = desk.store.transaction()
    change.delete(tables.EXCHANGE_DOMAIN, 1)
    change.commit()
    desk.clock.advance(0)
    assert desk.raised() == {}


@pytest_twisted.ensureDeferred
async def test_our_own(desk: Desk) -> None:
    """What we show ourselves is spoken of until another one is shown."""
    root = until(START + 300 * DAY)
    short = root.server(dns(MAIL), begins=START - DAY, expires=START + 13 * DAY)
    serving = [described(short.certificate)]
    own = OwnCertificate("endpoints.addin[0]", lambda: serving[0])
    watch = desk.start(own=[own])
    assert list(desk.raised()) == [(OWN_CERTIFICATE_EXPIRES, "endpoints.addin[0]")]
    assert "Renew its file" in "".join(desk.raised().values())
    serving[0] = described(root.certificate)
    watch.check_soon()
    desk.clock.advance(0)
    assert desk.raised() == {}


@pytest_twisted.ensureDeferred
async def test_that_of_an_application(desk: Desk) -> None:
    """Nobody else remembers it two years later: an alarm of the integration, until it
    has another one, or signs in with something else."""
    desk.start()
    first = replace(
        CONNECTOR,
        authentication_method="APP_PERM",
        oauth_client_secret="",
        public_key=made(START - 699 * DAY),
    )
    desk.put(tables.CONNECTOR, first)
    assert desk.raised() == {}  # 31 days are left
    desk.pass_days(1)
    ((which, details),) = desk.raised().items()
    assert which == (APPLICATION_CERTIFICATE_EXPIRES, CONNECTOR.name)
    assert f'the integration "{CONNECTOR.name}" signs in expires on 2026-' in details
    assert "make_certificate" in details
    desk.pass_days(35)
    assert "expired on" in "".join(desk.raised().values())

    desk.put(tables.CONNECTOR, replace(first, public_key=made(desk.wall())))
    assert desk.raised() == {}
    desk.put(tables.CONNECTOR, first)
    assert len(desk.raised()) == 1
    desk.put(tables.CONNECTOR, replace(first, oauth_client_secret="sealed:v1:x"))
    assert desk.raised() == {}
    ntlm = replace(first, authentication_method="NTLM")
    desk.put(tables.CONNECTOR, ntlm)
    assert desk.raised() == {}
    desk.put(tables.CONNECTOR, replace(ntlm, mailbox_protocol="GRAPH"))
    assert len(desk.raised()) == 1
    desk.put(tables.CONNECTOR, replace(first, public_key="damaged"))
    assert desk.raised() == {}


def made(at: datetime) -> str:
    return make_certificate("pexschedd", at).certificate
