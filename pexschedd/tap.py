"""The composition root: every part is made and joined here, and only here.

Read it from top to bottom to see what the daemon consists of.
"""

import os
import secrets
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from socket import gethostname
from typing import Any, TypeVar
from uuid import uuid4

from twisted.application.service import IServiceCollection, MultiService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.threads import deferToThreadPool
from twisted.logger import ILogObserver, Logger
from twisted.python.threadpool import ThreadPool
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from pexschedd import __version__, logs, reaching
from pexschedd import config as configuration
from pexschedd.clock import Now, system_now
from pexschedd.config import Config
from pexschedd.connections import Connections
from pexschedd.doctor.doctor import Doctor
from pexschedd.doctor.refused_tokens import RefusedTokens
from pexschedd.errors import ConfigError, StoreError
from pexschedd.ews.patience import Patiences
from pexschedd.identity.addin import AddinIdentity
from pexschedd.identity.administrators import Administrators, first_administrator
from pexschedd.identity.exchange_metadata import ExchangeMetadata
from pexschedd.identity.exchange_token import document_url
from pexschedd.identity.oauth.application import Applications
from pexschedd.identity.oauth.endpoint import TokenEndpoint
from pexschedd.identity.oauth.keepers import LOOK_EVERY, TokenKeepers
from pexschedd.identity.oauth.sign_in import SignIns
from pexschedd.instance import instance_id
from pexschedd.metrics import Metrics, Readings
from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.model.integration import Connector
from pexschedd.observation import CallObserver
from pexschedd.scheduling import health, upcoming
from pexschedd.scheduling.admission import Admission
from pexschedd.scheduling.alarms import Alarms
from pexschedd.scheduling.booking import Booking
from pexschedd.scheduling.certificates import Certificates
from pexschedd.scheduling.clocks import Clocks
from pexschedd.scheduling.disk_space import disk_watch
from pexschedd.scheduling.listening import Listening
from pexschedd.scheduling.lookout import Looked, Lookout
from pexschedd.scheduling.metadata import MetadataWatch
from pexschedd.scheduling.ownership import Ownership, Self
from pexschedd.scheduling.periodic import Periodic, Running
from pexschedd.scheduling.rewriting import Rewriter
from pexschedd.scheduling.scheduler import Scheduler
from pexschedd.scheduling.watcher import Watcher
from pexschedd.scheduling.watchers import Watchers
from pexschedd.scheduling.wording import Wording
from pexschedd.signing_in import Kerberos
from pexschedd.store.space import reserve_of
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates
from pexschedd.tools.housekeeping import Housekeeping
from pexschedd.web.addin.api import AddinApi
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.admin.commands import CommandApi
from pexschedd.web.admin.doctor import DoctorApi, OwnPane
from pexschedd.web.admin.routes import AdminApi
from pexschedd.web.admin.service_account import ServiceAccountApi
from pexschedd.web.health import HealthApi
from pexschedd.web.listener import Listener
from pexschedd.web.policy import PolicyApi
from pexschedd.web.router import Router
from pexschedd.web.site import BufferedSink, Site

T = TypeVar("T")

UPCOMING_EVERY = 60.0
"""Seconds between two looks at which occurrences administrators see."""

HASHING_THREADS = 2
"""A password hash takes 16 MiB and 40 ms: a few at once, in threads of their own."""

KERBEROS_THREADS = 4
"""A domain controller that does not answer keeps one busy for half a minute."""


class Options(UsageOptions):
    """The command line of `twistd pexschedd`."""

    synopsis = "[options]"
    optParameters = [
        ["config", "c", configuration.DEFAULT_PATH, "The configuration file."]
    ]
    optFlags = [
        ["check-config", None, "Say every error in the configuration file, and exit."]
    ]
    config: Config

    def postOptions(self) -> None:
        path = Path(self["config"])
        try:
            self.config = configuration.load(path)
            _check(self.config, path)
        except ConfigError as error:
            problems = "\n".join(f"{path}: {problem}" for problem in error.problems)
            if self["check-config"]:
                sys.exit(problems)
            raise UsageError(problems) from None
        if self["check-config"]:
            sys.stdout.write(f"{path} is in order.\n")
            sys.exit(0)


