"""Builds everything that other machines reach: the sides of the HTTP server."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.web.resource import IResource

from pexschedd import __version__
from pexschedd.composition.addin_routes import AddinRoutes
from pexschedd.composition.admin_routes import ManagementRoutes
from pexschedd.composition.clients import Clients
from pexschedd.composition.monitoring import Monitoring
from pexschedd.composition.one_touch import OneTouchJoin
from pexschedd.composition.runtime import Runtime
from pexschedd.composition.upkeep import UpkeepServices
from pexschedd.config import Config
from pexschedd.doctor.doctor import Doctor
from pexschedd.doctor.refused_tokens import RefusedTokens
from pexschedd.errors import PortUnavailable
from pexschedd.identity.initial_password import read_password
from pexschedd.net.server_tls import ServedCertificate, TlsEndpoint, server_endpoint
from pexschedd.scheduling.admission import Admission
from pexschedd.scheduling.alarms.certificate_expiry import OwnCertificate
from pexschedd.store.disk.reserve import reserve_of
from pexschedd.store.folder import KEY
from pexschedd.web.access_log import BufferedSink
from pexschedd.web.basic_auth import OneAccount
from pexschedd.web.connections import ConnectionCaps
from pexschedd.web.forwarded import TrustedProxies
from pexschedd.web.health import HealthApi
from pexschedd.web.listener import Listener, address_text
from pexschedd.web.path_router import PathRouter
from pexschedd.web.policy import PolicyApi
from pexschedd.web.refusals import ErrorShape, admin_shape, client_shape
from pexschedd.web.site import HttpSite

STARTING = "The server is starting. Try again in a moment."
STOPPING = "The server is stopping. Try again in a moment."

RESERVED_DESCRIPTORS = 256
"""Kept for the store, for Exchange and for the control socket."""


class HttpServers(MultiService):
    """The HTTP servers for the add-in and for administrators, and the doctor.

    `failed` is called with the reason if a port cannot be opened; without `listens`
    there are none. The doctor is made
    here because it compares the add-in's pane with the one that is served.
    """

    def __init__(
        self,
        runtime: Runtime,
        clients: Clients,
        one_touch: OneTouchJoin,
        failed: Callable[[PortUnavailable], None],
        *,
        listens: bool = True,
    ) -> None:
        super().__init__()
        self._runtime = runtime
        self._clients = clients
        self._failed = failed
        self._listens = listens
        self.closed = STARTING
        """The reason why every request is answered 503; empty while they are served."""
        self.served: dict[str, ServedCertificate] = {}
        """The certificates of TLS endpoints, by the names of these."""
        self._sites: list[HttpSite] = []
        config = runtime.config
        self._proxies = TrustedProxies(config.trusted_proxies, config.forwarded_header)
        self._addin = AddinRoutes(runtime, clients)
        self._addin.setServiceParent(self)
        refused = RefusedTokens()
        clients.identity.on_refusal(refused.note)
        self._policy_account = _policy_account(config)
        self._access = BufferedSink(runtime.log.access, runtime.reactor)
        self.doctor = Doctor(
            runtime.store,
            clients.network,
            clients.examining_poster,
            clients.examining_graph,
            state_dir=runtime.config.state_dir,
            now=runtime.now,
            pane=self._addin.pages.pane,
            refused_hosts=refused.hosts,
            serving=lambda: bool(self.running),
            addin=self._addin.state,
            policy_is_open=runtime.config.policy_password_file is None
            and not runtime.config.policy_endpoints,
            key_places=partial(_key_places, config),
            reserve=reserve_of,
        )
        self._management = ManagementRoutes(
            runtime, clients, one_touch, self._addin, self.doctor
        )
        self.administrators = self._management.administrators

    def open(
        self,
        monitoring: Monitoring,
        upkeep: UpkeepServices,
        rooms: Mapping[bytes, IResource],
    ) -> None:
        """Build all sides; their ports open when this service is started. `rooms` is
        what screens reach, by the first part of the paths."""
        metrics = self._runtime.metrics
        metrics.watch(monitoring.readings())
        config = self._runtime.config
        public = HealthApi(monitoring.checks, __version__).app.resource()
        health = HealthApi(
            monitoring.checks, __version__, metrics.exposition
        ).app.resource()
        admission = Admission(self._runtime.store, self._runtime.now)
        policy = PolicyApi(admission, self._policy_account).app.resource()
        addin = {b"health": public}
        if config.policy_endpoints:
            only = {b"policy": policy, b"health": public}
            self._listen("policy", config.policy_endpoints, PathRouter(public, only))
        else:
            addin[b"policy"] = policy
        if config.rooms_endpoints:
            screens = {**rooms, b"health": public}
            self._listen("rooms", config.rooms_endpoints, PathRouter(public, screens))
        self._listen(
            "addin", config.addin_endpoints, PathRouter(self._addin.resource(), addin)
        )
        self._listen(
            "admin",
            config.admin_endpoints,
            PathRouter(
                self._management.resource(monitoring, upkeep),
                {b"health": health, b"metrics": health},
            ),
            self._management.large_bodies(),
            admin_shape,
        )
        self.use_log_level(config.log_level)

    def use_log_level(self, level: str) -> None:
        """Write the access log, or leave it out, as a level of the configuration file
        says."""
        access = self._access if level in ("debug", "info") else None
        for site in self._sites:
            site.access = access

    def reread_policy_account(self, config: Config) -> bool:
        """Have conferencing nodes show the name and the password that the configuration
        has now; return whether either is another. Raises `ConfigError`.

        Whether they have to show any is decided at the start.
        """
        account, file = self._policy_account, config.policy_password_file
        if account is None or file is None:
            return False
        return account.use(config.policy_username, read_password(file))

    def port(self, side: str) -> int:
        """Return the port of the first TCP endpoint of a side, `addin` or `admin`.

        The endpoint has to be open; it may have left the choice to the system.
        """
        listener: Any = next(
            each for each in self if str(each.name).startswith(f"endpoints.{side}[0]")
        )
        return int(listener.port.getHost().port)

    async def opened(self) -> list[str]:
        """Wait until all ports are open, or could not be opened; return the ports, or
        the paths of sockets, by their sides."""
        found = []
        for each in self:
            if isinstance(each, Listener):
                await each.settled()
                if each.port is not None:
                    place = address_text(each.port.getHost())
                    found.append(f"{_side(str(each.name))}:{place}")
        return found

    def serve(self) -> bool:
        """Answer requests from now on and return True, unless the servers are being
        stopped."""
        if self.closed == STARTING:
            self.closed = ""
        return not self.closed

    def stopService(self) -> "Deferred[Any]":
        """Close the ports, and answer 503 on connections that are still open."""
        self.closed = STOPPING
        stopped: Deferred[Any] = super().stopService()
        return stopped

    def flush(self) -> None:
        """Write the access log's lines that are still buffered."""
        self._access.flush()

    def _listen(
        self,
        name: str,
        endpoints: tuple[str, ...],
        root: Any,
        large: Mapping[bytes, int] | None = None,
        shape: ErrorShape = client_shape,
    ) -> None:
        site = HttpSite(
            root,
            self._runtime.reactor,
            None,
            _caps(self._runtime.descriptors, len(self._runtime.config.sides)),
            now=self._runtime.now,
            refused=self._runtime.metrics.connection_refused,
            closed=lambda: self.closed,
            large_bodies=large,
            shape=shape,
            proxies=self._proxies,
        )
        self._sites.append(site)
        for number, endpoint in enumerate(endpoints if self._listens else ()):
            place = f"endpoints.{name}[{number}]"
            listening = server_endpoint(
                self._runtime.reactor, endpoint, self._proxies.includes
            )
            if isinstance(listening, TlsEndpoint):
                self._present(place, listening.served)
            listener = Listener(f"{place} ({endpoint})", listening, site, self._failed)
            listener.setServiceParent(self)

    def _present(self, place: str, served: ServedCertificate) -> None:
        self.served[place] = served
        own = OwnCertificate(place, lambda: served.certificate)
        self._runtime.own_certificates.append(own)


def _side(name: str) -> str:
    """Return the side in a listener's name, `endpoints.SIDE[NUMBER] (STRING)`."""
    return name.partition("[")[0].removeprefix("endpoints.")


def _key_places(config: Config) -> tuple[str, str]:
    """The file with the key of stored secrets that is used instead of the one in the
    state folder, and the one that is there all the same; empty if there is none."""
    if config.key_file is None:
        return "", ""
    copy = config.state_dir / KEY
    return str(config.key_file), str(copy) if copy.exists() else ""


def _policy_account(config: Config) -> OneAccount | None:
    """Read the password of the conferencing nodes; raises `ConfigError`."""
    if config.policy_password_file is None:
        return None
    password = read_password(config.policy_password_file)
    return OneAccount(config.policy_username, password)


def _caps(descriptors: int, sides: int) -> ConnectionCaps:
    """The sides share the descriptors that the store and Exchange do not need."""
    most = max(64, min(4096, (descriptors - RESERVED_DESCRIPTORS) // max(2, sides)))
    return ConnectionCaps(most=most, most_per_address=max(16, most // 4))
