"""From an integration's record to connections with its Exchange server.

The one place that opens the sealed password, and part of the composition: it knows
`ews/` on one side and the store's vault on the other.
"""

from collections.abc import Callable
from typing import Any

from pexschedd.composition.authentication import (
    AuthenticatorFactory,
    KerberosSupport,
    no_token_source,
)
from pexschedd.ews.auth.bearer import TokenSource
from pexschedd.ews.client import Observer
from pexschedd.ews.mailbox import EwsMailbox, ews_mailbox
from pexschedd.ews.organizers import EwsOrganizers, ews_organizers
from pexschedd.ews.streaming.factory import ews_notifications
from pexschedd.ews.streaming.pull import EwsPull
from pexschedd.ews.streaming.stream import EwsStream
from pexschedd.ews.throttle import SharedThrottle, Throttles
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.factory import open_transport
from pexschedd.ews.transport.transport import Transport
from pexschedd.model.integration import Connector
from pexschedd.net.network import Network
from pexschedd.scheduling.upkeep.audit_service import MailboxAccess
from pexschedd.store.secrets import SecretVault

CONNECTIONS = 8
"""To one mailbox server for one integration; Exchange's own default limit is 27."""

LOOKING = ConnectionLimits(connections=3, deadline=15.0, connect=10.0)
"""For an administrator who waits for the result."""


class Connections:
    """`tokens` obtains access tokens for an integration with OAUTH or APP_PERM, and
    `kerberos` signs in with KERBEROS."""

    def __init__(
        self,
        vault: SecretVault,
        network: Network,
        *,
        tokens: Callable[[Connector], TokenSource] = no_token_source,
        kerberos: KerberosSupport | None = None,
        patiences: Throttles | None = None,
        observer: Callable[[Connector], Observer] | None = None,
    ) -> None:
        self._vault = vault
        self._network = network
        self._signing_in = AuthenticatorFactory(tokens=tokens, kerberos=kerberos)
        self._patiences = patiences
        self._observer = observer

    def mailbox(self, connector: Connector) -> EwsMailbox:
        """The equipment mailbox. Nothing is opened yet, here and below."""
        return ews_mailbox(
            **self._account(connector),
            mailbox=connector.room_mailbox_email_address,
            patience=self.patience(connector),
        )

    def patience(self, connector: Connector) -> SharedThrottle | None:
        """What all share who act for the equipment mailbox; it outlives them."""
        if self._patiences is None:
            return None
        return self._patiences.of(connector.url, connector.room_mailbox_email_address)

    def notifications(
        self, connector: Connector, poll_interval: Callable[[], float]
    ) -> EwsStream | EwsPull | None:
        """What arrives in the equipment mailbox, over a connection of its own."""
        if connector.notification_method == "POLL":
            return None
        pulls = connector.notification_method == "PULL"
        return ews_notifications(
            **self._account(connector),
            mailbox=connector.room_mailbox_email_address,
            pull_every=poll_interval if pulls else None,
            patience=self.patience(connector),
        )

    def poster(self, connector: Connector) -> Transport:
        """Bare requests as the service account, without anybody's patience: for looking
        at what the server says to them."""
        account = self._account(connector)
        return open_transport(
            url=account["url"],
            username=account["username"],
            network=account["network"],
            password=account["password"],
            authenticator=account["authenticator"],
            clock=None,
            limits=LOOKING,
        )

    def organizers(self, connector: Connector) -> EwsOrganizers:
        """The calendars of the organizers, by impersonation."""
        return ews_organizers(**self._account(connector), patiences=self._patiences)

    def both(self, connector: Connector) -> MailboxAccess:
        mailbox, organizers = self.mailbox(connector), self.organizers(connector)

        async def close() -> None:
            await mailbox.close()
            await organizers.close()

        return MailboxAccess(mailbox, organizers, close)

    def _account(self, connector: Connector) -> dict[str, Any]:
        password = self._password(connector)
        return {
            "url": connector.url,
            "username": connector.username,
            "password": password,
            "method": connector.authentication_method,
            "authenticator": self._signing_in.authenticator(connector, password),
            "network": self._way(connector),
            "limits": ConnectionLimits(connections=CONNECTIONS),
            "observer": self._observer(connector) if self._observer else None,
        }

    def _way(self, connector: Connector) -> Network:
        return self._network.direct() if connector.disable_proxy else self._network

    def _password(self, connector: Connector) -> str:
        if not connector.password:
            return ""
        context = f"ms_exchange_connector/{connector.uuid}/password"
        return self._vault.unseal(connector.password, context)
