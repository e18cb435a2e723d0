"""From a deployment of One-Touch Join to connections with its Exchange server, or with
Microsoft Graph.

Beside `connections`, the only place that opens the sealed password of a service
account.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec

from pexschedd.composition.authentication import AuthenticatorFactory, KerberosSupport
from pexschedd.errors import SignInRefused, StoreError
from pexschedd.ews.autodiscover.discovered_rooms import DiscoveredRooms
from pexschedd.ews.autodiscover.discovery import Autodiscover
from pexschedd.ews.rooms.room_notifications import EwsRoomNotifications
from pexschedd.ews.rooms.rooms import EwsRooms, ews_rooms
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import Throttles
from pexschedd.exchange.token_source import ChallengedTokenSource, TokenSource
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.rooms.rooms import GraphRooms
from pexschedd.graph.transport import GraphLimits, GraphTransport
from pexschedd.identity.oauth.application_tokens import ApplicationTokens
from pexschedd.identity.oauth.endpoint import TokenEndpoint, context_of
from pexschedd.identity.oauth.settings import settings_of
from pexschedd.identity.oauth.token_caches import TokenCaches
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.net.network import Network
from pexschedd.onetouch.calendars.reading_schedule import AT_ONCE
from pexschedd.onetouch.ports.room_mailboxes import RoomMailboxes
from pexschedd.onetouch.ports.room_notifications import RoomServer
from pexschedd.store.secrets import SecretVault
from pexschedd.util.worker_processes import HeavyWork

FindServer = Callable[[str], Awaitable[RoomServer]]
"""Takes a room's address; returns the server that reports its changes."""
NO_WAY_TO_SIGN_IN = (
    "The deployment has no client_secret: enter the value of the application's secret."
)
NO_AUTODISCOVER = (
    "Enter the EWS URL of the deployment: with OAUTH the sign-in is for the server "
    "that it names."
)


class RoomsAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment's service account at one server: `SignInSettings`."""

    id: str
    url: str
    username: str
    authentication_method: str
    kerberos_realm: str
    kerberos_kdc: str
    kerberos_kdc_https_proxy: str
    kerberos_exchange_spn: str
    kerberos_auth_every_request: bool
    kerberos_enable_tls: bool
    kerberos_verify_tls_using_custom_ca: bool
    deployment: ExchangeDeployment


def account_of(deployment: ExchangeDeployment, url: str = "") -> RoomsAccount:
    """Return a deployment's account; `url` is an EWS URL that was discovered."""
    return RoomsAccount(
        id=f"one-touch-{deployment.id}",
        url=url or deployment.ews_url,
        username=deployment.service_account_username,
        authentication_method=deployment.authentication_method,
        kerberos_realm=deployment.kerberos_realm,
        kerberos_kdc=deployment.kerberos_kdc,
        kerberos_kdc_https_proxy=deployment.kerberos_kdc_https_proxy,
        kerberos_exchange_spn=deployment.kerberos_exchange_spn,
        kerberos_auth_every_request=deployment.kerberos_auth_every_request,
        kerberos_enable_tls=deployment.kerberos_enable_tls,
        kerberos_verify_tls_using_custom_ca=(
            deployment.kerberos_verify_tls_using_custom_ca
        ),
        deployment=deployment,
    )


