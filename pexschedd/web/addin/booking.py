"""What the routes need of the use case behind them."""

from typing import Protocol

from pexschedd.identity.exchange_token import ExchangeIdentity
from pexschedd.model.integration import Connector


class BookedRoom(Protocol):
    """A room for a meeting that is being written."""

    @property
    def room_name(self) -> str:
        """The equipment mailbox's display name."""

    @property
    def room_email(self) -> str:
        """The equipment mailbox's address: it has to be invited."""

    @property
    def alias_id(self) -> str:
        """The security tag, `PXPS:-<uuid>#`."""

    @property
    def instructions(self) -> str:
        """HTML for the invitation; it contains the tag."""


class Booking(Protocol):
    async def book(self, connector_id: int, user: str) -> BookedRoom:
        """Reserves an alias for `user`, an `ExchangeIdentity.user_id`."""


class Verify(Protocol):
    async def __call__(self, connector: Connector, token: str) -> ExchangeIdentity:
        """Who sends the token; raises `InvalidToken` or `Unavailable`."""


class Placeholder(Protocol):
    def __call__(self, connector: Connector) -> str:
        """HTML for a meeting that waits for its room; raises `TemplateError`."""


class Icons(Protocol):
    def icon(self, connector: Connector, size: int) -> bytes:
        """The add-in's icon as PNG; `NotFound` for a size that there is not."""

    def icon_revision(self, connector: Connector) -> str:
        """Changes whenever the icon does."""