def makeService(options: Options) -> MultiService:
    """What twistd calls."""
    from twisted.internet import reactor  # noqa: PLC0415 - twistd has chosen it by now

    try:
        return Daemon(options.config, reactor=reactor, now=system_now)
    except (StoreError, ConfigError) as error:
        sys.exit(f"pexschedd cannot start: {error}")


class Daemon(MultiService):
    """The whole of pexschedd. Opens the store at once, ports when it is started.

    Raises `StoreError` or `ConfigError` when it cannot be made.
    """

    _log = Logger()

    def __init__(self, config: Config, *, reactor: Any, now: Now) -> None:
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
        )
        network = reaching.network_of(config, reactor)
        reaching.Uploaded(store, network.trust, reactor, self._trust_changed)
        self.alarms = alarms = Alarms(store, now)
        disk_watch(store, alarms, reactor).setServiceParent(self)
        metrics = Metrics()
        clocks = Clocks(alarms, now)
        patiences = Patiences(reactor, secrets.SystemRandom().random)
        self._asking_kdcs = ThreadPool(0, KERBEROS_THREADS, "kerberos")
        kerberos = Kerberos(
            config.state_dir,
            lambda: store.all(tables.CONNECTOR),
            authorities=self._authorities,
            in_thread=self._in_kerberos_thread,
            now=now,
        )
        token_endpoint = TokenEndpoint(
            lambda direct: (network.direct() if direct else network).agent(),
            store.vault,
            reactor,
            now=now,
            uuid4=_uuid4,
        )
        keepers = TokenKeepers(store, token_endpoint, reactor, now)
        keepers.setServiceParent(self)
        sign_ins = SignIns(
            store, token_endpoint, keepers, now=now, random=secrets.token_urlsafe
        )
        connections = Connections(
            store.vault,
            network,
            kerberos=kerberos,
            patiences=patiences,
            observer=lambda connector: CallObserver(
                connector.name, metrics, clocks, reactor.seconds
            ),
            tokens=keepers.of,
        )
        templates = Templates(now, _uuid4, _digits, self._template_debug)
        wording = Wording(templates)
        scheduler = Scheduler(store, wording, now=now, uuid4=_uuid4, digits=_digits)
        booking = Booking(store, wording, now=now, uuid4=_uuid4, digits=_digits)
        self._hashing = ThreadPool(0, HASHING_THREADS, "hashing")
        administrators = Administrators(store, now, self._in_thread)
        files = ConnectorFiles(config.state_dir)
        metadata = ExchangeMetadata(
            network.agent(direct=reaching.direct_to(store)), reactor
        )
        identity = AddinIdentity(metadata, self._domains, now)

        def connector_of(id: int) -> Connector | None:
            return store.get(tables.CONNECTOR, id)

        def rewriter_of(connector: Connector) -> Rewriter:
            return Rewriter(
                connector.id,
                connections.organizers(connector),
                identity.verify,
                store,
                wording,
                alarms,
                now=now,
                uuid4=_uuid4,
                digits=_digits,
            )

        installation = Self(instance_id(config.state_dir, _uuid4), gethostname())

        def lookout_of(connector: Connector) -> Lookout:
            mailbox = connections.mailbox(connector)

            def latest() -> Connector:
                return connector_of(connector.id) or connector

            def watcher_of(looked: Looked) -> Watcher:
                return Watcher(
                    connector.id,
                    mailbox,
                    rewriter_of(connector),
                    scheduler,
                    store,
                    alarms,
                    clock=reactor,
                    now=now,
                    looked=looked,
                )

            listening = Listening(
                connector,
                connections.notifications(connector, lambda: latest().poll_interval),
                clock=reactor,
                now=now,
                chance=secrets.SystemRandom().random,
            )
            ownership = Ownership(
                latest, mailbox, installation, alarms, clock=reactor, now=now
            )
            return Lookout(watcher_of, listening, ownership)

        self.watchers = Watchers(store, alarms, lookout_of, reactor)
        self.watchers.setServiceParent(self)

        certificates = Certificates(
            store,
            alarms,
            given=network.trust.given,
            own=reaching.own_certificates(config),
            clock=reactor,
            now=now,
        )
        network.trust.watch(certificates.seen)
        certificates.setServiceParent(self)
        MetadataWatch(
            store,
            alarms,
            lambda domain: metadata.refresh(document_url(domain)),
            reactor,
        ).setServiceParent(self)

        async def follow_the_time(running: Running) -> None:
            await upcoming.sweep(store, reactor, now, running)

        Periodic(
            "upcoming", follow_the_time, reactor, UPCOMING_EVERY, at_start=True
        ).setServiceParent(self)

        refused = RefusedTokens(identity.verify)
        self.doctor = Doctor(
            store,
            network,
            connections.poster,
            state_dir=config.state_dir,
            now=now,
            pane=OwnPane(files, wording.placeholder),
            refused_hosts=refused.hosts,
            serving=lambda: bool(self.running),
            reserve=reserve_of,
        )

        async def use_idle_sign_ins(_: Running) -> None:
            await keepers.use_idle()

        Periodic(
            "sign-ins", use_idle_sign_ins, reactor, LOOK_EVERY, at_start=True
        ).setServiceParent(self)

        self.housekeeping = Housekeeping(
            store,
            wording,
            alarms,
            connections.both,
            state_dir=config.state_dir,
            reactor=reactor,
            now=now,
            uuid4=_uuid4,
            digits=_digits,
            examine=self.doctor.examine,
        )
        self.housekeeping.setServiceParent(self)

        metrics.watch(self._readings())
        public = HealthApi(self._checks, __version__).app.resource()
        well = HealthApi(self._checks, __version__, metrics.exposition).app.resource()
        policy = PolicyApi(Admission(store, now)).app.resource()
        addin = AddinApi(
            connector_of, refused.verify, booking, files, wording.placeholder
        ).app.resource()
        commands = CommandApi(store, administrators, self.housekeeping.audits)
        admin = commands.beside(
            AdminApi(
                store, administrators, now, templates, connector_files=files
            ).app.resource()
        )
        admin = DoctorApi(store, administrators, self.doctor.examine).beside(admin)
        admin = ServiceAccountApi(
            store,
            administrators,
            sign_ins,
            keepers,
            Applications(store, now, self._in_thread),
            now=now,
        ).beside(admin)
        self._access = BufferedSink(sys.stdout.write, reactor)
        access = self._access if config.log_level in ("debug", "info") else None
        for name, endpoints, resource in (
            (
                "addin",
                config.addin_endpoints,
                Router(addin, {b"policy": policy, b"health": public}),
            ),
            (
                "admin",
                config.admin_endpoints,
                Router(admin, {b"health": well, b"metrics": well}),
            ),
        ):
            site = Site(resource, reactor, access)
            for number, endpoint in enumerate(endpoints):
                listener = Listener(
                    f"endpoints.{name}[{number}] ({endpoint})",
                    serverFromString(reactor, endpoint),
                    site,
                    self._fail,
                )
                listener.setServiceParent(self)
        self._administrators = administrators

    def setServiceParent(self, parent: IServiceCollection) -> None:
        """Sets the log up as soon as there is an application to log for."""
        set_component = getattr(parent, "setComponent", None)
        if set_component is not None:
            level, form = self._config.log_level, self._config.log_format
            set_component(ILogObserver, logs.observer(sys.stdout, level, form))
        super().setServiceParent(parent)

    def startService(self) -> None:
        self._log.info("pexschedd {version} is starting", version=__version__)
        self.start_threads()
        self.first_start = Deferred.fromCoroutine(self._ensure_administrator())
        super().startService()

    def start_threads(self) -> None:
        """For slow work. A tool that works in the daemon's place starts only these."""
        self._hashing.start()
        self._asking_kdcs.start()

    def stop_threads(self) -> None:
        self._hashing.stop()
        self._asking_kdcs.stop()

    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        """Ports and watchers first, then what they use."""
        await self.first_start
        await super().stopService()
        self.stop_threads()
        await self.store.close()
        self._access.flush()

    async def _ensure_administrator(self) -> None:
        config = self._config
        try:
            await first_administrator(
                self._administrators,
                config.state_dir,
                config.initial_admin_password_file,
            )
        except (ConfigError, StoreError) as error:
            self._fail(error.message)

    def _store_failed(self, error: StoreError) -> None:
        self._fail(error.message)

    def _fail(self, reason: str) -> None:
        """Stops the process, with an exit status that makes a supervisor notice."""
        if self._failure:
            return
        self._failure = reason
        self._log.critical("{reason}", reason=reason)
        reactor = self._reactor
        reactor.addSystemEventTrigger("after", "shutdown", _exit_failed)
        reactor.callWhenRunning(reactor.stop)

    def _in_thread(self, work: Callable[[], T]) -> Deferred[T]:
        return deferToThreadPool(self._reactor, self._hashing, work)

    def _authorities(self) -> bytes:
        """All certificates that are believed beside the system's."""
        path = self._config.ca_file
        uploaded = self.store.all(tables.CA_CERTIFICATE)
        return b"\n".join(
            [
                path.read_bytes() if path is not None and path.exists() else b"",
                *(each.certificate.encode() for each in uploaded),
            ]
        )

    def _in_kerberos_thread(self, work: Callable[[], T]) -> Deferred[T]:
        return deferToThreadPool(self._reactor, self._asking_kdcs, work)

    def _domains(self, connector_id: int) -> list[str]:
        found = self.store.find_all(tables.DOMAIN_BY_CONNECTOR, connector_id)
        return [domain.domain for domain in found]

    def _checks(self) -> list[health.Check]:
        store = self.store
        return health.examine(
            self._failure,
            store.refusal,
            [connector.name for connector in store.all(tables.CONNECTOR)],
            self._raised(),
        )

    def _raised(self) -> list[Alarm]:
        return [a for a in self.store.all(tables.ALARM) if a.time_lowered is None]

    def _readings(self) -> Readings:
        store = self.store
        return Readings(
            records=lambda: [(t.name, store.count(t)) for t in tables.TABLES],
            alarms=lambda: Counter(alarm.name for alarm in self._raised()).items(),
            integrations=list,
            free_bytes=lambda: shutil.disk_usage(self._config.state_dir).free,
        )

    def _trust_changed(self) -> None:
        """Whoever could not be believed is tried again now."""
        for id_ in self.store.ids(tables.CONNECTOR):
            self.watchers.wake(id_)

    def _template_debug(self, text: str) -> None:
        self._log.info("template: {text}", text=text)


def _check(config: Config, path: Path) -> None:
    """What only those can say who use it. Raises `ConfigError`."""
    from twisted.internet import reactor  # noqa: PLC0415 - twistd has chosen it by now

    problems = []
    for name, endpoints in (
        ("addin", config.addin_endpoints),
        ("admin", config.admin_endpoints),
    ):
        for number, endpoint in enumerate(endpoints):
            try:
                serverFromString(reactor, endpoint)
            except Exception as error:  # noqa: BLE001 - each kind has errors of its own
                problems.append(f"endpoints.{name}[{number}]: {endpoint!r}: {error}")
    try:
        reaching.network_of(config, reactor)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(str(path), problems)


def _exit_failed() -> None:
    sys.stdout.flush()
    os._exit(1)


def _uuid4() -> str:
    return str(uuid4())


def _digits(length: int) -> str:
    return str(secrets.randbelow(10**length)).zfill(length)
