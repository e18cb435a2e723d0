"""An integration's worker has ended when all of its parts have, however they end."""

from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred

from pexschedd.scheduling.inbox.watcher import NextDelay
from pexschedd.scheduling.inbox.worker import IntegrationWorker
from tests.conftest import Failures
from tests.scheduling.process_support import CONNECTOR


class Part:
    """A watcher, listener or ownership check that ends when the test says."""

    def __init__(self) -> None:
        self.started = 0
        self.stopped: Deferred[None] = Deferred()
        self.stopping = False

    def start(self, *_: object) -> None:
        self.started += 1

    async def stop(self, *_: object) -> None:
        self.stopping = True
        await self.stopped

    def arrived(self) -> None:
        pass

    def next_delay(self, _connector: object) -> float:
        return 5.0


class Parts:
    """A worker that was started, and its parts by name."""

    next_delay: NextDelay

    def __init__(self) -> None:
        self.by_name = {name: Part() for name in ("watcher", "listener", "ownership")}

        def new_watcher(next_delay: NextDelay) -> Any:
            self.next_delay = next_delay
            return self.by_name["watcher"]

        self.worker = IntegrationWorker(
            CONNECTOR.id,
            new_watcher,
            cast(Any, self.by_name["listener"]),
            cast(Any, self.by_name["ownership"]),
        )
        self.worker.start()

    def starts(self, name: str) -> int:
        return self.by_name[name].started

    def stop(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.worker.stop())


@pytest.mark.parametrize("broken", ["watcher", "listener", "ownership"])
def test_a_part_that_fails_to_stop(broken: str, logged_failures: Failures) -> None:
    """The others are stopped and waited for all the same, and the failure is logged:
    another worker that is started now finds the mailbox free."""
    parts = Parts()
    done = parts.stop()
    assert all(part.stopping for part in parts.by_name.values())
    parts.by_name.pop(broken).stopped.errback(RuntimeError("it broke"))
    for part in parts.by_name.values():
        assert not done.called, "another part is still running"
        part.stopped.callback(None)
    assert done.called
    failed: list[object] = []
    done.addErrback(failed.append)
    assert not failed
    (logged,) = logged_failures
    assert f"part={broken}" in logged
    assert f"integration={CONNECTOR.id}" in logged
    logged_failures.clear()


def test_the_ownership_check_begins_with_the_first_look() -> None:
    """It begins once, after a look that went well."""
    parts = Parts()
    assert not parts.starts("ownership")
    for _ in range(2):
        assert parts.next_delay(CONNECTOR) == 5.0
    assert parts.starts("ownership") == 1


def test_a_first_look_that_ends_while_the_worker_stops() -> None:
    """The ownership check does not begin any more: it would never be stopped."""
    parts = Parts()
    parts.stop()
    parts.next_delay(CONNECTOR)
    assert not parts.starts("ownership")
