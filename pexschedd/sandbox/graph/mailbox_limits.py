"""Limits of an application's requests for a mailbox: at a time, and in ten minutes."""

from collections import Counter, deque
from collections.abc import Callable

from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.settings import GraphSettings

_WINDOW_S = 600.0
_Key = tuple[str, str]


class MailboxLimits:
    """The counts of requests, by application and mailbox. `seconds` is the clock's."""

    def __init__(
        self, seconds: Callable[[], float], settings: Callable[[], GraphSettings]
    ) -> None:
        self._seconds = seconds
        self._settings = settings
        self._open: Counter[_Key] = Counter()
        self._recent: dict[_Key, deque[float]] = {}

    def enter(self, application: str, user: str) -> Callable[[], None]:
        """Count a request in; return a function to be called at its end.

        Raises `GraphError` if it is one too many; it counts all the same.
        """
        key = (application.casefold(), user.casefold())
        settings, now = self._settings(), self._seconds()
        most = settings.requests_per_10_min
        recent = self._recent.setdefault(key, deque(maxlen=most))
        if recent.maxlen != most:
            recent = self._recent[key] = deque(recent, maxlen=most)
        oldest = recent[0] if len(recent) == most else None
        recent.append(now)
        if oldest is not None and oldest > now - _WINDOW_S:
            wait = max(1, round(oldest + _WINDOW_S - now))
            raise GraphError(
                "ApplicationThrottled",
                "Application is over its request limit for this mailbox.",
                headers={"retry-after": str(wait)},
            )
        if self._open[key] >= settings.concurrent:
            raise GraphError("ApplicationThrottled", headers={"retry-after": "1"})
        self._open[key] += 1
        return lambda: self._open.subtract({key: 1})
