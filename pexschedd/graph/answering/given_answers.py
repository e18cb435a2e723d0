"""Signs that an answer was given already, and the mark that is left before it is
given, so that this can be told afterwards. Pure.

The event's response tells it, unless the event had an answer to an earlier message of
the same meeting, which may have been given while the message waited: then the message
gets a category before, with the time of that answer. A decline takes the event away,
and a newer message may bring another one: so its category names the event.
"""

from hashlib import sha256

from pexschedd.graph.answering.answer_lookup import (
    ACCEPTING,
    DECLINING,
    Found,
    FoundEvent,
)
from pexschedd.scheduling.ports.mailbox import Action

RESPONSES = {Action.ACCEPT: "accepted", Action.DECLINE: "declined"}
"""The answers to requests, and what an event says that has them."""

_MARKED_TIME = 40
"""Characters of a time within a category, which has 255 at most."""


def is_given(action: Action, found: Found) -> bool:
    """Return whether the event has this answer, and has it from this message; or had
    it, and was taken away by it."""
    event = found.event
    marked = found.declining if action is Action.DECLINE else None
    if marked is not None and (event is None or marked != _named(event)):
        return True
    if event is None or event.response != RESPONSES[action]:
        return False
    if event.responded is None or found.received is None:
        return False
    if event.responded < found.received:
        return False
    if action is Action.DECLINE or _is_made_of(event, found):
        return True
    before = found.accepting
    return before is not None and before != _time_in_mark(event)


def _is_made_of(event: FoundEvent, found: Found) -> bool:
    """Return whether an event is no older than the message, so that it has answers to
    no earlier message."""
    if event.created is None or found.received is None:
        return False
    return event.created >= found.received


def mark_of(action: Action, found: Found, event: FoundEvent) -> str:
    """Return the category that a message needs before its event is answered, so that
    the answer is known again; "" if it needs none."""
    if action is Action.DECLINE:
        return DECLINING + _named(event)
    return "" if _is_made_of(event, found) else ACCEPTING + _time_in_mark(event)


def _time_in_mark(event: FoundEvent) -> str:
    return event.response_time[:_MARKED_TIME] or "never"


def _named(event: FoundEvent) -> str:
    return sha256(event.id.encode()).hexdigest()[:32]
