"""Everything that runs for one integration: the watcher of its mailbox, the listener
for notifications that wakes it, and the check that no other installation does so too.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger

from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.inbox.notification_listener import (
    NotificationListener,
    StreamState,
)
from pexschedd.scheduling.inbox.ownership import Ownership
from pexschedd.scheduling.inbox.watcher import GRACE, NextDelay, Watcher


class IntegrationWorker:
    """Runs one integration's parts from `start` until `stop`.

    `new_watcher` makes the watcher; its argument is the watcher's `next_delay`.
    """

    _log = Logger()

    def __init__(
        self,
        connector_id: int,
        new_watcher: Callable[[NextDelay], Watcher],
        listener: NotificationListener,
        ownership: Ownership,
    ) -> None:
        self._connector_id = connector_id
        self._watcher = new_watcher(self._next_delay)
        self._listener = listener
        self._ownership = ownership
        self._has_looked = False
        self._stopping = False

    @property
    def state(self) -> StreamState:
        """The state of the integration's notifications."""
        return self._listener.state

    def start(self) -> None:
        """Start the watcher and the listener; the check starts after the first look."""
        self._watcher.start()
        self._listener.start(self._watcher.arrived)

    def wake(self) -> None:
        """Look into the mailbox now."""
        self._watcher.wake()

    async def look_once(self) -> None:
        """Look into the mailbox once without being started; `stop` it afterwards, or to
        end it early."""
        self._has_looked = True  # nothing is to follow
        await self._watcher.look_once()

    async def stop(self, grace: float = GRACE) -> None:
        """Stop all parts at once, since each may take seconds, and wait for all.

        What the watcher has begun is broken off after `grace` seconds.

        A part that fails to stop is logged and does not keep the others from ending:
        afterwards another worker may be started for the same mailbox.
        """
        self._stopping = True
        parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "listener": self._listener.stop,
            "ownership": self._ownership.stop,
            "watcher": partial(self._watcher.stop, grace),
        }
        results = await DeferredList(
            [Deferred.fromCoroutine(stop()) for stop in parts.values()],
            consumeErrors=True,
        )
        for part, (succeeded, result) in zip(parts, results, strict=True):
            if not succeeded:
                self._log.failure(
                    "worker could not stop a part cleanly part={part} "
                    "integration={integration}",
                    result,
                    part=part,
                    integration=self._connector_id,
                )

    def _next_delay(self, connector: Connector) -> float:
        if not self._has_looked and not self._stopping:
            # Not before: an account that is refused is not to be tried twice as often.
            self._has_looked = True
            self._ownership.start()
        return self._listener.next_delay(connector)
