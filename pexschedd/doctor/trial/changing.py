"""The part of a trial in which a meeting is answered, changed and cancelled."""

from datetime import timedelta

from pexschedd.doctor.trial.inviting import TrialInvitation, place_of_next
from pexschedd.doctor.trial.trial_meeting import (
    DELETED,
    INBOX,
    SENT,
    SETTLED,
    TrialScene,
    body_of,
    placed,
    refused,
    zoned,
)
from pexschedd.doctor.trial.trial_requests import Document, text_of
from pexschedd.graph.answering.removal_steps import SOFT_DELETED
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import user_path

COMMENT = "<p>Trial: <b>accepted</b></p>"
_ACCEPTED = "accepted"
_CANNOT_DELETE = "errorcannotdeleteobject"


async def accept(scene: TrialScene, invitation: TrialInvitation) -> None:
    """Accept the meeting with a comment in HTML, and look at what comes of it."""
    questions = ("comment_html", "after_accept", "event_id")
    if not invitation.entry_id:
        for each in questions:
            scene.findings.leave_open(each, "The request had no event.")
        return
    path = user_path(scene.mailbox, "events", invitation.entry_id, "accept")
    document = {"comment": COMMENT, "sendResponse": True}
    done = await scene.requests.ask("POST", path, document)
    if isinstance(done, GraphProblem):
        for each in questions:
            scene.findings.leave_open(each, refused(done))
        return
    message: Document = {"id": invitation.message_id, "folder": INBOX}
    place, seconds = await scene.settled(message)
    scene.findings.tell("after_accept", f"It is {placed(place, seconds)}.")
    path = user_path(scene.mailbox, "events", invitation.entry_id, select="id")
    found = await scene.requests.ask("GET", path)
    if isinstance(found, GraphProblem):
        scene.findings.tell("event_id", f"No. {refused(found)}", expected=False)
    else:
        scene.findings.tell("event_id", "Yes.", expected=True)
    await _see_comment(scene)


async def _see_comment(scene: TrialScene) -> None:
    """Look at the response in Sent Items: the organizer's mail is not ours to read."""

    async def response() -> Document | None:
        sent = await scene.ours((SENT,))
        return next((e for e in sent if scene.subject in text_of(e, "subject")), None)

    found = await scene.requests.wait_for(response)
    if found is None:
        scene.findings.leave_open(
            "comment_html", "There is no copy in Sent Items: look at the user's inbox."
        )
        return
    path = scene.message_path(found["id"], select="id,body")
    read = await scene.requests.ask("GET", path)
    content = "" if isinstance(read, GraphProblem) else text_of(read, "body", "content")
    if "<b>" in content.casefold():
        scene.findings.tell("comment_html", "HTML: it is bold.")
    elif "&lt;b&gt;" in content.casefold():
        scene.findings.tell("comment_html", "Plain text: the tags are shown.")
    else:
        scene.findings.tell("comment_html", "The text comes without the tags.")


async def change_body(scene: TrialScene, invitation: TrialInvitation) -> None:
    """Change nothing but the body, then the body beside the unchanged attendees."""
    path = scene.event_path(invitation.event_id)
    answered = await scene.requests.wait_for(
        lambda: _has_answer(scene, invitation), SETTLED
    )
    done = await scene.requests.ask("PATCH", path, {"body": body_of("The second.")})
    if isinstance(done, GraphProblem):
        for each in ("body_change", "draft", "hidden"):
            scene.findings.leave_open(each, refused(done))
    else:
        message, where = await place_of_next(scene)
        told = message is not None
        scene.findings.tell(
            "body_change", f"Yes: {where}." if told else "No.", expected=told
        )
        _tell_draft(scene, done, told=told)
        if message is not None and answered:
            _tell_hidden(scene, message, where)
    done = await scene.requests.ask(
        "PATCH", path, {"body": body_of("The third."), "attendees": scene.attendees}
    )
    if isinstance(done, GraphProblem):
        scene.findings.leave_open("resent_attendees", refused(done))
        return
    message, where = await place_of_next(scene)
    if message is not None and answered:
        _tell_hidden(scene, message, where)
    await _tell_resent(scene, invitation, where, answered=bool(answered))


async def _has_answer(scene: TrialScene, invitation: TrialInvitation) -> bool | None:
    found = await scene.response(invitation.event_id)
    return True if found == _ACCEPTED else None


