"""Builds everything that other machines reach: the two sides of the HTTP server."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.web.resource import IResource

from pexschedd import __version__
from pexschedd.composition.addin_routes import AddinRoutes
from pexschedd.composition.clients import Clients
from pexschedd.composition.monitoring import Monitoring, certificate_records
from pexschedd.composition.runtime import Runtime, uuid4
from pexschedd.composition.transfer import large_transfers, transfer_routes
from pexschedd.composition.upkeep import UpkeepServices
from pexschedd.config import Config
from pexschedd.doctor.doctor import Doctor
from pexschedd.doctor.refused_tokens import RefusedTokens
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.initial_password import read_password
from pexschedd.identity.oauth.application import Applications
from pexschedd.identity.script_tokens import ScriptTokens, issuer
from pexschedd.management.computed.draft import Drafts
from pexschedd.management.computed.live import LiveStatus
from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.management.lists.column_indexes import ColumnIndexes
from pexschedd.management.record_queries import RecordQueries
from pexschedd.management.record_writer import RecordWriter
from pexschedd.management.save_notes import Revision, SaveNote
from pexschedd.net.server_tls import server_endpoint
from pexschedd.scheduling.admission import Admission
from pexschedd.store.disk.reserve import reserve_of
from pexschedd.web.admin.addin_files import AddinFileRoutes
from pexschedd.web.admin.addin_status import AddinStatusRoutes
from pexschedd.web.admin.api import AdminApi, AdminRoutes
from pexschedd.web.admin.audits import AuditRoutes
from pexschedd.web.admin.commands.mailboxes import MailboxCommandRoutes
from pexschedd.web.admin.commands.own_password import OwnPasswordRoutes
from pexschedd.web.admin.computed import ComputedRoutes
from pexschedd.web.admin.consequences import consequences
from pexschedd.web.admin.doctor import DoctorRoutes
from pexschedd.web.admin.oauth_tokens import OAuthTokenRoutes
from pexschedd.web.admin.openapi.serving import OpenApiRoutes
from pexschedd.web.admin.overview import OverviewRoutes
from pexschedd.web.admin.page.routes import PageRoutes
from pexschedd.web.admin.records import RecordRoutes, large_bodies
from pexschedd.web.admin.service_account import ServiceAccountRoutes
from pexschedd.web.admin.status.principal import PrincipalRoutes
from pexschedd.web.basic_auth import OneAccount
from pexschedd.web.connections import ConnectionCaps
from pexschedd.web.health import HealthApi
from pexschedd.web.listener import Listener
from pexschedd.web.path_router import PathRouter
from pexschedd.web.policy import PolicyApi
from pexschedd.web.site import BufferedSink, HttpSite

STARTING = "The server is starting. Try again in a moment."
STOPPING = "The server is stopping. Try again in a moment."

RESERVED_DESCRIPTORS = 256
"""Kept for the store, for Exchange and for the control socket."""


class HttpServers(MultiService):
    """The HTTP servers for the add-in and for administrators, and the doctor.

    `failed` is called with the reason if a port cannot be opened. The doctor is made
    here because it compares the add-in's pane with the one that is served.
    """

    def __init__(
        self, runtime: Runtime, clients: Clients, failed: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._runtime = runtime
        self._clients = clients
        self._failed = failed
        self.closed = STARTING
        """The reason why every request is answered 503; empty while they are served."""
        self._addin = AddinRoutes(runtime, clients)
        self._addin.setServiceParent(self)
        refused = RefusedTokens()
        clients.identity.on_refusal(refused.note)
        self._access = BufferedSink(runtime.log.access, runtime.reactor)
        self.administrators = Administrators(
            runtime.store,
            runtime.now,
            runtime.in_thread,
            seconds=runtime.reactor.seconds,
            counted=runtime.metrics.sign_in,
        )
        self.script_tokens = ScriptTokens(
            runtime.store, runtime.now, self.administrators.count_failure
        )
        self.doctor = Doctor(
            runtime.store,
            clients.network,
            clients.connections.poster,
            state_dir=runtime.config.state_dir,
            now=runtime.now,
            pane=self._addin.pages.pane,
            refused_hosts=refused.hosts,
            serving=lambda: bool(self.running),
            addin=self._addin.state,
            policy_is_open=runtime.config.policy_password_file is None
            and not runtime.config.policy_endpoints,
            reserve=reserve_of,
        )

    def open(self, monitoring: Monitoring, upkeep: UpkeepServices) -> None:
        """Build both sides; their ports open when this service is started."""
        metrics = self._runtime.metrics
        metrics.watch(monitoring.readings())
        config = self._runtime.config
        public = HealthApi(monitoring.checks, __version__).app.resource()
        health = HealthApi(
            monitoring.checks, __version__, metrics.exposition
        ).app.resource()
        admission = Admission(self._runtime.store, self._runtime.now)
        policy = PolicyApi(admission, _policy_account(config)).app.resource()
        addin = {b"health": public}
        if config.policy_endpoints:
            only = {b"policy": policy, b"health": public}
            self._listen("policy", config.policy_endpoints, PathRouter(public, only))
        else:
            addin[b"policy"] = policy
        self._listen(
            "addin", config.addin_endpoints, PathRouter(self._addin.resource(), addin)
        )
        self._listen(
            "admin",
            config.admin_endpoints,
            PathRouter(
                self._admin(upkeep, monitoring), {b"health": health, b"metrics": health}
            ),
            large_bodies() | large_transfers(),
        )

    def port(self, side: str) -> int:
        """Return the port of the first TCP endpoint of a side, `addin` or `admin`.

        The endpoint has to be open; it may have left the choice to the system.
        """
        listener: Any = next(
            each for each in self if str(each.name).startswith(f"endpoints.{side}[0]")
        )
        return int(listener.port.getHost().port)

    def serve(self) -> None:
        """Answer requests from now on, unless the servers are being stopped."""
        if self.closed == STARTING:
            self.closed = ""

    def stopService(self) -> "Deferred[Any]":
        """Close the ports, and answer 503 on connections that are still open."""
        self.closed = STOPPING
        stopped: Deferred[Any] = super().stopService()
        return stopped

    def flush(self) -> None:
        """Write the access log's lines that are still buffered."""
        self._access.flush()

    def _admin(self, upkeep: UpkeepServices, monitoring: Monitoring) -> IResource:
        runtime, store = self._runtime, self._runtime.store
        columns = ColumnIndexes(store, runtime.reactor)
        queries = RecordQueries(store, runtime.reactor, columns=columns)
        writer = RecordWriter(
            store,
            runtime.templates,
            clock=runtime.reactor,
            now=runtime.now,
            uuid4=uuid4,
            review=self._review,
            make_hash=self.administrators.make_hash,
            issue=issuer(uuid4),
            columns=columns,
        )
        service_account = ServiceAccountRoutes(
            store,
            self._clients.sign_ins,
            self._clients.token_caches,
            Applications(store, runtime.now, runtime.in_thread),
            now=runtime.now,
        )
        parts: tuple[AdminRoutes, ...] = (
            OverviewRoutes(),
            OpenApiRoutes(),
            RecordRoutes(queries, writer),
            ComputedRoutes(
                ComputedQueries(
                    store, runtime.reactor, runtime.now, self._live(monitoring)
                )
            ),
            AddinFileRoutes(store, self._addin.files, runtime.now),
            AddinStatusRoutes(store, self._addin.state),
            AuditRoutes(store, upkeep.audits),
            MailboxCommandRoutes(store, upkeep.mailbox_commands, runtime.now),
            OwnPasswordRoutes(self.administrators),
            DoctorRoutes(
                store,
                self.doctor.examine,
                self.doctor.examine_draft,
                Drafts(store, runtime.templates, now=runtime.now, uuid4=uuid4),
            ),
            service_account,
            *transfer_routes(runtime, self._clients.network, writer.tools),
            OAuthTokenRoutes(self.script_tokens.clients),
            PrincipalRoutes(),
            PageRoutes(),
        )
        return AdminApi(self.administrators, parts, self.script_tokens).resource()

    def _live(self, monitoring: Monitoring) -> LiveStatus:
        return LiveStatus(
            exchange_integration=monitoring.integrations,
            message_count=self._runtime.message_counts.records,
            certificate=partial(
                certificate_records, self._clients.certificates, self._runtime.now
            ),
        )

    def _review(self, revision: Revision) -> list[SaveNote]:
        return [*consequences(revision), *self._addin.review(revision)]

    def _listen(
        self,
        name: str,
        endpoints: tuple[str, ...],
        root: Any,
        large: Mapping[bytes, int] | None = None,
    ) -> None:
        level = self._runtime.config.log_level
        access = self._access if level in ("debug", "info") else None
        site = HttpSite(
            root,
            self._runtime.reactor,
            access,
            _caps(self._runtime.descriptors),
            now=self._runtime.now,
            refused=self._runtime.metrics.connection_refused,
            closed=lambda: self.closed,
            large_bodies=large,
        )
        for number, endpoint in enumerate(endpoints):
            listener = Listener(
                f"endpoints.{name}[{number}] ({endpoint})",
                server_endpoint(self._runtime.reactor, endpoint),
                site,
                self._failed,
            )
            listener.setServiceParent(self)


def _policy_account(config: Config) -> OneAccount | None:
    """Read the password of the conferencing nodes; raises `ConfigError`."""
    if config.policy_password_file is None:
        return None
    password = read_password(config.policy_password_file)
    return OneAccount(config.policy_username, password)


def _caps(descriptors: int) -> ConnectionCaps:
    """Two servers share the descriptors that the store and Exchange do not need."""
    most = max(64, min(4096, (descriptors - RESERVED_DESCRIPTORS) // 2))
    return ConnectionCaps(most=most, most_per_address=max(16, most // 4))
