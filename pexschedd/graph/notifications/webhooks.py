"""The webhooks of all integrations: the addresses to which Graph posts.

An address has a part that nobody can guess, and every notification the secret of its
subscription. Whatever else is posted is counted, and told in the log once in a while.
"""

from collections.abc import Callable
from hmac import compare_digest

import msgspec
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.graph.notifications.change_notification import (
    ChangeNotification,
    read_notifications,
)

QUIET = 600.0
"""Seconds between two log lines about what was not for us."""

MAX_TOKEN = 1024
"""Characters of a validation token."""


class WebhookAddress(msgspec.Struct, frozen=True):
    """The address at which one integration is told of changes."""

    integration: int
    url: str
    """The whole URL, as Graph is told it; it ends with the key."""
    key: str
    """The part that nobody can guess."""


class GraphWebhook:
    """One integration's webhook, while it listens.

    `take` is given each notification, and returns False if it is none of ours.
    """

    def __init__(
        self,
        address: WebhookAddress,
        take: Callable[[ChangeNotification], bool],
        ignored: Callable[[int | None, int], None],
    ) -> None:
        self._address = address
        self._take = take
        self._ignored = ignored
        self.is_validating = False
        """True while Graph is asked for a subscription that posts here."""
        self.was_validated = False
        """True once Graph has asked whether the address is right."""

    def validate(self, token: str) -> bool:
        """Return whether a question for validation is to be answered with its token:
        only while a subscription is being made, and only a plain text."""
        right = (
            self.is_validating and 0 < len(token) <= MAX_TOKEN and token.isprintable()
        )
        if right:
            self.was_validated = True
        else:
            self._ignored(self._address.integration, 1)
        return right

    def post(self, body: bytes) -> None:
        """Take what was posted. Raises `ValueError` if these are no notifications."""
        integration = self._address.integration
        try:
            found = read_notifications(body)
        except ValueError:
            self._ignored(integration, 1)
            raise
        foreign = sum(not self._take(each) for each in found)
        if foreign:
            self._ignored(integration, foreign)


class GraphWebhooks:
    """The webhooks that are open, by integration."""

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._open: dict[int, tuple[WebhookAddress, GraphWebhook]] = {}
        self._untold = 0
        self._next_line = 0.0

    def open(
        self, address: WebhookAddress, take: Callable[[ChangeNotification], bool]
    ) -> GraphWebhook:
        """Have what is posted to an address taken from now on."""
        webhook = GraphWebhook(address, take, self._ignored)
        self._open[address.integration] = address, webhook
        return webhook

    def close(self, webhook: GraphWebhook) -> None:
        """Take nothing more, unless the address has been opened again since."""
        for id, (_, each) in list(self._open.items()):
            if each is webhook:
                del self._open[id]

    def find(self, integration: int, key: str) -> GraphWebhook | None:
        """Return the webhook of an integration; None unless the key is its own."""
        found = self._open.get(integration)
        expected = found[0].key if found is not None else ""
        is_right = compare_digest(key.encode(), expected.encode())
        if found is not None and is_right:
            return found[1]
        self._ignored(None, 1)
        return None

    def _ignored(self, integration: int | None, count: int) -> None:
        """Count what was posted and is not for us; however much that is, the log has a
        line of it every ten minutes at most."""
        self._untold += count
        now = self._clock.seconds()
        if now < self._next_line:
            return
        self._log.warn(
            "webhook ignored notifications that are not for it count={count} "
            "integration={integration}",
            count=self._untold,
            integration=integration,
        )
        self._untold = 0
        self._next_line = now + QUIET
