"""All that runs for one integration: who looks into its mailbox, who has that done in
time, and who notices when somebody else does it, too."""

from collections.abc import Callable

from twisted.internet.defer import Deferred, gatherResults

from pexschedd.model.integration import Connector
from pexschedd.scheduling.inbox.notification_listener import (
    NotificationListener,
    StreamState,
)
from pexschedd.scheduling.inbox.ownership import Ownership
from pexschedd.scheduling.inbox.watcher import Watcher

Looked = Callable[[Connector], float]


class IntegrationWorker:
    """Runs from `start` until `stop`. `new_watcher` makes a watcher that tells what it
    is given of every look; see `Watcher`."""

    def __init__(
        self,
        new_watcher: Callable[[Looked], Watcher],
        listening: NotificationListener,
        ownership: Ownership,
    ) -> None:
        self._watcher = new_watcher(self._looked)
        self._listening = listening
        self._ownership = ownership
        self._welcome = False

    @property
    def state(self) -> StreamState:
        return self._listening.state

    def start(self) -> None:
        self._watcher.start()
        self._listening.start(self._watcher.arrived)

    def wake(self) -> None:
        """Has the mailbox looked into now."""
        self._watcher.wake()

    async def stop(self) -> None:
        """All at once: each may take its seconds."""
        await gatherResults(
            [
                Deferred.fromCoroutine(part.stop())
                for part in (self._listening, self._ownership, self._watcher)
            ],
            consumeErrors=True,
        )

    def _looked(self, connector: Connector) -> float:
        if not self._welcome:
            # Not before: an account that is refused is not to be tried twice as often.
            self._welcome = True
            self._ownership.start()
        return self._listening.looked(connector)
