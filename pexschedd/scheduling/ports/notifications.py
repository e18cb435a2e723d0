"""Being told that something arrived in an equipment mailbox, in this domain's words.

Not what arrived: that is for the mailbox to say, which is looked into as if nobody had
told anything. So a notification may be late, doubled or lost, and nothing goes wrong.
`ews/` implements it; a push from Microsoft Graph can become another implementation.
"""

from collections.abc import Callable
from typing import Protocol


class Notifications(Protocol):
    async def listen(
        self, arrived: Callable[[], None], alive: Callable[[], None]
    ) -> None:
        """Runs until the server ends it in an orderly way: then listen again at once.

        Calls `alive` when the server has begun to listen for us, and at every later
        sign of it; `arrived` when something has arrived. What happens between two
        listenings is not told. Raises `MailboxError` when the server does not tell
        anything, or does not any more.
        """

    async def close(self) -> None:
        """Ends the listening at hand and gives up all connections, in seconds."""
