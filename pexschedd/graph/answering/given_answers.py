"""Signs that an answer was given already, and the mark that is left before it is
given, so that this can be told afterwards. Pure.

The event's response tells it, unless the event had an answer to an earlier message of
the same meeting, which may have been given while the message waited: then the message
gets a category before, with the time of that answer.
"""

from pexschedd.graph.answering.answer_lookup import (
    ACCEPTING,
    DECLINING,
    Found,
    FoundEvent,
)
from pexschedd.scheduling.ports.mailbox import Action, Answer

RESPONSES = {Action.ACCEPT: "accepted", Action.DECLINE: "declined"}
"""The answers to requests, and what an event says that has them."""

_MARKED_TIME = 40
"""Characters of a time within a category, which has 255 at most."""


def is_given(answer: Answer, found: Found, event: FoundEvent) -> bool:
    """Return whether the event has this answer, and has it from this message."""
    if event.response != RESPONSES[answer.action]:
        return False
    if event.responded is None or found.received is None:
        return False
    if event.responded < found.received:
        return False
    if answer.action is Action.DECLINE or _is_made_of(event, found):
        return True
    before = found.accepting
    return before is not None and before != _time_in_mark(event)


def _is_made_of(event: FoundEvent, found: Found) -> bool:
    """Return whether an event is no older than the message, so that it has answers to
    no earlier message."""
    if event.created is None or found.received is None:
        return False
    return event.created >= found.received


def mark_of(answer: Answer, found: Found, event: FoundEvent) -> str:
    """Return the category that a message needs before its event is answered, so that
    the answer is known again; "" if it needs none."""
    if answer.action is Action.DECLINE:
        return DECLINING
    return "" if _is_made_of(event, found) else ACCEPTING + _time_in_mark(event)


def _time_in_mark(event: FoundEvent) -> str:
    return event.response_time[:_MARKED_TIME] or "never"
