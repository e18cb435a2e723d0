"""The real daemon answers nothing but 503 before it is ready, and while it stops."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
import treq
from twisted.application.service import Service
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.web.http_headers import Headers

from pexschedd import config as configuration
from pexschedd.clock import system_now
from pexschedd.model import tables
from pexschedd.tap import Daemon

reactor: Any = _reactor
RECORDS = "/api/admin/configuration/v1/conference/"


class Slow(Service):
    """Takes its time to stop."""

    def __init__(self) -> None:
        self.stopping = False
        self.stopped: Deferred[None] = Deferred()

    def stopService(self) -> Deferred[None]:
        self.stopping = True
        return self.stopped


class Machine:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begin()

    def begin(self) -> None:
        endpoint = "tcp:0:interface=127.0.0.1"
        values = {
            "state_dir": "state",
            "endpoints": {"addin": [endpoint], "admin": [endpoint]},
        }
        config = configuration.parse(values, self.folder / "config.json")
        self.daemon = Daemon(config, reactor=reactor, now=system_now)

    def start(self) -> None:
        self.daemon.privilegedStartService()
        self.daemon.startService()

    async def ask(self, side: str, path: str) -> int:
        port = self.daemon.http_servers.port(side)
        response = await treq.get(
            f"http://127.0.0.1:{port}{path}",
            persistent=False,
            headers=Headers({b"connection": [b"close"]}),
        )
        await response.content()
        return int(response.code)


@pytest_twisted.async_yield_fixture()
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    if machine.daemon.running:
        await machine.daemon.stopService()


@pytest_twisted.ensureDeferred
async def test_nothing_is_served_before_the_first_administrator(
    machine: Machine,
) -> None:
    """503 on all sides until the administrator is stored; then health is good, and
    the management API asks for a password."""
    machine.start()
    everything = (("addin", "/health"), ("admin", "/health"), ("admin", RECORDS))
    answers = [Deferred.fromCoroutine(machine.ask(*each)) for each in everything]
    found = {
        each: await answer for each, answer in zip(everything, answers, strict=True)
    }
    if not machine.daemon.store.count(tables.ADMINISTRATOR):
        assert set(found.values()) == {503}
    await machine.daemon.first_start
    assert machine.daemon.store.count(tables.ADMINISTRATOR) == 1
    assert [await machine.ask(*each) for each in everything] == [200, 200, 401]


@pytest_twisted.ensureDeferred
async def test_the_watchers_have_begun_before_anything_is_served(
    machine: Machine,
) -> None:
    """Also when there is an administrator already and nothing is to be waited for."""
    machine.start()
    await machine.daemon.first_start
    await machine.daemon.stopService()
    machine.begin()
    begun: list[str] = []
    start = machine.daemon.supervisor.startService

    def noted() -> None:
        begun.append(machine.daemon.http_servers.closed)
        start()

    machine.daemon.supervisor.startService = noted  # type: ignore[method-assign]
    machine.start()
    assert begun == ["The server is starting. Try again in a moment."]
    await machine.daemon.first_start
    assert machine.daemon.http_servers.closed == ""


@pytest_twisted.ensureDeferred
async def test_a_stop_accepts_nothing_more(machine: Machine) -> None:
    """While parts of the daemon still stop, new connections are refused, and those
    that are open get 503 and are told to close."""
    machine.start()
    await machine.daemon.first_start
    slow = Slow()
    slow.setServiceParent(machine.daemon)
    port = machine.daemon.http_servers.port("admin")
    said = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

    def answer(client: socket.socket) -> bytes:
        client.sendall(said)
        return client.recv(65536)

    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    assert (await deferToThread(answer, client)).startswith(b"HTTP/1.1 200 ")
    stopped = machine.daemon.stopService()
    found = await deferToThread(answer, client)
    assert found.startswith(b"HTTP/1.1 503 ")
    assert b"is stopping" in found
    assert b"connection: close" in found.lower()
    assert b"retry-after: 5" in found.lower()
    with socket.socket() as late:
        assert late.connect_ex(("127.0.0.1", port)) != 0
    assert slow.stopping
    client.close()
    slow.stopped.callback(None)
    await stopped


@pytest_twisted.ensureDeferred
async def test_a_stop_during_the_first_start(machine: Machine) -> None:
    """The ports close at once, while the first administrator is still being made,
    and nothing is served when that is done."""
    machine.start()
    port = machine.daemon.http_servers.port("admin")
    stopped = machine.daemon.stopService()
    for _ in range(3):
        await deferLater(reactor, 0)
    assert not stopped.called
    with socket.socket() as late:
        assert late.connect_ex(("127.0.0.1", port)) != 0
    await stopped
    assert "stopping" in machine.daemon.http_servers.closed
