"""The requests of a trial: one after another, bounded in time, and past the throttle.

Graph's answers may hold anything: what is missing, or of another type than it should
be, reads as absent.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from twisted.internet.interfaces import IReactorTime

from pexschedd.graph.client import GraphClient
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest
from pexschedd.util.stop_signal import StopSignal

T = TypeVar("T")
Document = dict[str, Any]

POLL = 2.0
"""Seconds between two looks."""
PATIENCE = 60.0
"""Seconds for what Exchange is going to do."""
_TRIES = 4
_PAUSE, _LONGEST_PAUSE = 10.0, 60.0
"""Seconds to wait where Graph asks for a pause: without a number, and at most."""
_TEXT = 20_000
"""Characters of a text that are looked at."""


class TrialRequests:
    """Sends requests and waits, until a time by `clock` or until `stop` is set."""

    def __init__(
        self, client: GraphClient, clock: IReactorTime, stop: StopSignal
    ) -> None:
        self.client = client
        self._clock = clock
        self._stop = stop
        self.until = float("inf")
        """The time by the clock after which nothing is waited for."""

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        **more: Any,
    ) -> Document | GraphProblem:
        """Send a request and return its answer; an empty one is {}.

        `more` is for `ApiRequest`. Raises `MailboxError` without a token or an answer.
        """
        request = ApiRequest(
            name=f"trial/{method.lower()}", method=method, path=path, body=body, **more
        )
        return await self.send(request)

    async def send(self, request: ApiRequest) -> Document | GraphProblem:
        """Send a request, again after pauses that Graph asks for while there is
        time."""
        for _ in range(_TRIES - 1):
            found = await self.client.look(request, read_object)
            # 429 says that nothing was done.
            if not isinstance(found, GraphProblem) or found.status != 429:
                return found
            if self._clock.seconds() >= self.until:
                return found
            await self.pause(min(found.retry_after or _PAUSE, _LONGEST_PAUSE))
        return await self.client.look(request, read_object)

    async def listed(self, path: str) -> list[Document] | GraphProblem:
        """Return the entries of one page of a list."""
        found = await self.ask("GET", path)
        return found if isinstance(found, GraphProblem) else entries_of(found)

    async def wait_for(
        self,
        look: Callable[[], Awaitable[T | None]],
        seconds: float = PATIENCE,
    ) -> T | None:
        """Return the first result of `look` that is not None, or None after so many
        seconds."""
        until = min(self._clock.seconds() + seconds, self.until)
        while True:
            found = await look()
            if found is not None or self._clock.seconds() >= until:
                return found
            await self.pause(POLL)

    async def pause(self, seconds: float) -> None:
        """Let seconds pass; raises `WorkStopped` once the trial is to end."""
        await self._stop.sleep(self._clock, seconds)

    def seconds(self) -> float:
        """Return the time by the clock."""
        return float(self._clock.seconds())

    def unstoppable(self, seconds: float) -> "TrialRequests":
        """Return requests that do not end with the trial, for so many seconds: for
        cleaning up."""
        other = TrialRequests(self.client, self._clock, StopSignal())
        other.until = self.seconds() + seconds
        return other


def read_object(body: bytes) -> Document:
    """Read a JSON object; {} if there is none. Raises `ValueError`."""
    if not body:
        return {}
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def entries_of(document: Document) -> list[Document]:
    """Return the objects of a collection."""
    found = document.get("value")
    listed = found if isinstance(found, list) else []
    return [each for each in listed if isinstance(each, dict)]


def text_of(document: Document | None, *names: str) -> str:
    """Return the text at the end of a way through objects; "" if there is none."""
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found[:_TEXT] if isinstance(found, str) else ""
