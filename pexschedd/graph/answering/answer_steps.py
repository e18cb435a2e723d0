"""The steps of one answer, so that it is given once however often they are begun. Pure.

    look up -> (was it given already?) -> answer the event -> (mail) -> take away

Graph answers events, not messages: an answer is known again by the event's
`responseStatus` and its time; where that may be the answer to another message of the
same meeting, by a category that the message got before, which has the time that the
event had then; a decline, which takes the event away, by a category as well; a mail by
its Message-ID. The message goes last: while it is in
the inbox or in Deleted Items something may be left to do, afterwards nothing is.
"""

from datetime import timedelta

import msgspec

from pexschedd.errors import MailboxError, MailboxRefused, SignInRefused
from pexschedd.exchange.error_policy import Retry
from pexschedd.graph.answering.answer_lookup import (
    Found,
    FoundEvent,
    Steps,
)
from pexschedd.graph.answering.answer_mails import (
    AnsweringMailbox,
    TextAnswer,
    send,
    was_sent,
)
from pexschedd.graph.answering.folder_steps import is_within_reach
from pexschedd.graph.answering.given_answers import RESPONSES, is_given, mark_of
from pexschedd.graph.answering.look_up_steps import look_up_steps
from pexschedd.graph.answering.removal_steps import (
    is_refused,
    not_found_out,
    outcome_of,
    take_away,
)
from pexschedd.graph.error_policy import is_gone, rule_of
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import CALENDARS, ApiRequest, user_path
from pexschedd.model.fields.addresses import is_plain_address
from pexschedd.scheduling.ports.mailbox import (
    Action,
    Answer,
    Blame,
    Outcome,
    OutcomeKind,
)
from pexschedd.util.powershell import quoted

YOUNG = timedelta(minutes=5)
"""The age of a message up to which Exchange may still be about to make its event."""

_OF_A_SERIES = ("occurrence", "exception")
_ANOTHERS_EVENT = Outcome(
    OutcomeKind.RETRY,
    "The event of this request has another organizer in the calendar, so an answer to "
    "it would go to them.",
    Blame.DOUBT,
)
_OUTDATED = Outcome(
    OutcomeKind.RETRY,
    "A newer message about the meeting has come, so the event is not declined.",
    Blame.DOUBT,
)
_NO_RECIPIENT = "errorinvalidrecipients"


def answer_steps(
    mailbox: AnsweringMailbox, answer: TextAnswer
) -> Steps[Outcome | GraphProblem]:
    """Return the steps of an answer; they return its outcome, or the problem that it
    has met.

    What changes at the same moment is looked up and tried once more at once.
    """
    result = yield from _attempt(mailbox, answer)
    if isinstance(result, GraphProblem) and rule_of(result).of_one is Retry.READ_AGAIN:
        unsure = msgspec.structs.replace(answer, unsure=True)
        result = yield from _attempt(mailbox, unsure)
    return result


def _attempt(
    mailbox: AnsweringMailbox, answer: TextAnswer
) -> Steps[Outcome | GraphProblem]:
    details = mailbox.by_mail and answer.action in RESPONSES
    found = yield from look_up_steps(mailbox, answer, details=details)
    if isinstance(found, GraphProblem):
        return found
    if not found.folder:
        return Outcome(OutcomeKind.RETRY, "Graph does not say where the message lies.")
    reached = yield from is_within_reach(mailbox.address, found.folder, mailbox.profile)
    if isinstance(reached, GraphProblem):
        return not_found_out(reached)
    if not reached:
        return Outcome(OutcomeKind.GONE)
    if found.event is not None:
        mailbox.profile.makes_events = True
    match answer.action:
        case Action.ACCEPT | Action.DECLINE:
            missed = yield from _respond(mailbox, answer, found)
        case Action.REMOVE:
            missed = yield from _remove_event(mailbox, found)
        case Action.REPLY:
            missed = yield from _reply(mailbox, answer, found)
        case Action.DISCARD:
            missed = None
    if missed is not None:
        return missed
    return (yield from _take_away(mailbox, answer))


def _take_away(
    mailbox: AnsweringMailbox, answer: Answer
) -> Steps[Outcome | GraphProblem]:
    """Take the message away; if only that fails, it is all that is left to do."""
    item = answer.ref.item_id
    discards = answer.action is Action.DISCARD
    try:
        problem = yield from take_away(mailbox.address, item, mailbox.profile)
    except MailboxError as error:
        if discards:
            raise
        return _discard_later(error.message, Blame.SERVER)
    if discards and problem is not None:
        return problem
    if problem is None or is_gone(problem):
        return Outcome(OutcomeKind.DONE)
    return _discard_later(problem.words, outcome_of(problem).blame)


