"""The protocol for observing calls to a mailbox server."""

from collections.abc import Callable
from typing import Protocol


class Observer(Protocol):
    """Counts and times the calls."""

    def begins(self, operation: str) -> Callable[[str, str], None]:
        """Note that a call is sent; return a function to call at its end.

        It takes the outcome, which is "ok", the error's stable code or a response code;
        and the answer's Date header, or "".
        """
