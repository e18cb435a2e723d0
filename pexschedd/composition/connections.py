"""From an integration's record to connections with its Exchange server.

The only place that opens the sealed password of a service account.
"""

from collections.abc import Callable

from msgspec.structs import replace

from pexschedd.composition.authentication import (
    AuthenticatorFactory,
    KerberosSupport,
    no_token_source,
)
from pexschedd.composition.graph.graph_connections import GraphConnections
from pexschedd.ews.mailbox import EwsMailbox, ews_mailbox
from pexschedd.ews.organizers import EwsOrganizers, ews_organizers
from pexschedd.ews.streaming.factory import ews_notifications
from pexschedd.ews.streaming.pull import EwsPull
from pexschedd.ews.streaming.stream import EwsStream
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.factory import open_transport
from pexschedd.ews.transport.transport import Transport
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import SharedThrottle, Throttles
from pexschedd.exchange.token_source import TokenSource
from pexschedd.graph.mailbox import GraphMailbox
from pexschedd.graph.notifications.graph_notifications import GraphNotifications
from pexschedd.graph.organizers.graph_organizers import GraphOrganizers
from pexschedd.model.integration.connector import Connector
from pexschedd.net.network import Network
from pexschedd.scheduling.upkeep.audit_service import MailboxAccess
from pexschedd.store.secrets import SecretVault
from pexschedd.util.worker_processes import HeavyWork, work_at_once

CONNECTIONS = 8
"""To one mailbox server for one integration; Exchange's own default limit is 27."""

PROBE_LIMITS = ConnectionLimits(
    connections=3, deadline=15.0, connect=10.0, max_answer=64 * 1024
)
"""For an administrator who waits for the result."""


EquipmentMailbox = EwsMailbox | GraphMailbox
OrganizersCalendars = EwsOrganizers | GraphOrganizers


class Connections:
    """Opens connections with the Exchange server of any integration: over EWS, or by
    `graph` for those that use Microsoft Graph.

    `tokens` obtains access tokens for an integration with OAUTH or APP_PERM; `kerberos`
    signs in with KERBEROS; `throttles` are shared by everything that acts for the same
    mailbox; `observer` gives an integration's observer of calls; `heavy_work` reads
    Exchange's answers.
    """

    def __init__(
        self,
        vault: SecretVault,
        network: Network,
        *,
        graph: GraphConnections,
        tokens: Callable[[Connector], TokenSource] = no_token_source,
        kerberos: KerberosSupport | None = None,
        throttles: Throttles | None = None,
        observer: Callable[[Connector], Observer] | None = None,
        heavy_work: HeavyWork = work_at_once,
    ) -> None:
        self._vault = vault
        self._network = network
        self._authenticators = AuthenticatorFactory(tokens=tokens, kerberos=kerberos)
        self.graph = graph
        self._throttles = throttles
        self._observer = observer
        self._heavy_work = heavy_work

    def mailbox(self, connector: Connector) -> EquipmentMailbox:
        """The equipment mailbox. Nothing is opened yet, here and below."""
        if connector.uses_graph:
            return self.graph.mailbox(connector)
        return ews_mailbox(
            self._account(connector),
            connector.mailbox_address,
            throttle=self.throttle(connector),
            observer=self._observer_of(connector),
        )

    def throttle(self, connector: Connector) -> SharedThrottle | None:
        """The throttle of the equipment mailbox, which outlives its connections."""
        if connector.uses_graph:
            return self.graph.throttle(connector)
        if self._throttles is None:
            return None
        return self._throttles.of(connector.url, connector.mailbox_address)

    def notifications(
        self, connector: Connector, poll_interval: Callable[[], float]
    ) -> EwsStream | EwsPull | GraphNotifications | None:
        """Notifications of the equipment mailbox, over a connection of their own.

        None if the integration has none. `poll_interval` gives the seconds between two
        questions where they are pulled.
        """
        if connector.uses_graph:
            return self.graph.notifications(connector)
        if connector.notification_method == "POLL":
            return None
        pulls = connector.notification_method == "PULL"
        return ews_notifications(
            self._account(connector),
            connector.mailbox_address,
            pull_every=poll_interval if pulls else None,
            throttle=self.throttle(connector),
            observer=self._observer_of(connector),
        )

    def poster(self, connector: Connector) -> Transport:
        """Send bare requests as the service account, past the throttle: for looking at
        what the server says to them."""
        return open_transport(replace(self._account(connector), limits=PROBE_LIMITS))

    def organizers(self, connector: Connector) -> OrganizersCalendars:
        """The calendars of the organizers, in their names."""
        if connector.uses_graph:
            return self.graph.organizers(connector)
        return ews_organizers(
            self._account(connector),
            throttles=self._throttles,
            observer=self._observer_of(connector),
        )

    def both(self, connector: Connector) -> MailboxAccess:
        """The equipment mailbox and the organizers' calendars, closed together."""
        mailbox, organizers = self.mailbox(connector), self.organizers(connector)

        async def close() -> None:
            try:
                await mailbox.close()
            finally:
                await organizers.close()

        return MailboxAccess(mailbox, organizers, close)

    def _account(self, connector: Connector) -> EwsAccount:
        password = self._password(connector)
        network = self._network
        return EwsAccount(
            url=connector.url,
            username=connector.username,
            password=password,
            method=connector.authentication_method,
            integration=connector.id,
            authenticator=self._authenticators.authenticator(connector, password),
            network=network.direct() if connector.disable_proxy else network,
            limits=ConnectionLimits(connections=CONNECTIONS),
            heavy_work=self._heavy_work,
        )

    def _observer_of(self, connector: Connector) -> Observer | None:
        return self._observer(connector) if self._observer is not None else None

    def _password(self, connector: Connector) -> str:
        if not connector.password:
            return ""
        context = f"ms_exchange_connector/{connector.uuid}/password"
        return self._vault.unseal(connector.password, context)
