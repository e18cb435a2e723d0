"""The part of a trial in which a meeting is made and looked at by the equipment
mailbox."""

from pexschedd.doctor.trial.trial_meeting import TrialScene, placed, refused
from pexschedd.doctor.trial.trial_requests import Document, text_of
from pexschedd.errors import MailboxRefused
from pexschedd.graph.answering.answer_lookup import look_up
from pexschedd.graph.entities.messages import HEAD_SELECT, MESSAGE_EXPAND
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import user_path

_EVENT = "microsoft.graph.eventMessage/event"


class TrialInvitation:
    """A meeting of the user, as both sides have it."""

    def __init__(self, event_id: str, uid: str, etag: str) -> None:
        self.event_id = event_id
        """The organizer's."""
        self.uid = uid
        self.etag = etag
        """The event's tag when it was made."""
        self.message_id = ""
        self.entry_id = ""
        """The event in the equipment mailbox's calendar; empty: there is none."""


async def invite(scene: TrialScene) -> TrialInvitation:
    """Make a meeting and invite the equipment mailbox.

    Raises `MailboxRefused` if that cannot be done.
    """
    document = scene.new_event(attendees=scene.attendees)
    made = await scene.requests.ask("POST", scene.event_path(), document)
    if isinstance(made, GraphProblem) or not text_of(made, "id"):
        why = refused(made) if isinstance(made, GraphProblem) else "It has no id."
        raise MailboxRefused(f"A meeting of {scene.user} cannot be made. {why}")
    return TrialInvitation(
        text_of(made, "id"), text_of(made, "iCalUId"), text_of(made, "@odata.etag")
    )


async def receive(scene: TrialScene, invitation: TrialInvitation) -> None:
    """Wait for the request and for its event. Raises `MailboxRefused` if no request
    comes."""
    message = await scene.requests.wait_for(scene.arrived)
    if message is None:
        raise MailboxRefused(
            f"No request came to {scene.mailbox}. If something else answers there, or "
            "a mail flow rule keeps it away, switch that off for the trial."
        )
    invitation.message_id = message["id"]
    await _see_event(scene, invitation)
    await _see_requests(scene, invitation)
    place = await scene.place(invitation.message_id)
    scene.findings.tell(
        "parent_folder",
        "Yes." if place else "No: it is neither of the folders' ids.",
        expected=bool(place),
    )
    await _see_bodies(scene, invitation)
    await _see_filter(scene, invitation)


async def _see_event(scene: TrialScene, invitation: TrialInvitation) -> None:
    began, forms = scene.requests.seconds(), set()
    path = scene.message_path(invitation.message_id, expand=_EVENT)

    async def event() -> str | None:
        found = await scene.requests.ask("GET", path)
        if isinstance(found, GraphProblem):
            return None
        if text_of(found, "event", "id"):
            return text_of(found, "event", "id")
        forms.add(_form(found))
        return None

    found = await scene.requests.wait_for(event)
    if forms:
        scene.findings.tell("missing_event", " or ".join(sorted(forms)))
    else:
        scene.findings.tell("missing_event", "It was there at the first look.")
    if found is None:
        scene.findings.tell(
            "event_delay",
            "There was none after a minute: is AutomateProcessing AutoUpdate?",
            expected=False,
        )
        return
    invitation.entry_id = found
    scene.entries.add(found)
    seconds = scene.requests.seconds() - began
    scene.findings.tell("event_delay", f"{seconds:.0f} s.", expected=seconds < 300)


def _form(message: Document) -> str:
    if "event" not in message:
        return "left out"
    return "`null`" if message["event"] is None else "`{}`"


async def _see_requests(scene: TrialScene, invitation: TrialInvitation) -> None:
    request = look_up(scene.mailbox, invitation.message_id, details=True)
    found = await scene.requests.send(request)
    works = isinstance(found, dict) and bool(
        found.get("singleValueExtendedProperties")
        and (text_of(found, "event", "id") or not invitation.entry_id)
        and text_of(found, "meetingMessageType")
    )
    _tell(scene, "lookup", found, works=works)
    path = user_path(
        scene.mailbox,
        *("mailFolders", "inbox", "messages"),
        top=5,
        select=HEAD_SELECT,
        expand=MESSAGE_EXPAND,
        orderby="receivedDateTime desc",
    )
    listed = await scene.requests.ask("GET", path)
    entries = listed.get("value") if isinstance(listed, dict) else None
    mine = [
        each
        for each in (entries if isinstance(entries, list) else ())
        if isinstance(each, dict) and each.get("id") == invitation.message_id
    ]
    works = bool(mine) and bool(
        mine[0].get("singleValueExtendedProperties")
        and text_of(mine[0], "meetingMessageType")
    )
    _tell(scene, "list_properties", listed, works=works)


def _tell(
    scene: TrialScene, question: str, found: Document | GraphProblem, *, works: bool
) -> None:
    if isinstance(found, GraphProblem):
        scene.findings.tell(question, f"No. {refused(found)}", expected=False)
    elif works:
        scene.findings.tell(question, "Yes.", expected=True)
    else:
        scene.findings.tell(
            question, "It is accepted, but not all of it comes back.", expected=False
        )


async def _see_bodies(scene: TrialScene, invitation: TrialInvitation) -> None:
    path = scene.message_path(invitation.message_id, select="id,body")
    usual = await scene.requests.ask("GET", path)
    unsafe = await scene.requests.ask(
        "GET", path, prefer=("outlook.allow-unsafe-html",)
    )
    if isinstance(usual, GraphProblem) or isinstance(unsafe, GraphProblem):
        scene.findings.leave_open("unsafe_html", "The body could not be read twice.")
        return
    same = usual.get("body") == unsafe.get("body")
    scene.findings.tell("unsafe_html", "No, the same." if same else "Yes.")


async def _see_filter(scene: TrialScene, invitation: TrialInvitation) -> None:
    uid = invitation.uid
    if not uid or "'" in uid:
        scene.findings.leave_open("uid_filter", "The event has no iCalUId.")
        return
    path = scene.event_path(filter=f"iCalUId eq '{uid}'", select="id", top=5)
    listed = await scene.requests.listed(path)
    if isinstance(listed, GraphProblem):
        scene.findings.tell("uid_filter", refused(listed), expected=False)
        return
    found = any(each.get("id") == invitation.event_id for each in listed)
    scene.findings.tell(
        "uid_filter", "Yes." if found else "No, it finds nothing.", expected=found
    )


async def place_of_next(scene: TrialScene) -> tuple[Document | None, str]:
    """Wait for the next message and watch it; return it, and where it lies, in words.

    None if none comes.
    """
    began = scene.requests.seconds()
    message = await scene.requests.wait_for(scene.arrived)
    if message is None:
        return None, "nowhere"
    took = scene.requests.seconds() - began
    place, seconds = await scene.settled(message)
    message["folder"] = place
    return message, f"{placed(place, seconds)} (it came after {took:.0f} s)"
