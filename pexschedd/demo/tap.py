"""The demo's composition: a daemon, a sandbox Exchange, an identity provider and the
desk in one process.

The daemon gets a clock that can be moved. Otherwise it is the daemon that twistd would
run, and everything else talks to it over HTTP.
"""

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger, globalLogBeginner
from twisted.web.client import Agent, HTTPConnectionPool

from pexschedd import config as configuration
from pexschedd import logs
from pexschedd.clock import system_now
from pexschedd.config import Config
from pexschedd.demo import integration_setup, meeting_rooms, samples
from pexschedd.demo.banner import banner
from pexschedd.demo.clock import DeskClock, MonotonicNow
from pexschedd.demo.daemon import DaemonClient, DaemonDown, DaemonRefused
from pexschedd.demo.desk import Desk
from pexschedd.demo.door_signs import DoorSigns
from pexschedd.demo.identity_provider import IdentityProvider
from pexschedd.demo.ports import HOST, Ports
from pexschedd.demo.snapshot_file import SnapshotFile
from pexschedd.demo.state import DemoState, StateError
from pexschedd.demo.texts import ROOM_NAME
from pexschedd.demo.users import DeskUsers
from pexschedd.errors import ConfigError
from pexschedd.sandbox.mailboxes.accounts import Account, default_accounts
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.server import Sandbox
from pexschedd.sandbox.web import identity_tokens
from pexschedd.tap import Daemon as DaemonService
from pexschedd.util import signals

START_TIMEOUT = 15.0
"""Seconds that the daemon may take to answer after its start."""
RETRY_INTERVAL = 0.1

log = Logger()


def run(folder: Path, port: int) -> int:
    """Run the demo until it is stopped; return the exit status.

    Raises `StateError`, `PortTaken`, or the daemon's own `PexscheddError`.
    """
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - the demo has its root here

    ports = Ports.starting_at(port)
    state = DemoState(folder)
    ports.check_free()
    demo = Demo(state, ports, reactor)
    reactor.callWhenRunning(demo.start)
    signals.on_hangup(reactor, signals.ignore_repeated_signals(reactor), None)
    reactor.addSystemEventTrigger("before", "shutdown", demo.stop)
    reactor.run()
    state.close()
    return demo.status


class Demo:
    """The parts of the demo. Opens the stored state, but no port yet."""

    def __init__(self, state: DemoState, ports: Ports, reactor: Any) -> None:
        self.status = 0
        self._ports = ports
        self._reactor = reactor
        self._password = state.password()
        state.write_config(ports)
        config = _config(state.config)
        observer = logs.LevelObserver(sys.stderr, config.log_level, config.log_format)
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)

        clock = DeskClock(system_now)
        exchange = _exchange(state.exchange, clock)
        self._snapshot_file = SnapshotFile(state.exchange, exchange.snapshot, reactor)
        exchange.on_change(self._snapshot_file.touch)
        self._snapshot_file.touch()
        sandbox = Sandbox(now=clock, clock=reactor, exchange=exchange)
        self._service = DaemonService(config, reactor=reactor, now=clock)

        def issue_token(user: str, audience: str) -> str:
            return identity_tokens.mint(
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
            addin=ports.addin_url,
            admin=ports.admin_url,
            rooms=ports.rooms_url,
            password=self._password,
        )
        self._signs = DoorSigns(self._daemon, ports, state.door_signs, reactor.seconds)
        desk = Desk(
            people=DeskUsers(
                exchange, [samples.ALICE, samples.BOB], integration_setup.ROOM
            ),
            daemon=self._daemon,
            clock=clock,
            ports=ports,
            issue_token=issue_token,
            signs=self._signs,
        )
        root = sandbox.resource()
        desk.mount(root)
        IdentityProvider(ports, now=clock, seconds=reactor.seconds).mount(root)
        self._site = sandbox.site(root)

    def start(self) -> None:
        """Listen, start the daemon, and set up the integration."""
        started = Deferred.fromCoroutine(self._start())
        started.addErrback(lambda failure: self._give_up(str(failure.value)))

    async def _start(self) -> None:
        self._reactor.listenTCP(self._ports.desk, self._site, interface=HOST)
        self._service.startService()
        await self._set_up()
        print(banner(self._ports, self._password), flush=True)  # noqa: T201 - for a terminal

    async def _set_up(self) -> None:
        """Makes the integration and the rooms as soon as the daemon answers."""
        deadline = self._reactor.seconds() + START_TIMEOUT
        while True:
            try:
                await integration_setup.set_up(self._daemon, self._ports)
                await meeting_rooms.set_up(self._daemon, self._ports)
                await self._signs.set_up()
            except (DaemonDown, DaemonRefused):
                if self._reactor.seconds() > deadline:
                    raise
                await deferLater(self._reactor, RETRY_INTERVAL)
            else:
                return

    def _give_up(self, reason: str) -> None:
        print(f"The demo cannot start: {reason}", file=sys.stderr)  # noqa: T201
        self.status = 1
        signals.stop(self._reactor)

    def stop(self) -> Deferred[None]:
        """Stop the daemon, and write the mailboxes to their file."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._pool.closeCachedConnections()
        try:
            await self._service.stopService()
        finally:
            self._snapshot_file.flush()


def _config(path: Path) -> Config:
    try:
        return configuration.load(path)
    except ConfigError as error:
        raise StateError("\n".join([f"{path}:", *error.problems])) from None


def _exchange(path: Path, clock: DeskClock) -> Exchange:
    """Return the mailboxes of the last run, or new ones with a few meetings. Accounts
    that an earlier demo did not have are added."""
    if not path.exists():
        now = MonotonicNow(clock, clock())
        exchange = Exchange(_accounts(), now=now)
        samples.schedule_samples(exchange, clock().astimezone())
        return exchange
    try:
        exchange = Exchange.restore(path.read_bytes(), now=clock)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise StateError(
            f"{path} cannot be read: {error}.\n"
            "Move it away to start with new mailboxes."
        ) from None
    exchange.now = MonotonicNow(clock, max(_stamps(exchange), default=clock()))
    for account in meeting_rooms.accounts():
        if exchange.find(account.address) is None:
            exchange.add_account(account)
    return exchange


def _accounts() -> list[Account]:
    """Return the sandbox's accounts; the equipment mailbox has the demo's name."""
    return [
        *(
            replace(account, name=ROOM_NAME)
            if account.address == integration_setup.ROOM
            else account
            for account in default_accounts()
        ),
        *meeting_rooms.accounts(),
    ]


def _stamps(exchange: Exchange) -> Iterator[datetime]:
    for mailbox in exchange.mailboxes():
        for item in mailbox.all_items():
            yield from (item.received, item.modified)
            if item.meeting is not None:
                yield item.meeting.critical_change
