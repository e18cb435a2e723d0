"""Answers by a mail of our own, which is sent once. Pure."""

from datetime import datetime

import msgspec

from pexschedd.graph.answering.answer_lookup import Found, Steps, find_mail
from pexschedd.graph.answering.reply_mail import (
    CalendarReply,
    ReplyMail,
    reply_id,
    written_base64,
)
from pexschedd.graph.mailbox_profile import MailboxProfile
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import MAIL_SEND, ApiRequest, user_path
from pexschedd.scheduling.ports.mailbox import Action, Answer

_STATUSES = {Action.ACCEPT: "ACCEPTED", Action.DECLINE: "DECLINED"}
_SUBJECTS = {Action.ACCEPT: "Accepted", Action.DECLINE: "Declined", Action.REPLY: "Re"}


class AnsweringMailbox(msgspec.Struct, frozen=True):
    """The mailbox, as the steps of all its answers know it."""

    address: str
    by_mail: bool
    """The method MAIL: the words go in a mail of our own."""
    now: datetime
    profile: MailboxProfile


class TextAnswer(Answer, frozen=True, kw_only=True):
    """An answer with its words as plain text, too."""

    text: str = ""


def was_sent(
    mailbox: AnsweringMailbox, answer: TextAnswer
) -> Steps[bool | GraphProblem]:
    """Return whether the mail of an answer that may have been given was sent, or that
    of the acceptance which a decline replaces."""
    if not answer.unsure:
        return False
    actions = [answer.action]
    if answer.action is Action.DECLINE:
        actions.append(Action.ACCEPT)
    for action in actions:
        mail_id = reply_id(mailbox.address, answer.ref.item_id, action)
        found = yield find_mail(mailbox.address, mail_id)
        if isinstance(found, GraphProblem):
            return found
        if found.count:
            return True
    return False


def send(
    mailbox: AnsweringMailbox,
    answer: TextAnswer,
    found: Found,
) -> Steps[GraphProblem | None]:
    """Send the mail that answers a message; return what kept it from being sent."""
    mail = ReplyMail(
        message_id=_mail_id(mailbox, answer),
        sender=mailbox.address,
        recipient=found.author,
        subject=f"{_SUBJECTS[answer.action]}: {found.subject}",
        html=answer.body,
        text=answer.text,
        date=mailbox.now,
        in_reply_to=found.message_id,
        reply=_calendar_reply(answer, found),
    )
    result = yield ApiRequest(
        name="sendMail",
        role=MAIL_SEND,
        method="POST",
        path=user_path(mailbox.address, "sendMail"),
        body=written_base64(mail),
        content_type="text/plain",
    )
    return result if isinstance(result, GraphProblem) else None


def _mail_id(mailbox: AnsweringMailbox, answer: Answer) -> str:
    return reply_id(mailbox.address, answer.ref.item_id, answer.action)


def _calendar_reply(answer: Answer, found: Found) -> CalendarReply | None:
    """Return the response of an attendee; None for a mail that is none, and for a
    meeting whose id is not known."""
    if answer.action not in _STATUSES or not found.uid:
        return None
    return CalendarReply(
        uid=found.uid,
        status=_STATUSES[answer.action],
        organizer=found.author,
        sequence=found.sequence,
        recurrence_id=found.recurrence_id,
        start=found.start,
        end=found.end,
        all_day=found.all_day,
    )
