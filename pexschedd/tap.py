"""The plugin for twistd, and the composition root: `Daemon` joins all parts."""

import gc
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.application.service import IServiceCollection, MultiService
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, Logger

from pexschedd import __version__, logs
from pexschedd.clock import Now, count_steadily, system_now
from pexschedd.composition.clients import Clients
from pexschedd.composition.http_servers import HttpServers
from pexschedd.composition.monitoring import Monitoring
from pexschedd.composition.one_touch import OneTouchJoin
from pexschedd.composition.runtime import Runtime
from pexschedd.composition.screen_routes import ScreenRoutes
from pexschedd.composition.upkeep import UpkeepServices
from pexschedd.composition.watchers import supervisor_of
from pexschedd.config import Config
from pexschedd.daemon_options import DaemonOptions, refuse
from pexschedd.errors import ConfigError, PortUnavailable, StoreError, StoreFull
from pexschedd.history.recorder import settle
from pexschedd.identity.first_administrator import (
    change_password,
    first_administrator,
)
from pexschedd.log_writer import LogWriter
from pexschedd.management.transfer.together import finish_changes
from pexschedd.management.unsupported_settings import warn_of_unsupported
from pexschedd.model import tables
from pexschedd.observation.reactor_delay import ReactorDelay
from pexschedd.scheduling.alarms.disk_space import disk_watch
from pexschedd.scheduling.records import occurrence_window
from pexschedd.store.release_change import COPIES
from pexschedd.store.secrets import read_given_key
from pexschedd.store.store import Store
from pexschedd.supervision.certificate_renewal import CertificateRenewal
from pexschedd.supervision.reload import ConfigurationReload, reloadable
from pexschedd.supervision.service_manager import ServiceManager, ServiceNotifier
from pexschedd.supervision.trace_settings import reread_headers
from pexschedd.tools.exit_status import ExitStatus, status_of
from pexschedd.util import signals
from pexschedd.util.descriptors import SPARE
from pexschedd.util.periodic import Periodic, Running

UPCOMING_EVERY = 60.0
"""Seconds between two updates of the occurrences that administrators see."""

Options = DaemonOptions
"""The name under which twistd looks the command line up."""


def makeService(options: DaemonOptions) -> MultiService:
    """Build the daemon; called by twistd. Exits if it cannot start."""
    from twisted.internet import reactor  # noqa: PLC0415 - twistd has chosen it by now

    count_steadily(reactor)
    is_first = signals.ignore_repeated_signals(reactor)
    # What comes while the store is opened is done once the reactor runs.
    signals.on_hangup(reactor, is_first, lambda: daemon.notifier.reload(reloading.run))
    SPARE.hold()
    try:
        manager = ServiceManager(os.environ, os.getpid())
        daemon = Daemon(
            options.config, reactor=reactor, now=system_now, manager=manager
        )
    except (StoreError, ConfigError) as error:
        refuse(f"pexschedd cannot start: {error}", status_of(error))
    except KeyboardInterrupt:  # opening a large store takes some time
        refuse("pexschedd was stopped before it had started", ExitStatus.STOPPED)
    reactor.callWhenRunning(freeze_collector)
    reloading = daemon.reloading(options.reread)
    return daemon


