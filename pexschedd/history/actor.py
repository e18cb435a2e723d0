"""The one in whose name records are being changed. Pure."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """An administrator, or a tool, whose changes are recorded."""

    name: str
    address: str = ""
    """The IP address that the request came from."""
    correlation_id: str = ""
    """The id of the request."""


SERVICE = Actor("schedulingservice")
"""The actor of what no request has asked for; see `logs.SERVICE`."""

current_actor: ContextVar[Actor] = ContextVar("current_actor", default=SERVICE)
"""The actor of the request that is being carried out. Read it in the request's own code
only."""


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Have what happens within this be recorded in the name of `actor`."""
    token = current_actor.set(actor)
    try:
        yield
    finally:
        current_actor.reset(token)
