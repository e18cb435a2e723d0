"""From an integration's record to connections with Microsoft Graph."""

from collections.abc import Callable

from pexschedd.clock import Now
from pexschedd.composition.runtime import random_text
from pexschedd.exchange.observer import Observer
from pexschedd.exchange.throttle import SharedThrottle, Throttles
from pexschedd.exchange.token_source import ChallengedTokenSource
from pexschedd.graph.account import GraphAccount
from pexschedd.graph.client import GraphClient
from pexschedd.graph.mailbox import GraphMailbox
from pexschedd.graph.mailbox_factory import graph_mailbox
from pexschedd.graph.message_names import GraphMessageNames
from pexschedd.graph.notifications.graph_notifications import (
    GraphNotifications,
    graph_notifications,
)
from pexschedd.graph.notifications.webhooks import GraphWebhooks, WebhookAddress
from pexschedd.graph.organizers.graph_organizers import (
    GraphOrganizers,
    graph_organizers,
)
from pexschedd.graph.transport import GraphLimits
from pexschedd.model.integration.connector import Connector
from pexschedd.net.network import Network
from pexschedd.store.secrets import SecretVault
from pexschedd.util.worker_processes import HeavyWork
from pexschedd.web.webhooks.change_notifications import webhook_url

PROBE_LIMITS = GraphLimits(deadline=15.0, connect=10.0, max_answer=8 * 1024 * 1024)
"""For an administrator who waits for the result."""


class GraphConnections:
    """Opens connections with Microsoft Graph for any integration that uses it.

    `tokens` obtains the access tokens of an integration's application; `throttles` are
    shared by everything that acts for the same mailbox; `observer` gives an
    integration's observer of requests; `heavy_work` reads Graph's answers; `now` is
    the wall clock.
    """

    def __init__(
        self,
        vault: SecretVault,
        network: Network,
        *,
        tokens: Callable[[Connector], ChallengedTokenSource],
        throttles: Throttles,
        observer: Callable[[Connector], Observer],
        heavy_work: HeavyWork,
        now: Now,
    ) -> None:
        self._vault = vault
        self._network = network
        self._tokens = tokens
        self._throttles = throttles
        self._observer = observer
        self._heavy_work = heavy_work
        self._now = now
        self.webhooks = GraphWebhooks(network.reactor)
        """The addresses at which Graph tells of changes: for the public site."""

    def mailbox(self, connector: Connector) -> GraphMailbox:
        """The equipment mailbox. Nothing is opened yet, here and below."""
        client = self._account(connector).client(
            connector.mailbox_address,
            throttle=self.throttle(connector),
            observer=self._observer(connector),
        )
        return graph_mailbox(
            client, method=connector.graph_answer_method, now=self._now
        )

    def message_names(self, connector: Connector) -> GraphMessageNames:
        """The ids that Graph and EWS have for the messages of the mailbox."""
        client = self._account(connector).client(
            connector.mailbox_address,
            throttle=self.throttle(connector),
            observer=self._observer(connector),
        )
        return GraphMessageNames(client)

    def throttle(self, connector: Connector) -> SharedThrottle:
        """The throttle of the equipment mailbox, which outlives its connections."""
        return self._throttles.of(connector.mailbox_server, connector.mailbox_address)

    def notifications(self, connector: Connector) -> GraphNotifications | None:
        """Notifications of the equipment mailbox; None if it is only looked at."""
        if connector.graph_notification_method != "WEBHOOK":
            return None
        key = self._vault.digest(connector.uuid, "change notifications")
        url = webhook_url(connector.addin_server_domain, connector.id, key)
        return graph_notifications(
            self._account(connector),
            connector.mailbox_address,
            self.webhooks,
            WebhookAddress(connector.id, url, key),
            now=self._now,
            random=random_text,
            throttle=self.throttle(connector),
            observer=self._observer(connector),
        )

    def organizers(self, connector: Connector) -> GraphOrganizers:
        """The calendars of the organizers."""
        return graph_organizers(
            self._account(connector),
            throttles=self._throttles,
            observer=self._observer(connector),
        )

    def prober(self, connector: Connector) -> GraphClient:
        """Ask as the integration's application, past the throttle: for looking at what
        Graph says."""
        account = self._account(connector, PROBE_LIMITS)
        return account.client(connector.mailbox_address)

    def _account(
        self,
        connector: Connector,
        limits: GraphLimits = GraphLimits(),  # noqa: B008 - frozen
    ) -> GraphAccount:
        network = self._network
        return GraphAccount(
            domain=connector.graph_api_domain,
            client_id=connector.oauth_client_id or "",
            tokens=self._tokens(connector),
            integration=connector.id,
            network=network.direct() if connector.disable_proxy else network,
            limits=limits,
            heavy_work=self._heavy_work,
        )
