"""From an integration's record to connections with its Exchange server.

The one place that opens the sealed password and chooses how to sign in, and part of
the composition: it knows `ews/` on one side and the store's vault on the other.
"""

from collections.abc import Callable
from typing import Any

from pexschedd.errors import SignInRefused
from pexschedd.ews.auth import Authenticator
from pexschedd.ews.auth.bearer import BearerAuthenticator, TokenSource
from pexschedd.ews.connection import Limits
from pexschedd.ews.mailbox import EwsMailbox, ews_mailbox
from pexschedd.ews.organizers import EwsOrganizers, ews_organizers
from pexschedd.ews.stream import EwsStream
from pexschedd.ews.stream_opening import ews_notifications
from pexschedd.ews.stream_pull import EwsPull
from pexschedd.model.integration import Connector
from pexschedd.net.network import Network
from pexschedd.scheduling.audits import Connected
from pexschedd.store.secrets import Vault

CONNECTIONS = 8
"""To one mailbox server for one integration; Exchange's own default limit is 27."""


class NoTokens:
    """Stands where nobody obtains tokens."""

    async def token(self) -> str:
        raise SignInRefused("Signing in to Exchange with OAuth is not set up here.")

    def rejected(self, token: str) -> None:
        pass


class Connections:
    """`tokens` obtains access tokens for an integration with OAUTH or APP_PERM."""

    def __init__(
        self,
        vault: Vault,
        network: Network,
        *,
        tokens: Callable[[Connector], TokenSource] = lambda _: NoTokens(),
    ) -> None:
        self._vault = vault
        self._network = network
        self._tokens = tokens

    def mailbox(self, connector: Connector) -> EwsMailbox:
        """The equipment mailbox. Nothing is opened yet, here and below."""
        return ews_mailbox(
            **self._account(connector), mailbox=connector.room_mailbox_email_address
        )

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
        )

    def organizers(self, connector: Connector) -> EwsOrganizers:
        """The calendars of the organizers, by impersonation."""
        return ews_organizers(**self._account(connector))

    def both(self, connector: Connector) -> Connected:
        mailbox, organizers = self.mailbox(connector), self.organizers(connector)

        async def close() -> None:
            await mailbox.close()
            await organizers.close()

        return Connected(mailbox, organizers, close)

    def _account(self, connector: Connector) -> dict[str, Any]:
        return {
            "url": connector.url,
            "username": connector.username,
            "password": self._password(connector),
            "method": connector.authentication_method,
            "authenticator": self._authenticator(connector),
            "network": self._network,
            "limits": Limits(connections=CONNECTIONS),
        }

    def _authenticator(self, connector: Connector) -> Authenticator | None:
        """None stands for Basic."""
        match connector.authentication_method:
            case "OAUTH" | "APP_PERM":
                return BearerAuthenticator(self._tokens(connector))
        return None

    def _password(self, connector: Connector) -> str:
        if not connector.password:
            return ""
        context = f"ms_exchange_connector/{connector.uuid}/password"
        return self._vault.unseal(connector.password, context)
