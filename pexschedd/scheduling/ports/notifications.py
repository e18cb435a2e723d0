"""The protocol for notifications that something has arrived in an equipment mailbox.

A notification does not say what has arrived: the mailbox is then read as at any other
time. So one may be late, doubled or lost, and nothing goes wrong. `ews/` and `graph/`
implement them.
"""

from collections.abc import Callable
from typing import Protocol


class Notifications(Protocol):
    """One integration's notifications."""

    async def listen(
        self, arrived: Callable[[], None], alive: Callable[[], None]
    ) -> None:
        """Listen until the server ends the subscription; then call this again at once.

        Calls `alive` when the subscription has begun, and at every later sign of life;
        `arrived` when something has arrived. Changes between two subscriptions are not
        reported. Raises `MailboxError` when the server refuses the subscription, or
        breaks it off.
        """

    async def close(self) -> None:
        """End the subscription and give up all connections, within seconds."""