def freeze_collector() -> None:
    """Exempt all present objects from garbage collection until the process ends.

    A running daemon consists of some hundred thousand objects, its code above all. Each
    full collection would look at all of them, which takes 40 ms, every few thousand
    requests.

    What is left to look at is little, so it is done five times as often as usual: Klein
    leaves the objects of each request in a cycle, and what hundreds of requests that
    have waited for each other leave would be freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


_COLLECTED_AFTER = 700, 10, 2
"""New objects after which the youngest are collected, and collections of each age after
which the next one is."""


class Daemon(MultiService):
    """The whole of pexschedd. Opens the store at once, and ports when it is started.

    Without `listens` it has no ports, for tools, which make one and never start it:
    sockets of systemd are the service's alone. Raises `StoreError` or `ConfigError` if
    it cannot be built.
    """

    _log = Logger()

    def __init__(
        self,
        config: Config,
        *,
        reactor: Any,
        now: Now,
        manager: ServiceManager | None = None,
        listens: bool = True,
    ) -> None:
        super().__init__()
        self._config = config
        self._reactor = reactor
        self._failure = ""
        self.store = store = Store.open(
            config.state_dir,
            tables.TABLES,
            reactor=reactor,
            failed=self._store_failed,
            version=__version__,
            copies=COPIES,
            given_key=None
            if config.key_file is None
            else read_given_key(config.key_file),
        )
        finish_changes(store)
        self._runtime = runtime = Runtime(config, store, reactor=reactor, now=now)
        self._log_lines = logs.LevelObserver(
            runtime.log, config.log_level, config.log_format
        )
        self.alarms = runtime.alarms
        disk_watch(store, runtime.alarms, reactor).setServiceParent(self)
        runtime.audit_log.setServiceParent(self)
        ReactorDelay(reactor, runtime.metrics.reactor_delayed).setServiceParent(self)

        self.clients = clients = Clients(runtime, self._wake_all)
        clients.setServiceParent(self)
        self.trace_exporter = clients.trace_exporter()

        self.supervisor = supervisor_of(runtime, clients)
        self.supervisor.setServiceParent(self)

        self.one_touch = OneTouchJoin(runtime, clients)
        self.one_touch.setServiceParent(self)

        async def update_occurrences(running: Running) -> None:
            await occurrence_window.sweep(store, reactor, now, running)

        Periodic(
            "upcoming", update_occurrences, reactor, UPCOMING_EVERY, at_start=True
        ).setServiceParent(self)
        runtime.clock_trust.on_jump(self._wake_all)
        runtime.clock_trust.service().setServiceParent(self)

        self.http_servers = http_servers = HttpServers(
            runtime, clients, self.one_touch, self._port_failed, listens=listens
        )
        self.doctor = http_servers.doctor
        self.upkeep = UpkeepServices(
            runtime,
            clients,
            doctor=http_servers.doctor,
            supervisor=self.supervisor,
            set_password=partial(
                change_password,
                http_servers.administrators,
                config.state_dir,
                password_file=config.initial_admin_password_file,
            ),
            checks=lambda: monitoring.checks(),
        )
        self.upkeep.setServiceParent(self)

        monitoring = Monitoring(
            store,
            config.state_dir,
            self.supervisor,
            clients.back_off,
            lambda: self._failure,
            now,
            self.one_touch.readings,
            runtime.audit_log.waiting,
        )
        one_touch = self.one_touch
        screens = ScreenRoutes(runtime, one_touch.lists, one_touch.pusher.told)
        http_servers.open(monitoring, self.upkeep, screens.resources())
        http_servers.setServiceParent(self)
        self.renewal = CertificateRenewal(
            http_servers.served,
            store,
            runtime.alarms,
            reactor,
            clients.certificates.check_soon,
        )
        self.renewal.setServiceParent(self)
        self.notifier = ServiceNotifier(
            manager or ServiceManager({}, 0), reactor, monitoring.summary
        )
        self.notifier.setServiceParent(self)

    def setServiceParent(self, parent: IServiceCollection) -> None:
        """Join an application, and set up its log."""
        set_component = getattr(parent, "setComponent", None)
        if set_component is not None:
            set_component(ILogObserver, self._log_lines)
        super().setServiceParent(parent)

    def reloading(self, read: Callable[[], Config]) -> ConfigurationReload:
        """Return what puts the configuration that `read` returns into effect, as far as
        this can be done while it runs."""
        parts = reloadable(
            self._config,
            self._log_lines,
            self.http_servers.use_log_level,
            self.clients.network,
            self._trust_changed,
            self.http_servers.reread_policy_account,
        )
        if self.trace_exporter is not None:
            parts["traces.headers_file"] = partial(reread_headers, self.trace_exporter)
        return ConfigurationReload(read, self._config, parts, self.renewal.reload)

    def _trust_changed(self) -> None:
        self.clients.certificates.check_soon()
        self._wake_all()

    def startService(self) -> None:
        """Start all services, and create the administrator on the first start.

        Requests are answered 503 until both is done.
        """
        self._log.info(
            "daemon starting version={version} state_dir={state_dir}",
            version=__version__,
            state_dir=self._config.state_dir,
        )
        self.start_threads()
        if self.trace_exporter is not None:
            self.trace_exporter.startService()
        warn_of_unsupported(self.store)
        super().startService()
        self.first_start = Deferred.fromCoroutine(self._become_ready())

    def start_threads(self) -> None:
        """Start the threads for slow work, which is all that a tool needs that executes
        an order in the daemon's place."""
        self._runtime.start_threads()

    async def stop_threads(self) -> None:
        """Stop the threads and processes for slow work."""
        await self._runtime.stop_threads()

    def stopService(self) -> Deferred[None]:
        """Stop all services, and close the store last."""
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """Stop ports first, then watchers, then the parts that they use."""
        began = self._reactor.seconds()
        self._log.info("daemon stopping")
        self.notifier.stopping()
        closed = self.http_servers.stopService()
        await self.first_start
        await closed
        await super().stopService()
        if self.trace_exporter is not None:
            await self.trace_exporter.finish()
        await self.stop_threads()
        await self.store.close()
        self.http_servers.flush()
        self._log.info(
            "daemon stopped seconds={seconds:.1f}",
            seconds=self._reactor.seconds() - began,
        )
        # twistd ends by the signal that stopped it, which runs no exit handlers.
        self._runtime.log.drain()

    async def _become_ready(self) -> None:
        """Create the first administrator if there is none, and serve requests then."""
        config = self._config
        await settle(self.store)
        try:
            await first_administrator(
                self.http_servers.administrators,
                config.state_dir,
                config.initial_admin_password_file,
            )
        except ConfigError as error:
            self._fail(error.message, ExitStatus.CONFIG)
            return
        except (StoreError, StoreFull) as error:
            self._fail(error.message)
            return
        ports = await self.http_servers.opened()
        if self._failure or not self.http_servers.serve():
            return
        self._log.info(
            "daemon started version={version} ports={ports} state_dir={state_dir} "
            "integrations={count}",
            version=__version__,
            ports=",".join(ports),
            state_dir=config.state_dir,
            count=self.store.count(tables.CONNECTOR),
        )
        self.notifier.ready()

    def _store_failed(self, error: StoreError) -> None:
        self._fail(error.message)

    def _port_failed(self, error: PortUnavailable) -> None:
        self._fail(error.message, status_of(error))

    def _fail(self, reason: str, status: ExitStatus = ExitStatus.FAILED) -> None:
        """Stop the process with an exit status that its supervisor notices."""
        if self._failure:
            return
        self._failure = reason
        self.notifier.failed(reason)
        self._log.critical("daemon failed reason={reason}", reason=reason)
        reactor = self._reactor
        log = self._runtime.log
        reactor.addSystemEventTrigger("after", "shutdown", _exit, status, log)
        reactor.callWhenRunning(signals.stop, reactor)

    def _wake_all(self) -> None:
        """Have every mailbox looked into now: a server may be believed that was not,
        or the date has changed."""
        for id_ in self.store.ids(tables.CONNECTOR):
            self.supervisor.wake(id_)


def _exit(status: ExitStatus, log: LogWriter) -> None:
    log.drain()
    os._exit(status)
