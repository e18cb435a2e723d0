"""What the calls to Exchange tell the metrics and the clocks.

Part of the composition: it knows both, and fits `ews.client.Observer`.
"""

from collections.abc import Callable

from pexschedd.metrics import Metrics
from pexschedd.scheduling.clocks import Clocks


class CallObserver:
    """For one integration, by its name. `seconds` is any steady clock."""

    def __init__(
        self,
        integration: str,
        metrics: Metrics,
        clocks: Clocks,
        seconds: Callable[[], float],
    ) -> None:
        self._integration = integration
        self._metrics = metrics
        self._clocks = clocks
        self._seconds = seconds

    def begins(self, operation: str) -> Callable[[str, str], None]:
        started = self._seconds()

        def ended(result: str, date: str) -> None:
            took = self._seconds() - started
            self._metrics.call(self._integration, operation, result, took)
            if date:
                self._clocks.seen(self._integration, date)

        return ended