def _discard_later(reason: str, blame: Blame) -> Outcome:
    return Outcome(OutcomeKind.RETRY, reason, blame, Action.DISCARD)


# Requests


def _respond(
    mailbox: AnsweringMailbox, answer: TextAnswer, found: Found
) -> Steps[Outcome | GraphProblem | None]:
    """Accept or decline a request; return what keeps it from being done."""
    if not found.is_meeting:
        return Outcome(
            OutcomeKind.FAILED, "The message is not about a meeting.", Blame.MESSAGE
        )
    event = found.event
    if found.delegated or (event is not None and event.organized):
        return None  # nobody waits for an answer of this mailbox
    if event is not None and not _is_of_author(event, found):
        return (yield from _respond_without_event(mailbox, answer, _ANOTHERS_EVENT))
    if answer.unsure and not mailbox.by_mail and _has_been_told(answer, found):
        return None
    if found.outdated and answer.action is Action.DECLINE and not mailbox.by_mail:
        # Its event is already that of the newer message, and would be taken away.
        return (yield from _respond_without_event(mailbox, answer, _OUTDATED))
    if event is not None and event.cancelled:
        waits = _is_young(mailbox, found) and not _has_seen(event, found)
        return _no_event_yet() if waits else None
    if mailbox.by_mail:
        return (yield from _respond_by_mail(mailbox, answer, found))
    if event is None:
        declines = answer.action is Action.DECLINE
        if declines and mailbox.profile.has_declined(found.message_id):
            return None
        missed = _no_event(mailbox, found)
        if _is_young(mailbox, found) or not mailbox.profile.makes_events:
            return missed
        # An earlier message was declined, or a person has deleted the event.
        return (yield from _respond_without_event(mailbox, answer, missed))
    mark = mark_of(answer.action, found, event)
    if mark and mark not in found.marks:
        marked = yield _marking(mailbox, answer, mark)
        if isinstance(marked, GraphProblem) and not is_refused(marked):
            return marked
    body: dict[str, str | bool] = {"sendResponse": True}
    if answer.text:
        body["comment"] = answer.text
    result = yield _response(mailbox, answer, event, body)
    if isinstance(result, GraphProblem):
        return _no_event(mailbox, found) if is_gone(result) else result
    if answer.action is Action.DECLINE:
        mailbox.profile.declined(found.message_id)
    return None


def _has_been_told(answer: Answer, found: Found) -> bool:
    """Return whether the organizer has been told something by an earlier attempt.

    An acceptance that could not be finished may be replaced by a decline, which must
    not contradict it. And once a newer message has brought the event up to date, that
    does not tell any more whether this one was accepted: the organizer waits for the
    answer to the newer one.
    """
    if is_given(answer.action, found) or is_given(Action.ACCEPT, found):
        return True
    return found.outdated and answer.action is Action.ACCEPT


def _is_of_author(event: FoundEvent, found: Found) -> bool:
    """Return whether an answer to the event goes to the author of the message. Anybody
    who knows a meeting's id can send a message about it, which may change the event."""
    to, author = event.organizer.casefold(), found.author.email.casefold()
    return not to or not author or to == author


def _has_seen(event: FoundEvent, found: Found) -> bool:
    """Return whether the event may have been brought up to date with the message."""
    if event.modified is None or found.received is None:
        return True
    return event.modified >= found.received


def _is_young(mailbox: AnsweringMailbox, found: Found) -> bool:
    return found.received is not None and mailbox.now - found.received < YOUNG


def _no_event(mailbox: AnsweringMailbox, found: Found) -> Outcome:
    if _is_young(mailbox, found):
        return _no_event_yet()
    return Outcome(
        OutcomeKind.RETRY,
        "Exchange has made no event of this request in the calendar of "
        f"{mailbox.address}, and Microsoft Graph answers only events. Let Exchange "
        f"make them: Set-CalendarProcessing -Identity {quoted(mailbox.address)} "
        "-AutomateProcessing AutoUpdate -AddNewRequestsTentatively $true. A mailbox "
        "that has to stay without processing needs the graph_answer_method MAIL.",
        Blame.DOUBT,
    )


def _no_event_yet() -> Outcome:
    return Outcome(
        OutcomeKind.RETRY,
        "Exchange has not brought its calendar up to date with this message yet.",
        Blame.SERVER,
    )