class RoomConnections:
    """Opens connections with the Exchange servers of deployments.

    `throttles` are shared with everything else that acts for the same mailboxes, and
    `graph_throttles` with all that asks Graph for them.
    """

    def __init__(
        self,
        vault: SecretVault,
        network: Network,
        *,
        kerberos: KerberosSupport,
        throttles: Throttles,
        graph_throttles: Throttles,
        heavy_work: HeavyWork,
        token_endpoint: TokenEndpoint,
        token_caches: TokenCaches[ExchangeDeployment],
        graph_tokens: Callable[[GraphDeployment], ChallengedTokenSource],
    ) -> None:
        self._vault = vault
        self._network = network
        self._token_endpoint = token_endpoint
        self._token_caches = token_caches
        self._graph_tokens = graph_tokens
        self._authenticators = AuthenticatorFactory(
            tokens=self._tokens, kerberos=kerberos
        )
        self._throttles = throttles
        self._graph_throttles = graph_throttles
        self._heavy_work = heavy_work

    def rooms(
        self,
        deployment: ExchangeDeployment,
        observer: Observer,
        autodiscover: Sequence[str] = (),
    ) -> RoomMailboxes:
        """The rooms of a deployment, at its EWS URL or wherever Autodiscover finds
        them; `autodiscover` has the configured addresses. Nothing is opened yet;
        raises `MailboxRefused` for settings that cannot be used."""
        if deployment.ews_url:
            return self.rooms_at(deployment, deployment.ews_url, observer)
        return DiscoveredRooms(
            self.discovery(deployment, autodiscover).find,
            lambda url: self.rooms_at(deployment, url, observer),
            self._network.reactor,
        )

    def rooms_at(
        self, deployment: ExchangeDeployment, url: str, observer: Observer
    ) -> EwsRooms:
        """The rooms of a deployment at an EWS URL, in the same way."""
        return ews_rooms(
            self.account(deployment, url),
            throttles=self._throttles,
            observer=observer,
        )

    def graph_rooms(
        self,
        deployment: GraphDeployment,
        observer: Observer,
        batched: Callable[[int], None] = lambda _count: None,
    ) -> GraphRooms:
        """The rooms of a tenant. Nothing is opened yet; see `GraphRooms` for `batched`.
        Raises `SignInRefused` if the deployment has no secret."""
        if not deployment.client_secret:
            raise SignInRefused(NO_WAY_TO_SIGN_IN)
        network = self._network
        return GraphRooms(
            GraphTransport(
                deployment.graph_api_domain,
                network=network.direct() if deployment.disable_proxy else network,
                clock=network.reactor,
                limits=GraphLimits(connections=AT_ONCE),
            ),
            self._graph_tokens(deployment),
            GraphTarget(
                host=deployment.graph_api_domain,
                mailbox="",
                client_id=deployment.client_id,
            ),
            throttles=self._graph_throttles,
            observer=observer,
            batched=batched,
            heavy_work=self._heavy_work,
        )

    def notifications(
        self,
        deployment: ExchangeDeployment,
        observer: Observer,
        autodiscover: Sequence[str] = (),
    ) -> EwsRoomNotifications | None:
        """The notifications of a deployment's rooms; None if it has none. Where
        Autodiscover is used, it tells which rooms can share a stream."""
        if deployment.notification_method == "POLL":
            return None
        find_server = _at_ews_url(deployment)
        is_found = autodiscover or not deployment.ews_url
        if is_found and deployment.authentication_method != "OAUTH":
            find_server = self._by_autodiscover(deployment, autodiscover)

        return EwsRoomNotifications(
            find_server,
            lambda url: self.account(deployment, url),
            throttles=self._throttles,
            observer=observer,
        )

    def _by_autodiscover(
        self, deployment: ExchangeDeployment, addresses: Sequence[str]
    ) -> FindServer:
        discovery = self.discovery(deployment, addresses)

        async def find_server(room: str) -> RoomServer:
            found = await discovery.find_server(room)
            return RoomServer(deployment.ews_url or found.url, found.group)

        return find_server

    def discovery(
        self, deployment: ExchangeDeployment, addresses: Sequence[str]
    ) -> Autodiscover:
        """Autodiscover as a deployment's account, with the configured addresses.

        Raises `SignInRefused` with OAUTH: nobody has signed in for servers that it
        finds.
        """
        if deployment.authentication_method == "OAUTH":
            raise SignInRefused(NO_AUTODISCOVER)
        return Autodiscover(lambda url: self.account(deployment, url), addresses)

    def account(self, deployment: ExchangeDeployment, url: str = "") -> EwsAccount:
        """Return a deployment's account, ready to be used."""
        settings = account_of(deployment, url)
        password = self._password(deployment)
        network = self._network
        return EwsAccount(
            url=settings.url,
            username=settings.username,
            password=password,
            method=settings.authentication_method,
            authenticator=self._authenticators.authenticator(settings, password),
            network=network.direct() if deployment.disable_proxy else network,
            limits=ConnectionLimits(connections=AT_ONCE),
            heavy_work=self._heavy_work,
        )

    def _tokens(self, account: RoomsAccount) -> TokenSource:
        """The tokens of a person's sign-in, or those of an application, which gets one
        for each server that Autodiscover finds."""
        deployment = account.deployment
        if deployment.authentication_method == "OAUTH":
            return self._token_caches.of(deployment)
        settings = settings_of(deployment, account.url)
        return ApplicationTokens(
            settings,
            partial(self._token_endpoint.authenticated, deployment, settings),
            self._token_endpoint,
            self._network.reactor,
            {"deployment": deployment.id, "name": deployment.name},
        )

    def _password(self, deployment: ExchangeDeployment) -> str:
        sealed = deployment.service_account_password
        if not sealed:
            return ""
        context = context_of(deployment, "service_account_password")
        try:
            return self._vault.unseal(sealed, context)
        except StoreError as error:
            raise SignInRefused(error.message) from None


def _at_ews_url(deployment: ExchangeDeployment) -> FindServer:
    async def find_server(_room: str) -> RoomServer:
        return RoomServer(deployment.ews_url)

    return find_server
