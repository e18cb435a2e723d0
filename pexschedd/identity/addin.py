"""The add-in's users, identified by tokens of the kind that the integration expects."""

from collections.abc import Callable, Mapping

from pexschedd.clock import Now
from pexschedd.errors import InvalidToken, Unavailable
from pexschedd.identity.addin_tokens import TokenKind
from pexschedd.identity.verified_tokens import VerifiedTokens
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.integration.connector import Connector

RefusalListener = Callable[[Connector, str], None]
"""Is told of a token that was refused, and of the integration that it was sent to. It
must not believe anything that the token says."""


class AddinIdentity:
    """Verifies the add-in's tokens.

    `kinds` has a way to verify for each `addin_authentication_method`.
    """

    def __init__(self, kinds: Mapping[str, TokenKind], now: Now) -> None:
        self._kinds = kinds
        self._now = now
        self._verified = VerifiedTokens()
        self._listeners: list[RefusalListener] = []

    def on_refusal(self, listener: RefusalListener) -> None:
        """Call `listener` for each token that is refused."""
        self._listeners.append(listener)

    async def verify(self, connector: Connector, token: str) -> VerifiedUser:
        """Return the user of a token.

        Raises `InvalidToken` if the token is refused, `Unavailable` if it cannot be
        verified now.
        """
        try:
            return await self._user_of(connector, token)
        except InvalidToken:
            for listener in self._listeners:
                listener(connector, token)
            raise

    async def verify_in_invitation(
        self, connector: Connector, token: str
    ) -> VerifiedUser:
        """Return the user of a token that waited in an invitation.

        Raises as `verify`, and `InvalidToken` in an integration whose tokens have no
        business in invitations.
        """
        if not self._kind(connector).works_offline:
            raise InvalidToken(
                "This integration takes Microsoft 365's tokens, and none in "
                "invitations. The organizer has to add the room again."
            )
        return await self.verify(connector, token)

    async def _user_of(self, connector: Connector, token: str) -> VerifiedUser:
        if not token:
            raise InvalidToken("The request carries no token.")
        kind, now = self._kind(connector), self._now()
        settings = connector, kind.settings(connector)
        known = self._verified.find(connector.id, settings, token, now)
        if known is not None:
            return known
        verified = await kind.verify(connector, token, now)
        self._verified.add(connector.id, settings, token, verified)
        return verified.user

    def _kind(self, connector: Connector) -> TokenKind:
        kind = self._kinds.get(connector.addin_authentication_method)
        if kind is None:
            raise Unavailable("This server cannot verify the integration's tokens.")
        return kind
