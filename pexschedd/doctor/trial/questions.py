"""The questions about Microsoft Graph that only a real tenant can answer, and the way
in which the daemon is right whatever the answer is. Pure.

docs/microsoft-365.md has the table, rendered from here.
"""

from collections.abc import Iterator

import msgspec


class TrialQuestion(msgspec.Struct, frozen=True):
    """A question that no document settles."""

    name: str
    """Its stable word."""
    text: str
    default: str
    """The daemon's behaviour, right whatever the answer is."""
    module: str
    """The place in the code that sees to that."""
    by_hand: str = ""
    """The way to find it out where a trial cannot; empty for all others."""


_Q = TrialQuestion

QUESTIONS = (
    _Q(
        "event_delay",
        "How long after a request arrives is its event in the calendar?",
        "A request without an event is tried again: as Exchange's slowness for five "
        "minutes, then as a fault of the mailbox's processing, which is named.",
        "graph/answering/answer_steps.py",
    ),
    _Q(
        "missing_event",
        "Is `event` null or `{}` while there is none?",
        "Both are read as none, and so is an event that is left out.",
        "graph/answering/answer_lookup.py",
    ),
    _Q(
        "lookup",
        "May one request expand the event with a $select and extended properties, and "
        "name properties of meeting messages by casts?",
        "Where that is refused it asks once more for everything, and for the "
        "extended properties by themselves.",
        "graph/answering/answer_steps.py",
    ),
    _Q(
        "list_properties",
        "Does a list take casts in $select, and all the extended properties that are "
        "needed in one $expand?",
        "A message whose properties are refused together is asked for in parts, with "
        "as many in each as Graph gives. For lists there is no other way yet: the "
        "audit and maintenance would say why they cannot list.",
        "graph/reading/message_reader.py",
    ),
    _Q(
        "delta_expand",
        "Does a delta query take $expand of an extended property?",
        "Where it is refused it asks without: then a message's meeting is only known "
        "once it is read.",
        "graph/arrivals.py",
    ),
    _Q(
        "link_address",
        "Do links to further pages name the mailbox by the address that was asked for?",
        "A link by that address or by an id is followed; one that names another "
        "address is refused, with words, and nothing is sent there.",
        "graph/folder_changes.py",
    ),
    _Q(
        "parent_folder",
        "Is a message's `parentFolderId` the id that the inbox has by its well-known "
        "name?",
        "It is compared with the ids that Graph gives for the names; if they never "
        "match, messages count as gone, and nothing is answered twice.",
        "graph/folders.py",
    ),
    _Q(
        "unsafe_html",
        "Does `outlook.allow-unsafe-html` show another body?",
        "It is never asked for: tags are read in the text that a person sees, which "
        "both have.",
        "bodies/tags.py",
    ),
    _Q(
        "uid_filter",
        "Does `$filter=iCalUId eq` find an organizer's event?",
        "Without a result it asks for the other spelling of the id; then the meeting "
        "counts as not there yet and is looked for again.",
        "graph/organizers/organizer_calendar.py",
    ),
    _Q(
        "not_there",
        "Is something that is not there 404 or 400, where the application has the "
        "role? (And 403 where it has none: permissions are looked up first.)",
        "Then the doctor's check of a permission passes; a 403 fails it; anything else "
        "is shown as it is.",
        "doctor/diagnose/graph_permissions.py",
    ),
    _Q(
        "comment_html",
        "Is the comment of an answer HTML, or plain text?",
        "With `RESPONSE` it is sent as plain text, which is right either way; `MAIL` "
        "sends HTML as a mail of its own.",
        "graph/answers.py",
    ),
    _Q(
        "after_accept",
        "What becomes of the request in the inbox once its event is accepted?",
        "The daemon takes it away itself, and one that has gone by then is as good.",
        "graph/answering/removal_steps.py",
    ),
    _Q(
        "event_id",
        "Does an event keep its immutable id when it is answered?",
        "Each answer looks the event up by its message; ids are not kept.",
        "graph/answering/answer_lookup.py",
    ),
    _Q(
        "body_change",
        "Does a change of nothing but the body reach the attendees?",
        "The attendees are sent along unchanged, once.",
        "graph/organizers/meeting_rewrite.py",
    ),
    _Q(
        "hidden",
        "Does Exchange hide such an update in Deleted Items, once the mailbox has "
        "answered?",
        "Deleted Items is followed like the inbox; a hidden update counts if the "
        "meeting is known here or it has a tag of ours.",
        "graph/arrivals.py",
    ),
    _Q(
        "draft",
        "Does `isDraft` tell of a change that was not mailed?",
        "If it says so the change is made once more; if it still does, the failure is "
        "recorded with words for the organizer.",
        "graph/organizers/meeting_rewrite.py",
    ),
    _Q(
        "resent_attendees",
        "Do attendees who are sent along unchanged keep their answers, and does the "
        "update reach them?",
        "They are sent with nothing but name, address and type, as Graph gives them.",
        "graph/organizers/organizer_events.py",
    ),
    _Q(
        "if_match",
        "Is a change refused if the event has been changed since (If-Match, 412)?",
        "The event is read immediately before and compared with what the decision "
        "was based on, so only an edit within this moment could be lost.",
        "graph/organizers/meeting_rewrite.py",
    ),
    _Q(
        "moved",
        "Does another time of an answered meeting arrive in the inbox?",
        "Either folder will do.",
        "graph/arrivals.py",
    ),
    _Q(
        "cancellation",
        "Does a cancellation stay in the inbox, with RemoveOldMeetingMessages off?",
        "One in Deleted Items counts as well; the audit finds a cancelled meeting in "
        "the calendar.",
        "graph/arrivals.py",
    ),
    _Q(
        "soft_deletion",
        "May the application move a message to `recoverableitemsdeletions`?",
        "Else `permanentDelete`; else two DELETEs. What works is remembered.",
        "graph/answering/removal_steps.py",
    ),
    _Q(
        "second_delete",
        "What is the answer to a DELETE of what is gone already?",
        "404 and 403 ErrorCannotDeleteObject both mean that it is gone.",
        "graph/error_policy.py",
    ),
    _Q(
        "orphan_uid",
        "Which iCalUId has an occurrence whose series the mailbox is not invited to?",
        "The date within the id is set to zero before ids are compared.",
        "exchange/global_ids.py",
    ),
    _Q(
        "silent_delete",
        "Does the organizer hear of it when an attendee deletes an event?",
        "`permanentDelete` comes first; DELETE only where that is refused.",
        "graph/answering/removal_steps.py",
    ),
    _Q(
        "mail_in_batch",
        "Does a batch take a mail as text/plain (MIME in base64)?",
        "A mail that is refused there is a failed answer: it is in the outbox, tried "
        "again, and an alarm tells. Set `graph_answer_method` to `RESPONSE`.",
        "graph/answering/answer_mails.py",
    ),
    _Q(
        "message_id",
        "Does sendMail keep our Message-ID, and can a mail be found by it?",
        "It is only needed after a lost answer: if the mail is not found it is sent "
        "again, so at worst an organizer gets the same words twice.",
        "graph/answering/answer_mails.py",
    ),
    _Q(
        "none_mode",
        "Does AutomateProcessing None keep Exchange from hiding updates?",
        "Deleted Items is followed in any case.",
        "graph/arrivals.py",
        "Run the trial with None: all that needs an event says so, and "
        "`body_change` names the folder.",
    ),
    _Q(
        "forwarded",
        "Is `from` of a forwarded request the organizer, as for delegates?",
        "`from` is taken for the organizer. A wrong one may change nothing: only a "
        "meeting's organizer can.",
        "graph/entities/messages.py",
        "Forward an invitation to the equipment mailbox from Outlook, with "
        "mailbox_protocol GRAPH, and look at the meeting's history.",
    ),
    _Q(
        "subscription_roles",
        "Are roles of RBAC for Applications enough for a subscription?",
        "If it is refused the mailbox is polled, and the log has Graph's words.",
        "graph/notifications/graph_notifications.py",
        "Set `graph_notification_method` to `WEBHOOK`, and look for `listener gets no "
        "notifications` in the log.",
    ),
    _Q(
        "batch_retry_after",
        "Has a part of a batch that is throttled its own Retry-After?",
        "The longest one counts for the mailbox; without any, ten seconds and "
        "doubling.",
        "graph/client.py",
        "Only under load: the metrics show the pauses.",
    ),
)

BY_NAME = {each.name: each for each in QUESTIONS}
TRIED = tuple(each for each in QUESTIONS if not each.by_hand)
"""The questions that a trial answers."""


def rendered() -> str:
    """Return the table, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| question | the daemon, whatever the answer | in | by hand |"
    yield "|---|---|---|---|"
    for each in QUESTIONS:
        name = f"`{each.name}` {each.text}"
        yield f"| {name} | {each.default} | `{each.module}` | {each.by_hand} |"
