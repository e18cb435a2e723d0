"""Builds everything that reaches other machines: Exchange, identity providers."""

import secrets
from collections.abc import Callable, Iterator
from socket import gethostname
from typing import Generic

from twisted.application.service import MultiService

from pexschedd import __version__
from pexschedd.composition.authentication import KerberosSupport, SignInSettings
from pexschedd.composition.connections import Connections
from pexschedd.composition.graph.graph_connections import GraphConnections
from pexschedd.composition.monitoring import CallObserver
from pexschedd.composition.network import (
    UploadedCertificates,
    is_reached_directly,
    make_network,
)
from pexschedd.composition.room_connections import RoomConnections, account_of
from pexschedd.composition.runtime import Runtime, chance, uuid4
from pexschedd.ews.transport.transport import Transport
from pexschedd.exchange.throttle import Throttles
from pexschedd.graph.client import CONCURRENCY, GraphClient
from pexschedd.identity.access_token import TenantDocuments
from pexschedd.identity.addin import AddinIdentity
from pexschedd.identity.addin_tokens import AccessTokens, ExchangeTokens
from pexschedd.identity.exchange_metadata import ExchangeMetadata
from pexschedd.identity.exchange_token import document_url
from pexschedd.identity.oauth.endpoint import TokenEndpoint
from pexschedd.identity.oauth.graph_tokens import GraphTokens
from pexschedd.identity.oauth.service_accounts import (
    DEPLOYMENTS,
    INTEGRATIONS,
    A,
    AccountKind,
)
from pexschedd.identity.oauth.sign_in import SignIns
from pexschedd.identity.oauth.token_caches import LOOK_EVERY, TokenCaches
from pexschedd.identity.openid.provider_documents import ProviderDocuments
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.observation.tracing.otlp_exporter import OtlpExporter
from pexschedd.scheduling.alarms.certificate_expiry import CertificateExpiry
from pexschedd.scheduling.alarms.metadata_check import KeyDocument, MetadataCheck
from pexschedd.store.installation_id import installation_id
from pexschedd.supervision.trace_settings import trace_headers
from pexschedd.util.periodic import Periodic, Running


class AccountSignIns(Generic[A]):
    """The sign-ins and the tokens of one kind of service accounts."""

    def __init__(
        self, kind: AccountKind[A], runtime: Runtime, token_endpoint: TokenEndpoint
    ) -> None:
        store, now = runtime.store, runtime.now
        self.token_caches: TokenCaches[A] = TokenCaches(
            kind, store, token_endpoint, runtime.reactor, now
        )
        self.sign_ins: SignIns[A] = SignIns(
            kind,
            store,
            token_endpoint,
            self.token_caches,
            now=now,
            random=secrets.token_urlsafe,
        )


