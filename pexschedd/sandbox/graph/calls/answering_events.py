"""Answers to events: accept, tentativelyAccept, decline."""

from http import HTTPStatus
from typing import Any

from pexschedd.sandbox.graph.calls.graph_call import GraphCall, no_content
from pexschedd.sandbox.graph.entities.view import read_zoned
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.items import bodies
from pexschedd.sandbox.items.records import Item, MeetingAnswer
from pexschedd.sandbox.mailboxes import attending

_FIELDS = {"comment", "sendresponse", "proposednewtime"}


def accept_event(call: GraphCall) -> GraphAnswer:
    """Accept an event."""
    return _answer(call, MeetingAnswer.ACCEPT)


def tentatively_accept_event(call: GraphCall) -> GraphAnswer:
    """Accept an event tentatively."""
    return _answer(call, MeetingAnswer.TENTATIVE)


def decline_event(call: GraphCall) -> GraphAnswer:
    """Decline an event, which takes it out of the calendar."""
    return _answer(call, MeetingAnswer.DECLINE)


def _answer(call: GraphCall, answer: MeetingAnswer) -> GraphAnswer:
    item = call.event()
    document = {key.lower(): value for key, value in call.request.document().items()}
    comment, send = _wishes(document, answer)
    _check(item)
    attending.respond(
        call.exchange,
        call.mailbox,
        item,
        answer,
        bodies.from_text(comment or ""),
        send=send,
        save_copy=True,
        in_place=True,
    )
    call.answered(call.mailbox, item)
    return no_content(HTTPStatus.ACCEPTED)


def _wishes(document: dict[str, Any], answer: MeetingAnswer) -> tuple[str | None, bool]:
    """Return the comment, and whether a response is to be sent. Raises `GraphError`."""
    for name in document:
        if name not in _FIELDS and "@" not in name:
            raise GraphError(
                "BadRequest", f"The parameter '{name}' does not exist on this action."
            )
    comment, send = document.get("comment"), document.get("sendresponse")
    if comment is not None and not isinstance(comment, str):
        raise GraphError("ErrorInvalidRequest", "comment: must be a text.")
    if send is not None and not isinstance(send, bool):
        raise GraphError("ErrorInvalidRequest", "sendResponse: must be a Boolean.")
    if send is False and comment is not None:
        raise GraphError(
            "ErrorInvalidRequest",
            "'SendResponse' must be true when 'Comment' is not null.",
        )
    proposed = document.get("proposednewtime")
    if proposed is not None:
        if answer is MeetingAnswer.ACCEPT or send is False:
            raise GraphError(
                "ErrorInvalidRequest", "proposedNewTime: cannot be given here."
            )
        if not isinstance(proposed, dict):
            raise GraphError("ErrorInvalidRequest", "proposedNewTime: no timeSlot.")
        for name in ("start", "end"):
            read_zoned(proposed.get(name), f"proposedNewTime.{name}")
    return comment, send is not False


def _check(item: Item) -> None:
    if item.is_organizer:
        raise GraphError(
            "ErrorInvalidRequest",
            "Your request can't be completed. You can't respond to this meeting "
            "because you're the meeting organizer.",
        )
    if item.meeting is not None and item.meeting.cancelled:
        raise GraphError(
            "ErrorInvalidRequest",
            "Your request can't be completed. The meeting was cancelled.",
        )
