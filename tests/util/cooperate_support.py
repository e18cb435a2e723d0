"""A reactor whose turns can be counted."""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock


class Turns(Clock):
    """Each turn of the reactor takes a second: `turn` is one."""

    def callLater(
        self,
        delay: float,
        callable: Callable[..., object],  # noqa: A002 - Twisted's name
        *args: Any,
        **kw: Any,
    ) -> IDelayedCall:
        return super().callLater(max(delay, 1), callable, *args, **kw)

    def turn(self) -> None:
        self.advance(1)