class Clients(MultiService):
    """The clients of Exchange and of identity providers.

    As a service, it watches certificates and metadata and renews access tokens.
    `trust_changed` is called when the set of trusted certificates has changed.
    """

    def __init__(self, runtime: Runtime, trust_changed: Callable[[], None]) -> None:
        super().__init__()
        self._runtime = runtime
        config, store, reactor = runtime.config, runtime.store, runtime.reactor
        self.network = network = make_network(config, reactor, runtime.now)
        UploadedCertificates(store, network.trust, reactor, trust_changed)
        token_endpoint = TokenEndpoint(
            lambda direct: (network.direct() if direct else network).http_client(),
            store.vault,
            reactor,
            now=runtime.now,
            uuid4=uuid4,
        )
        self.accounts = AccountSignIns(INTEGRATIONS, runtime, token_endpoint)
        self.room_accounts = AccountSignIns(DEPLOYMENTS, runtime, token_endpoint)
        self.graph_tokens = GraphTokens(store, token_endpoint, reactor)
        kerberos = KerberosSupport(
            config.state_dir,
            self._accounts,
            authorities=network.trust.pem,
            in_thread=runtime.in_kerberos_thread,
            now=runtime.now,
        )
        throttles = Throttles(reactor, chance)
        graph_throttles = Throttles(reactor, chance, concurrency=CONCURRENCY)
        self.graph = GraphConnections(
            store.vault,
            network,
            tokens=self.graph_tokens.of,
            throttles=graph_throttles,
            observer=self._observer,
            heavy_work=runtime.heavy_work,
            now=runtime.now,
        )
        self.connections = Connections(
            store.vault,
            network,
            graph=self.graph,
            kerberos=kerberos,
            tokens=self.accounts.token_caches.of,
            throttles=throttles,
            observer=self._observer,
            heavy_work=runtime.heavy_work,
        )
        self.room_connections = RoomConnections(
            store.vault,
            network,
            kerberos=kerberos,
            throttles=throttles,
            graph_throttles=graph_throttles,
            heavy_work=runtime.heavy_work,
            token_endpoint=token_endpoint,
            token_caches=self.room_accounts.token_caches,
            graph_tokens=self.graph_tokens.of,
        )
        self._metadata = ExchangeMetadata(
            network.http_client(direct=is_reached_directly(store)), reactor
        )
        clients = {
            direct: (network.direct() if direct else network).http_client()
            for direct in (False, True)
        }
        self.provider_documents = ProviderDocuments(clients.__getitem__, reactor)
        self._access_tokens = AccessTokens(self.provider_documents)
        self.identity = AddinIdentity(
            {
                "EXCHANGE_USER_ID_TOKEN": ExchangeTokens(
                    self._metadata,
                    self._domains,
                    lambda: store.changes(tables.EXCHANGE_DOMAIN),
                ),
                "NAA_TOKEN": self._access_tokens,
                "SSO_TOKEN": self._access_tokens,
            },
            runtime.now,
        )
        self._add_services()

    def _add_services(self) -> None:
        runtime, trust = self._runtime, self.network.trust
        self.certificates = certificates = CertificateExpiry(
            runtime.store,
            runtime.alarms,
            given=lambda: trust.given,
            own=runtime.own_certificates,
            clock=runtime.reactor,
            now=runtime.now,
        )
        trust.watch(certificates.seen)
        metadata = MetadataCheck(
            runtime.store,
            runtime.alarms,
            self._read_keys,
            runtime.reactor,
        )

        async def use_idle_sign_ins(_: Running) -> None:
            await self.accounts.token_caches.use_idle()
            await self.room_accounts.token_caches.use_idle()

        sign_ins = Periodic(
            "sign-ins", use_idle_sign_ins, runtime.reactor, LOOK_EVERY, at_start=True
        )
        caches = self.accounts.token_caches, self.room_accounts.token_caches
        for service in (*caches, self.graph_tokens, certificates, metadata, sign_ins):
            service.setServiceParent(self)

    async def _read_keys(self, document: KeyDocument) -> None:
        if document.is_openid:
            await self._access_tokens.refresh(
                TenantDocuments(document.address, document.direct)
            )
        else:
            await self._metadata.refresh(document_url(document.address))

    def trace_exporter(self) -> OtlpExporter | None:
        """Return the service that sends traces to the collector; None without one.
        Raises `ConfigError`."""
        runtime, config = self._runtime, self._runtime.config
        if runtime.tracing is None:
            return None
        return OtlpExporter(
            runtime.tracing.queue,
            self.network.http_client(),
            config.traces_url,
            trace_headers(config),
            {
                "service.name": "pexschedd",
                "service.version": __version__,
                "service.instance.id": installation_id(config.state_dir, uuid4),
                "host.name": gethostname(),
            },
            runtime.reactor,
            runtime.metrics.trace_spans,
        )

    def examining_poster(self, connector: Connector) -> Transport:
        """Return what sends the doctor's requests over EWS. Its token is asked for at
        once, as an administrator may have mended what was refused."""
        if connector.authentication_method in ("OAUTH", "APP_PERM"):
            self.accounts.token_caches.of(connector).ask_anew()
        return self.connections.poster(connector)

    def examining_graph(self, connector: Connector) -> GraphClient:
        """Return what sends the doctor's requests to Microsoft Graph, likewise."""
        self.graph_tokens.of(connector).ask_anew()
        return self.graph.prober(connector)

    def back_off(self, connector: Connector) -> float:
        """Return the seconds until the integration's server may be asked again."""
        throttle = self.connections.throttle(connector)
        return throttle.back_off_seconds if throttle is not None else 0.0

    def _observer(self, connector: Connector) -> CallObserver:
        runtime = self._runtime
        return CallObserver(
            connector.name,
            runtime.metrics,
            runtime.clock_skew,
            runtime.reactor.seconds,
            runtime.tracing.recorder if runtime.tracing else None,
        )

    def _domains(self, connector_id: int) -> list[str]:
        found = self._runtime.store.find_all(tables.DOMAIN_BY_CONNECTOR, connector_id)
        return [domain.domain for domain in found]

    def _accounts(self) -> Iterator[SignInSettings]:
        """All service accounts, for their Kerberos realms."""
        store = self._runtime.store
        yield from store.all(tables.CONNECTOR)
        yield from map(account_of, store.all(tables.MJX_EXCHANGE_DEPLOYMENT))
