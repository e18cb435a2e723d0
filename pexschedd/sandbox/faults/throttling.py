"""Limits of the requests for a mailbox: at a time, and in a minute."""

from collections import Counter, deque
from collections.abc import Callable

import msgspec

from pexschedd.sandbox.errors import RequestFault


class Throttling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A throttling policy; None means no limit."""

    max_concurrent: int | None = None
    requests_per_minute: int | None = None
    back_off_ms: int | None = None
    """The back-off after too many in a minute; None: until there is room again."""


class MailboxThrottle:
    """The counts of requests, by mailbox. `seconds` is the reactor's clock."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._open: Counter[str] = Counter()
        self._recent: dict[str, deque[float]] = {}

    def enter(self, address: str, policy: Throttling) -> Callable[[], None]:
        """Count a request in; return a function to be called at its end.

        Raises `RequestFault` if it is one too many.
        """
        key = address.casefold()
        most = policy.max_concurrent
        if most is not None and self._open[key] >= most:
            raise RequestFault(
                "ErrorExceededConnectionCount",
                "You have exceeded the available concurrent connections for your "
                "account. Try again once your other requests have completed.",
                {
                    "Policy": "MaxConcurrency",
                    "MaxConcurrencyLimit": str(most),
                    "BackOffMilliseconds": "0",
                },
            )
        self._count(key, policy)
        self._open[key] += 1
        return lambda: self._open.subtract({key: 1})

    def _count(self, key: str, policy: Throttling) -> None:
        if policy.requests_per_minute is None:
            return
        now = self._seconds()
        recent = self._recent.setdefault(key, deque())
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= policy.requests_per_minute:
            wait = int((recent[0] + 60 - now) * 1000) if recent else 60_000
            if policy.back_off_ms is not None:
                wait = policy.back_off_ms
            values = {"BackOffMilliseconds": str(wait)}
            raise RequestFault("ErrorServerBusy", "", values)
        recent.append(now)
