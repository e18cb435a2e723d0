"""Organizers who send, move, repeat and cancel meetings."""

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from benchmarks.soak.meetings import DOMAIN, INTEGRATIONS, ORGANIZERS, equipment, tag
from benchmarks.warped import Warp
from pexschedd.sandbox import Sandbox


class Organizers:
    """Send requests, updates, cancellations and series until there were enough."""

    def __init__(self, warp: Warp, box: Sandbox, messages: int, seed: int) -> None:
        self._warp = warp
        self._exchange = box.exchange
        self._left = messages
        self._chance = random.Random(seed)  # noqa: S311 - to be repeatable
        self._meetings: list[tuple[Any, int]] = []
        self._numbers = 0
        self.requested: Counter[str] = Counter()
        """The number of requests to the equipment, by the meeting's subject."""
        self.cancelled: set[str] = set()
        self.newest: dict[str, int] = {}
        """The sequence number of the last request, by the subject."""

    def send(self) -> bool:
        """One message; false when there were enough."""
        if self._left == 0:
            return False
        self._left -= 1
        dice = self._chance.random()
        if dice < 0.7 or not self._meetings:
            self._invite(series=dice < 0.1)
        else:
            index = self._chance.randrange(len(self._meetings))
            self._change(*self._meetings[index], cancel=dice > 0.9, index=index)
        return True

    def _start(self) -> datetime:
        minutes = self._chance.randrange(60 * 24 * 365)
        return self._warp.now() + timedelta(days=30, minutes=minutes)

    def _invite(self, *, series: bool) -> None:
        from pexschedd.sandbox import SeriesRecurrence  # noqa: PLC0415 - only this process

        self._numbers += 1
        number = self._numbers
        start = self._start()
        who = self._exchange.mailbox(f"person{number % ORGANIZERS}@{DOMAIN}")
        meeting = self._exchange.schedule(
            who,
            subject=f"Meeting {number}",
            start=start,
            end=start + timedelta(minutes=30),
            resources=[equipment(1 + number % INTEGRATIONS)],
            body=f"<p>Agenda</p><p>PXPS:-{tag(number)}#</p>",
            recurrence=SeriesRecurrence.daily(count=10) if series else None,
        )
        self._meetings.append((meeting, number))
        self._requested(meeting, number)

    def _requested(self, meeting: Any, number: int) -> None:
        self.requested[f"Meeting {number}"] += 1
        self.newest[f"Meeting {number}"] = meeting.meeting.sequence

    def _change(self, meeting: Any, number: int, *, cancel: bool, index: int) -> None:
        if cancel:
            self._exchange.cancel(meeting)
            self._meetings.pop(index)
            self.cancelled.add(f"Meeting {number}")
            return
        start = self._start()
        self._exchange.update(meeting, start=start, end=start + timedelta(hours=1))
        self._requested(meeting, number)
