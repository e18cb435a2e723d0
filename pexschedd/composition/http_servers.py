"""Builds everything that other machines reach: the two sides of the HTTP server."""

from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.web.resource import IResource

from pexschedd import __version__
from pexschedd.composition.addin_mailboxes import AddinMailboxes
from pexschedd.composition.clients import Clients
from pexschedd.composition.monitoring import Monitoring
from pexschedd.composition.runtime import Runtime, digits, random_text, uuid4
from pexschedd.composition.user_sign_in import user_sign_ins
from pexschedd.config import Config
from pexschedd.doctor.case import AddinState
from pexschedd.doctor.doctor import Doctor
from pexschedd.doctor.refused_tokens import RefusedTokens
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.initial_password import read_password
from pexschedd.identity.oauth.application import Applications
from pexschedd.identity.personal.sessions import Sessions
from pexschedd.management.record_queries import RecordQueries
from pexschedd.management.record_writer import RecordWriter
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.net.server_tls import server_endpoint
from pexschedd.personal.owned_rooms import OwnedRooms
from pexschedd.personal.room_texts import PersonalRoomTexts
from pexschedd.personal.rooms import PersonalRooms
from pexschedd.personal.users import PersonalUsers
from pexschedd.scheduling.admission import Admission
from pexschedd.scheduling.booking import Booking
from pexschedd.scheduling.records.alias_allocator import AliasAllocator
from pexschedd.scheduling.room_addresses import RoomAddresses
from pexschedd.scheduling.tag_status import TagStatuses
from pexschedd.scheduling.upkeep.audit_service import AuditService
from pexschedd.store.disk.reserve import reserve_of
from pexschedd.web.addin import personal_rooms, sign_in
from pexschedd.web.addin.api import AddinApi
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.headers import (
    OUTLOOK,
    content_security_policy,
    frame_ancestors,
)
from pexschedd.web.addin.manifest.deployed import PaneVisits
from pexschedd.web.addin.msal.library import MsalLibrary
from pexschedd.web.addin.pane import PanePages
from pexschedd.web.addin.rates import (
    TAGS_PER_ADDRESS,
    TAGS_PER_USER,
    RequestRates,
)
from pexschedd.web.addin.review import review, text_notes
from pexschedd.web.addin.route_groups import AddinRouteGroups
from pexschedd.web.addin.sign_in_pages import UserSignInPages
from pexschedd.web.addin.tags import TagRoutes
from pexschedd.web.admin.addin_files import AddinFileRoutes
from pexschedd.web.admin.addin_status import AddinStatusRoutes
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.audits import AuditRoutes
from pexschedd.web.admin.doctor import DoctorRoutes
from pexschedd.web.admin.overview import OverviewRoutes
from pexschedd.web.admin.records import RecordRoutes
from pexschedd.web.admin.service_account import ServiceAccountRoutes
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
        self._files = ConnectorFiles(runtime.config.state_dir)
        self._library = MsalLibrary()
        self._pages = PanePages(
            self._files, runtime.message_texts.placeholder, self._library
        )
        self._visits = PaneVisits(runtime.now, self._domains)
        refused = RefusedTokens()
        clients.identity.on_refusal(refused.note)
        self._users = PersonalUsers(runtime.store, uuid4)
        self._sessions = Sessions(runtime.reactor.seconds, random_text)
        self._access = BufferedSink(runtime.log.access, runtime.reactor)
        self.administrators = Administrators(
            runtime.store,
            runtime.now,
            runtime.in_thread,
            seconds=runtime.reactor.seconds,
            counted=runtime.metrics.sign_in,
        )
        self.doctor = Doctor(
            runtime.store,
            clients.network,
            clients.connections.poster,
            state_dir=runtime.config.state_dir,
            now=runtime.now,
            pane=self._pages.pane,
            refused_hosts=refused.hosts,
            serving=lambda: bool(self.running),
            addin=self._addin_state,
            policy_is_open=runtime.config.policy_password_file is None
            and not runtime.config.policy_endpoints,
            reserve=reserve_of,
        )

    def open(self, monitoring: Monitoring, audits: AuditService) -> None:
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
        self._listen("addin", config.addin_endpoints, PathRouter(self._addin(), addin))
        self._listen(
            "admin",
            config.admin_endpoints,
            PathRouter(self._admin(audits), {b"health": health, b"metrics": health}),
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

    def _domains(self, connector: int) -> list[str]:
        """The metadata domains of an integration."""
        index = tables.DOMAIN_BY_CONNECTOR
        return [each.domain for each in self._runtime.store.find_all(index, connector)]

    def _addin_state(self, connector: Connector) -> AddinState:
        frames = frame_ancestors(connector, self._domains(connector.id))
        return AddinState(
            manifests=self._visits.manifests(connector),
            frames=tuple(each for each in frames if each not in OUTLOOK),
            refused_frames=self._visits.refused_frames(connector),
            notes=tuple(f"{n.field}: {n.text}" for n in text_notes(connector)),
            has_msal=self._library.is_installed(),
        )

    def _addin(self) -> IResource:
        runtime = self._runtime
        allocator = AliasAllocator(
            runtime.store, now=runtime.now, uuid4=uuid4, digits=digits
        )
        booking = Booking(
            runtime.store, runtime.message_texts, allocator, runtime.reactor.seconds
        )
        mailboxes = AddinMailboxes(self._clients.connections)
        mailboxes.setServiceParent(self)
        addresses = RoomAddresses(mailboxes.mailbox, runtime.reactor)
        api: IResource = AddinApi(
            self._connector,
            self._clients.identity.verify,
            booking,
            self._files,
            self._pages,
            self._rates(),
            policy=lambda connector: content_security_policy(
                connector, self._domains(connector.id)
            ),
            visits=self._visits,
            room_addresses=addresses.of,
        ).app.resource()
        signing_in = self._user_sign_in()
        groups = {
            personal_rooms.GROUP: self._personal_rooms(),
            "meeting_tags": self._tags(mailboxes, addresses),
        }
        groups |= dict.fromkeys(sign_in.GROUPS, signing_in)
        return AddinRouteGroups(api, groups)

    def _tags(self, mailboxes: AddinMailboxes, addresses: RoomAddresses) -> IResource:
        runtime = self._runtime
        resource: IResource = TagRoutes(
            self._connector,
            self._clients.identity.verify,
            TagStatuses(
                runtime.store,
                mailboxes.organizers,
                clock=runtime.reactor,
                now=runtime.now,
                counted=runtime.metrics.tag_asked,
            ),
            addresses.of,
            RequestRates(
                TAGS_PER_USER,
                TAGS_PER_ADDRESS,
                runtime.reactor.seconds,
                runtime.metrics.tags_limited,
                what="This meeting's room was looked up too often",
            ),
        ).app.resource()
        return resource

    def _user_sign_in(self) -> IResource:
        sign_ins = user_sign_ins(
            self._runtime,
            self._clients.network,
            self._clients.provider_documents,
            self._connector,
            self._sessions,
            self._users,
        )
        resource: IResource = sign_in.UserSignInRoutes(
            self._connector,
            self._clients.identity.verify,
            sign_ins,
            UserSignInPages(),
            self._rates(),
            self._runtime.metrics.user_sign_in,
        ).app.resource()
        return resource

    def _personal_rooms(self) -> IResource:
        runtime = self._runtime
        rooms = PersonalRooms(
            OwnedRooms(runtime.store),
            PersonalRoomTexts(runtime.message_texts),
            runtime.reactor.seconds,
        )
        resource: IResource = personal_rooms.PersonalRoomRoutes(
            self._connector,
            self._clients.identity.verify,
            self._sessions.user_of,
            self._users,
            rooms,
            self._rates(),
            runtime.metrics.personal_rooms,
        ).app.resource()
        return resource

    def _connector(self, id: int) -> Connector | None:
        return self._runtime.store.get(tables.CONNECTOR, id)

    def _rates(self) -> RequestRates:
        """Rates with counts of their own."""
        runtime = self._runtime
        return RequestRates(
            runtime.config.bookings_per_user,
            runtime.config.bookings_per_address,
            runtime.reactor.seconds,
            runtime.metrics.limited,
        )

    def _admin(self, audits: AuditService) -> IResource:
        runtime, store = self._runtime, self._runtime.store
        queries = RecordQueries(store, runtime.reactor)
        writer = RecordWriter(
            store,
            runtime.templates,
            clock=runtime.reactor,
            now=runtime.now,
            uuid4=uuid4,
            review=lambda record: review(record, has_msal=self._library.is_installed()),
        )
        service_account = ServiceAccountRoutes(
            store,
            self._clients.sign_ins,
            self._clients.token_caches,
            Applications(store, runtime.now, runtime.in_thread),
            now=runtime.now,
        )
        parts = (
            OverviewRoutes(),
            RecordRoutes(queries, writer),
            AddinFileRoutes(store, self._files),
            AddinStatusRoutes(store, self._addin_state),
            AuditRoutes(store, audits),
            DoctorRoutes(store, self.doctor.examine),
            service_account,
        )
        return AdminApi(self.administrators, parts).resource()

    def _listen(self, name: str, endpoints: tuple[str, ...], root: Any) -> None:
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
