"""The part of a trial about an occurrence whose series is not known, and about a mail
that the mailbox sends to itself."""

from datetime import datetime, timedelta

from pexschedd.doctor.trial.trial_meeting import SENT, TrialScene, refused
from pexschedd.doctor.trial.trial_requests import Document, text_of
from pexschedd.errors import MailboxError
from pexschedd.exchange.global_ids import canonical_uid, occurrence_date
from pexschedd.graph.answering.answer_lookup import find_mail
from pexschedd.graph.answering.reply_mail import ReplyMail, reply_id, written_base64
from pexschedd.graph.client import ignore_body
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path
from pexschedd.model.meeting import Person

_EVENT = "microsoft.graph.eventMessage/event"
_OCCURRENCES = 3


async def invite_to_occurrence(scene: TrialScene) -> None:
    """Invite to the second occurrence of a series alone, and delete it as its
    attendee."""
    questions = ("orphan_uid", "silent_delete")
    made = await _make_series(scene)
    if isinstance(made, str):
        for each in questions:
            scene.findings.leave_open(each, made)
        return
    master, occurrence = made
    path = scene.event_path(text_of(occurrence, "id"))
    done = await scene.requests.ask("PATCH", path, {"attendees": scene.attendees})
    message = None
    if not isinstance(done, GraphProblem):
        message = await scene.requests.wait_for(scene.arrived)
    if message is None:
        why = refused(done) if isinstance(done, GraphProblem) else "No request came."
        for each in questions:
            scene.findings.leave_open(each, why)
        return
    event = await _event_of(scene, message)
    if event is None:
        for each in questions:
            scene.findings.leave_open(each, "The request had no event.")
        return
    _tell_uid(scene, text_of(event, "iCalUId"), text_of(master, "iCalUId"))
    await _delete_silently(scene, event, text_of(occurrence, "id"))


async def _make_series(scene: TrialScene) -> tuple[Document, Document] | str:
    """Make a daily series of which nobody is told; return it and an occurrence, or what
    is in the way."""
    day = f"{scene.start:%Y-%m-%d}"
    series = scene.new_event(
        recurrence={
            "pattern": {"type": "daily", "interval": 1},
            "range": {
                "type": "numbered",
                "startDate": day,
                "numberOfOccurrences": _OCCURRENCES,
                "recurrenceTimeZone": "UTC",
            },
        }
    )
    master = await scene.requests.ask("POST", scene.event_path(), series)
    if isinstance(master, GraphProblem):
        return refused(master)
    until = scene.start + timedelta(days=_OCCURRENCES + 1)
    path = scene.event_path(
        text_of(master, "id"),
        "instances",
        startDateTime=_written(scene.start - timedelta(days=1)),
        endDateTime=_written(until),
        select="id,start",
    )
    listed = await scene.requests.listed(path)
    if isinstance(listed, GraphProblem):
        return refused(listed)
    if len(listed) < _OCCURRENCES:
        return f"The series has {len(listed)} occurrences, not {_OCCURRENCES}."
    by_start = sorted(listed, key=lambda each: text_of(each, "start", "dateTime"))
    return master, by_start[1]


async def _event_of(scene: TrialScene, message: Document) -> Document | None:
    path = scene.message_path(message["id"], expand=_EVENT)

    async def event() -> Document | None:
        found = await scene.requests.ask("GET", path)
        if isinstance(found, GraphProblem) or not text_of(found, "event", "id"):
            return None
        return dict(found["event"])

    found = await scene.requests.wait_for(event)
    if found is not None:
        scene.entries.add(text_of(found, "id"))
    return found


def _tell_uid(scene: TrialScene, uid: str, series: str) -> None:
    """Compare an occurrence's iCalUId with that of its series."""
    try:
        raw = bytes.fromhex(uid)
    except ValueError:
        raw = b""
    day = occurrence_date(raw)
    same = uid == series
    clean = canonical_uid(raw) or uid
    words = "the series' own" if same else "another than the series'"
    words += f", with the date {day}" if day else ", without a date"
    good = clean.casefold() == series.casefold()
    if not good:
        words += "; without its date it is not that of the series"
    scene.findings.tell("orphan_uid", f"It is {words}.", expected=good)


async def _delete_silently(
    scene: TrialScene, event: Document, occurrence_id: str
) -> None:
    before = await scene.response(occurrence_id)
    sent = {each["id"] for each in await scene.ours((SENT,))}
    path = user_path(scene.mailbox, "events", text_of(event, "id"))
    done = await scene.requests.ask("DELETE", path)
    if isinstance(done, GraphProblem):
        scene.findings.leave_open("silent_delete", refused(done))
        return

    async def heard() -> str | None:
        new = [each for each in await scene.ours((SENT,)) if each["id"] not in sent]
        if new:
            return "a response is in Sent Items"
        now = await scene.response(occurrence_id)
        return f"its answer is now {now}" if now != before else None

    found = await scene.requests.wait_for(heard, 20.0)
    words = f"Yes: {found}." if found else "No, nothing within 20 s."
    scene.findings.tell("silent_delete", words, expected=found is None)


async def send_mail(scene: TrialScene) -> None:
    """Have the mailbox send a mail to itself within a batch; by itself if that is
    refused."""
    message_id = reply_id(scene.mailbox, scene.subject, "trial")
    mail = ReplyMail(
        message_id=message_id,
        sender=scene.mailbox,
        recipient=Person("", scene.mailbox),
        subject=scene.subject,
        html="<p>A trial.</p>",
        text="A trial.",
        date=scene.now,
    )
    request = ApiRequest(
        name="trial/sendMail",
        method="POST",
        path=user_path(scene.mailbox, "sendMail"),
        body=written_base64(mail),
        content_type="text/plain",
    )
    problem = await _in_batch(scene, request)
    if problem is None:
        scene.findings.tell("mail_in_batch", "Yes.", expected=True)
    else:
        scene.findings.tell("mail_in_batch", f"No. {problem}", expected=False)
        alone = await scene.requests.send(request)
        if isinstance(alone, GraphProblem):
            scene.findings.leave_open("message_id", refused(alone))
            return
    search = find_mail(scene.mailbox, message_id)

    async def kept() -> bool | None:
        found = await scene.requests.send(search)
        listed = found.get("value") if isinstance(found, dict) else None
        return True if listed else None

    found = await scene.requests.wait_for(kept)
    scene.findings.tell(
        "message_id",
        "Yes." if found else "No mail is found by it after a minute.",
        expected=bool(found),
    )


async def _in_batch(scene: TrialScene, request: ApiRequest) -> str | None:
    """Send a request as a batch of one; return what is in the way."""
    try:
        (found,) = await scene.requests.client.batch([request], ignore_body)
    except MailboxError as error:
        return error.message
    return refused(found) if isinstance(found, GraphProblem) else None


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
