"""Counts messages by the hour, in memory, for the last day."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from pexschedd.clock import Now
from pexschedd.management.computed.live import MessageCount

HOURS = 24

_FIELDS = {
    "accept": "accepted",
    "decline": "declined",
    "set_aside": "failed",
    "failed": "failed",
}
"""The field of a `MessageCount` by the outcome of a message; others are `other`."""

Count = Callable[[str, str, float | None], None]
"""See `metrics.Metrics.message`."""


class MessageCounts:
    """The messages of the hours since the process has started, 24 at most."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._hours: dict[datetime, Counter[tuple[int, str]]] = {}

    def counting(self, connector_id: int, also: Count) -> Count:
        """Return a function that counts a message here, for an integration, and
        calls `also`."""

        def count(integration: str, outcome: str, waited: float | None) -> None:
            also(integration, outcome, waited)
            field = _FIELDS.get(outcome, "other")
            self._this_hour()[connector_id, field] += 1

        return count

    def records(self) -> Iterator[MessageCount]:
        """Yield the counts of each hour and integration that has any, oldest first."""
        number = 0
        self._forget()
        for hour in sorted(self._hours):
            counts = self._hours[hour]
            for connector_id in sorted({id_ for id_, _ in counts}):
                number += 1
                yield MessageCount(
                    id=number,
                    exchange_connector_id=connector_id,
                    start_time=hour,
                    accepted=counts[connector_id, "accepted"],
                    declined=counts[connector_id, "declined"],
                    other=counts[connector_id, "other"],
                    failed=counts[connector_id, "failed"],
                )

    def _this_hour(self) -> Counter[tuple[int, str]]:
        hour = _hour(self._now())
        if hour not in self._hours:
            self._hours[hour] = Counter()
            self._forget()
        return self._hours[hour]

    def _forget(self) -> None:
        oldest = _hour(self._now()) - timedelta(hours=HOURS - 1)
        for hour in [each for each in self._hours if each < oldest]:
            del self._hours[hour]


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