def _tell_draft(scene: TrialScene, written: Document, *, told: bool) -> None:
    draft = written.get("isDraft")
    if not isinstance(draft, bool):
        scene.findings.tell("draft", "It is not among the answer.", expected=False)
        return
    words = f"{str(draft).lower()}, and the change was {'' if told else 'not '}mailed"
    scene.findings.tell("draft", f"It is {words}.", expected=draft is not told)


def _tell_hidden(scene: TrialScene, message: Document, where: str) -> None:
    hidden = text_of(message, "folder") == DELETED
    scene.findings.tell("hidden", f"{'Yes' if hidden else 'No'}: {where}.")


async def _tell_resent(
    scene: TrialScene, invitation: TrialInvitation, where: str, *, answered: bool
) -> None:
    kept = await scene.response(invitation.event_id) == _ACCEPTED
    came = where != "nowhere"
    if not answered:
        words = "the organizer never saw an answer that could be kept"
        scene.findings.leave_open("resent_attendees", f"It came {where}; {words}.")
        return
    scene.findings.tell(
        "resent_attendees",
        f"The answer is {'kept' if kept else 'lost'}; the update is {where}.",
        expected=kept and came,
    )


async def change_in_conflict(scene: TrialScene, invitation: TrialInvitation) -> None:
    """Try to change the event by a tag that is out of date: a change of the
    organizer's own copy, of which nobody is told."""
    if not invitation.etag:
        scene.findings.leave_open("if_match", "The event had no ETag.")
        return
    path = scene.event_path(invitation.event_id)
    body = {"categories": ["pexschedd trial"]}
    found = await scene.requests.ask("PATCH", path, body, if_match=invitation.etag)
    if not isinstance(found, GraphProblem):
        scene.findings.tell(
            "if_match", "No: an old tag does not matter.", expected=False
        )
        return
    scene.findings.tell(
        "if_match",
        f"HTTP {found.status}: {found.words}",
        expected=found.status in (409, 412),
    )


async def move(scene: TrialScene, invitation: TrialInvitation) -> None:
    """Move the meeting by an hour."""
    start = scene.start + timedelta(hours=1)
    document = {"start": zoned(start), "end": zoned(start + timedelta(hours=1))}
    done = await scene.requests.ask(
        "PATCH", scene.event_path(invitation.event_id), document
    )
    if isinstance(done, GraphProblem):
        scene.findings.leave_open("moved", refused(done))
        return
    message, where = await place_of_next(scene)
    inbox = message is not None and message["folder"] == INBOX
    scene.findings.tell("moved", f"It is {where}.", expected=inbox)


async def cancel_and_take_away(scene: TrialScene, invitation: TrialInvitation) -> None:
    """Cancel the meeting, and take the message away that says so."""
    await _take_away(scene, await _cancel(scene, invitation))


async def _cancel(scene: TrialScene, invitation: TrialInvitation) -> Document | None:
    path = scene.event_path(invitation.event_id, "cancel")
    done = await scene.requests.ask("POST", path, {"comment": "The trial is over."})
    if isinstance(done, GraphProblem):
        scene.findings.leave_open("cancellation", refused(done))
        return None
    message, where = await place_of_next(scene)
    inbox = message is not None and message["folder"] == INBOX
    scene.findings.tell("cancellation", f"It is {where}.", expected=inbox)
    return message


async def _take_away(scene: TrialScene, message: Document | None) -> None:
    """Take messages away as the daemon does, and delete one that is gone."""
    if message is None:
        scene.findings.leave_open("soft_deletion", "There was no message to move.")
        scene.findings.leave_open("second_delete", "There was no message to delete.")
        return
    path = scene.message_path(message["id"], "move")
    moved = await scene.requests.ask("POST", path, {"destinationId": SOFT_DELETED})
    place = await scene.place(message["id"])
    if isinstance(moved, GraphProblem):
        scene.findings.tell("soft_deletion", f"No. {refused(moved)}", expected=False)
    else:
        left = place in ("", "gone")
        words = "Yes." if left else f"It is accepted, but the message is {place}."
        scene.findings.tell("soft_deletion", words, expected=left)
    path = scene.message_path(message["id"])
    for number in range(4):
        found = await scene.requests.ask("DELETE", path)
        if isinstance(found, GraphProblem):
            good = found.status == 404 or found.code.casefold() == _CANNOT_DELETE
            words = f"HTTP {found.status}: {found.words}"
            scene.findings.tell("second_delete", words, expected=good)
            return
        if number == 0:
            await scene.requests.pause(1.0)
    scene.findings.leave_open("second_delete", "It can be deleted again and again.")
