"""The demo's composition: one process with the daemon, a sandbox Exchange and the desk.

Here the daemon gets a clock that can be moved. Otherwise it is the daemon that twistd
would run, and everything else talks to it over HTTP.
"""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger, globalLogBeginner
from twisted.web.client import Agent, HTTPConnectionPool

from pexschedd import config as configuration
from pexschedd import logs
from pexschedd.clock import system_now
from pexschedd.config import Config
from pexschedd.demo import administrator, samples
from pexschedd.demo.banner import banner
from pexschedd.demo.clock import DeskClock, NeverBack
from pexschedd.demo.daemon import DaemonClient, DaemonDown, DaemonRefused
from pexschedd.demo.desk import Desk
from pexschedd.demo.people import People
from pexschedd.demo.ports import HOST, Ports
from pexschedd.demo.sandbox_file import SandboxKeeper
from pexschedd.demo.state import DemoState, StateError
from pexschedd.errors import ConfigError
from pexschedd.sandbox import tokens
from pexschedd.sandbox.accounts import default_accounts
from pexschedd.sandbox.exchange import Exchange
from pexschedd.sandbox.server import Sandbox
from pexschedd.tap import Daemon as DaemonService
from pexschedd.util import signals

PATIENCE = 15.0
"""Seconds that the daemon may take to answer after its start."""
PAUSE = 0.1

log = Logger()


def run(folder: Path, port: int) -> int:
    """Runs the demo until it is stopped; gives the exit status.

    Raises `StateError`, `PortTaken`, or the daemon's own `PexscheddError`.
    """
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - the demo has its root here

    ports = Ports.starting_at(port)
    state = DemoState(folder)
    ports.check_free()
    demo = Demo(state, ports, reactor)
    reactor.callWhenRunning(demo.start)
    signals.stop_on_hangup(reactor)
    signals.ignore_repeated_signals(reactor)
    reactor.addSystemEventTrigger("before", "shutdown", demo.stop)
    reactor.run()
    state.close()
    return demo.status


class Demo:
    """Everything in one process. Opens the stored state, but no port yet."""

    def __init__(self, state: DemoState, ports: Ports, reactor: Any) -> None:
        self.status = 0
        self._ports = ports
        self._reactor = reactor
        self._password = state.password()
        state.write_config(ports)
        config = _config(state.config)
        observer = logs.observer(sys.stderr, config.log_level, config.log_format)
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)

        clock = DeskClock(system_now)
        exchange = _exchange(state.exchange, clock)
        self._keeper = SandboxKeeper(state.exchange, exchange.snapshot, reactor)
        exchange.on_change(self._keeper.touch)
        self._keeper.touch()
        sandbox = Sandbox(now=clock, clock=reactor, exchange=exchange)
        self._service = DaemonService(config, reactor=reactor, now=clock)

        def issue_token(user: str, audience: str) -> str:
            return tokens.mint(
                exchange.certificate,
                exchange.mailbox(user),
                audience=audience,
                base_url=ports.desk_url,
                # Not the exchange's: its clock never goes back, the daemon's may.
                now=clock(),
            )

        pool = HTTPConnectionPool(reactor)
        self._pool = pool
        self._daemon = DaemonClient(
            HTTPClient(Agent(reactor, pool=pool)),
            ports.addin_url,
            ports.admin_url,
            self._password,
        )
        desk = Desk(
            people=People(exchange, [samples.ALICE, samples.BOB], administrator.ROOM),
            daemon=self._daemon,
            clock=clock,
            ports=ports,
            issue_token=issue_token,
        )
        root = sandbox.resource()
        desk.mount(root)
        self._site = sandbox.site(root)

    def start(self) -> None:
        started = Deferred.fromCoroutine(self._start())
        started.addErrback(lambda failure: self._give_up(str(failure.value)))

    async def _start(self) -> None:
        self._reactor.listenTCP(self._ports.desk, self._site, interface=HOST)
        self._service.startService()
        await self._set_up()
        print(banner(self._ports, self._password), flush=True)  # noqa: T201 - for a terminal

    async def _set_up(self) -> None:
        """Makes the integration as soon as the daemon answers."""
        deadline = self._reactor.seconds() + PATIENCE
        while True:
            try:
                await administrator.set_up(self._daemon, self._ports)
            except (DaemonDown, DaemonRefused):
                if self._reactor.seconds() > deadline:
                    raise
                await deferLater(self._reactor, PAUSE)
            else:
                return

    def _give_up(self, reason: str) -> None:
        print(f"The demo cannot start: {reason}", file=sys.stderr)  # noqa: T201
        self.status = 1
        signals.stop(self._reactor)

    def stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._pool.closeCachedConnections()
        try:
            await self._service.stopService()
        finally:
            self._keeper.flush()


def _config(path: Path) -> Config:
    try:
        return configuration.load(path)
    except ConfigError as error:
        raise StateError("\n".join([f"{path}:", *error.problems])) from None


def _exchange(path: Path, clock: DeskClock) -> Exchange:
    """The mailboxes of the last run, or new ones with a few meetings."""
    if not path.exists():
        now = NeverBack(clock, clock())
        exchange = Exchange(default_accounts(), now=now)
        samples.lay_out(exchange, clock().astimezone())
        return exchange
    try:
        exchange = Exchange.restore(path.read_bytes(), now=clock)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise StateError(
            f"{path} cannot be read: {error}.\n"
            "Move it away to start with new mailboxes."
        ) from None
    exchange.now = NeverBack(clock, max(_stamps(exchange), default=clock()))
    return exchange


def _stamps(exchange: Exchange) -> Iterator[datetime]:
    for mailbox in exchange.mailboxes():
        for item in mailbox.all_items():
            yield from (item.received, item.modified)
            if item.meeting is not None:
                yield item.meeting.critical_change