def _marking(mailbox: AnsweringMailbox, answer: Answer, mark: str) -> ApiRequest:
    return ApiRequest(
        name="messages/mark",
        method="PATCH",
        path=user_path(mailbox.address, "messages", answer.ref.item_id),
        body={"categories": [mark]},
    )


def _response(
    mailbox: AnsweringMailbox,
    answer: Answer,
    event: FoundEvent,
    body: dict[str, str | bool],
) -> ApiRequest:
    verb = str(answer.action)
    return ApiRequest(
        name=f"events/{verb}",
        role=CALENDARS,
        method="POST",
        path=user_path(mailbox.address, "events", event.id, verb),
        body=body,
    )


# Mails of our own


def _respond_without_event(
    mailbox: AnsweringMailbox, answer: TextAnswer, missed: Outcome
) -> Steps[Outcome | GraphProblem | None]:
    """Tell by mail what the event cannot tell any more; return `missed` if that is not
    possible either."""
    found = yield from look_up_steps(mailbox, answer, details=True)
    if isinstance(found, GraphProblem):
        return found
    if not is_plain_address(found.author.email):
        return missed
    try:
        problem = yield from _tell(mailbox, answer, found)
    except SignInRefused:
        raise
    except MailboxRefused as error:
        return msgspec.structs.replace(
            missed, reason=f"{missed.reason} {error.message}"
        )
    if problem is not None and is_refused(problem):
        return msgspec.structs.replace(
            missed, reason=f"{missed.reason} {problem.words}"
        )
    return problem


def _tell(
    mailbox: AnsweringMailbox, answer: TextAnswer, found: Found
) -> Steps[GraphProblem | None]:
    """Send the mail of an answer, unless it was sent; return what is in the way."""
    sent = yield from was_sent(mailbox, answer)
    if isinstance(sent, GraphProblem):
        return sent
    return None if sent else (yield from send(mailbox, answer, found))


def _respond_by_mail(
    mailbox: AnsweringMailbox, answer: TextAnswer, found: Found
) -> Steps[Outcome | GraphProblem | None]:
    """Answer the event without telling anybody, if there is one; then tell it by mail.

    A mailbox without processing has no events; in others they may be late.
    """
    if not is_plain_address(found.author.email):
        return Outcome(
            OutcomeKind.FAILED, "The request names no organizer.", Blame.MESSAGE
        )
    sent = yield from was_sent(mailbox, answer)
    if isinstance(sent, GraphProblem):
        return sent
    if sent:
        return None
    event = found.event
    if event is None and _is_late(mailbox, answer, found):
        return _no_event_yet()
    if event is not None and not (
        # The event is already that of the newer message, and would be taken away.
        found.outdated and answer.action is Action.DECLINE
    ):
        silent: dict[str, str | bool] = {"sendResponse": False}
        result = yield _response(mailbox, answer, event, silent)
        if isinstance(result, GraphProblem) and not is_gone(result):
            return result
    return (yield from send(mailbox, answer, found))


def _is_late(mailbox: AnsweringMailbox, answer: Answer, found: Found) -> bool:
    """Return whether the event that is missing is still to come: it is not if the
    mailbox has no events, or if this answer has taken it away before."""
    if answer.unsure and answer.action is Action.DECLINE:
        return False
    return mailbox.profile.makes_events and _is_young(mailbox, found)


def _reply(
    mailbox: AnsweringMailbox, answer: TextAnswer, found: Found
) -> Steps[Outcome | GraphProblem | None]:
    """Answer the sender by mail; one who has no address gets no answer."""
    to = found.author.email
    if not is_plain_address(to) or to.casefold() == mailbox.address.casefold():
        return None
    missed = yield from _tell(mailbox, answer, found)
    if missed is not None and missed.code.casefold() == _NO_RECIPIENT:
        return None
    return missed


# Cancellations


def _remove_event(
    mailbox: AnsweringMailbox, found: Found
) -> Steps[GraphProblem | None]:
    """Delete the event of a cancellation, which tells nobody.

    The mailbox's own meeting stays, which would be cancelled for all; so does a series
    of which a single occurrence is cancelled, and the event of another organizer: a
    message may name one meeting to us, and another one to Exchange.
    """
    event = found.event
    if event is None or event.organized or found.delegated:
        return None
    if not _is_of_author(event, found):
        return None
    if event.kind == "seriesMaster" and found.kind in ("", *_OF_A_SERIES):
        return None
    result = yield ApiRequest(
        name="events/delete",
        role=CALENDARS,
        method="DELETE",
        path=user_path(mailbox.address, "events", event.id),
    )
    return result if isinstance(result, GraphProblem) and not is_gone(result) else None
