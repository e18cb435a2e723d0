"""The meetings of a trial: how they are known, in both mailboxes."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pexschedd.doctor.trial.trial_report import TrialFindings
from pexschedd.doctor.trial.trial_requests import (
    Document,
    TrialRequests,
    text_of,
)
from pexschedd.graph.error_policy import is_gone
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import user_path

SUBJECT = "pexschedd trial"
"""The beginning of all subjects."""
MARK = re.compile(r"\bpexschedd trial [0-9a-f]{8}\b", re.ASCII)
"""The mark of everything that a trial makes, also in the subjects of answers."""

INBOX, DELETED, SENT = "inbox", "deleteditems", "sentitems"
FOLDERS = (INBOX, DELETED, SENT)
SETTLED = 20.0
"""Seconds for which a message is watched that Exchange may still move."""

_NEWEST = 50
_REQUEST = "#microsoft.graph.eventmessagerequest"
_CANCELLATION = "#microsoft.graph.eventmessage"
_PLACES = {
    INBOX: "in the inbox",
    DELETED: "in Deleted Items",
    SENT: "in Sent Items",
    "": "in another folder",
    "gone": "gone",
}


class TrialScene:
    """One trial: two mailboxes, the mark, and what has been found out.

    `mailbox` is the equipment mailbox, `user` the address of the organizer.
    """

    def __init__(
        self,
        requests: TrialRequests,
        findings: TrialFindings,
        *,
        mailbox: str,
        user: str,
        subject: str,
        now: datetime,
    ) -> None:
        self.requests = requests
        self.findings = findings
        self.mailbox = mailbox
        self.user = user
        self.subject = subject
        self.now = now
        self.start = now.replace(minute=0, second=0, microsecond=0) + timedelta(days=30)
        """Far away: updates of meetings that begin soon are not hidden."""
        self.folders: dict[str, str] = {}
        """The names of the equipment mailbox's folders, by id."""
        self.known: set[str] = set()
        """Ids of the messages that have been seen."""
        self.entries: set[str] = set()
        """Ids of events that may be in the equipment mailbox's calendar."""
        self.not_listed: GraphProblem | None = None
        """The reason why a folder could not be listed, if one could not."""

    # The organizer's side

    def event_path(self, *parts: str, **query: str | int) -> str:
        """Return the path to an event of the organizer, or to all."""
        return user_path(self.user, "events", *parts, **query)

    def new_event(self, **more: Any) -> Document:
        """Return a meeting to be made, to which nobody is invited yet."""
        end = self.start + timedelta(hours=1)
        return {
            "subject": self.subject,
            "body": body_of("The first text."),
            "start": zoned(self.start),
            "end": zoned(end),
            "isReminderOn": False,
            **more,
        }

    @property
    def attendees(self) -> list[Document]:
        """The equipment mailbox, as an attendee."""
        return [{"emailAddress": {"address": self.mailbox}, "type": "resource"}]

    async def response(self, event_id: str) -> str | None:
        """Return the equipment mailbox's answer as the organizer's event has it; None
        if it cannot be read."""
        path = self.event_path(event_id, select="id,attendees")
        found = await self.requests.ask("GET", path)
        if isinstance(found, GraphProblem):
            return None
        attendees = found.get("attendees")
        for each in attendees if isinstance(attendees, list) else ():
            if not isinstance(each, dict):
                continue
            address = text_of(each, "emailAddress", "address")
            if address.casefold() == self.mailbox.casefold():
                return text_of(each, "status", "response")
        return None

    # The equipment mailbox's side

    def message_path(self, *parts: str, **query: str | int) -> str:
        """Return the path to a message of the equipment mailbox."""
        return user_path(self.mailbox, "messages", *parts, **query)

    async def ours(self, folders: Iterable[str] = FOLDERS) -> list[Document]:
        """Return the newest messages in these folders that have the mark of any trial.

        `folder` tells the name of each one's folder.
        """
        found = []
        for folder in folders:
            path = user_path(
                self.mailbox,
                *("mailFolders", folder, "messages"),
                top=_NEWEST,
                select="id,subject,receivedDateTime,internetMessageId",
                orderby="receivedDateTime desc",
            )
            listed = await self.requests.listed(path)
            if isinstance(listed, GraphProblem):
                self.not_listed = listed
                continue
            found += [
                {**each, "folder": folder}
                for each in listed
                if MARK.search(text_of(each, "subject")) and text_of(each, "id")
            ]
        return found

    async def arrived(self) -> Document | None:
        """Return a request or cancellation of this trial that was not seen before."""
        for each in await self.ours((INBOX, DELETED)):
            kind = text_of(each, "@odata.type").casefold()
            is_new = each["id"] not in self.known
            about = kind in (_REQUEST, _CANCELLATION)
            if is_new and about and self.subject in text_of(each, "subject"):
                self.known.add(each["id"])
                return each
        return None

    async def place(self, message_id: str) -> str:
        """Return the name of the folder in which a message lies: "" for another one,
        "gone" if there is no such message."""
        path = self.message_path(message_id, select="id,parentFolderId")
        found = await self.requests.ask("GET", path)
        if isinstance(found, GraphProblem):
            return "gone" if is_gone(found) or found.status == 404 else ""
        return self.folders.get(text_of(found, "parentFolderId"), "")

    async def settled(self, message: Document) -> tuple[str, float]:
        """Watch a message that has arrived; return where it lies at last, and after how
        many seconds it went there (0: at once)."""
        began, first = self.requests.seconds(), text_of(message, "folder")

        async def elsewhere() -> str | None:
            place = await self.place(message["id"])
            return place if place != first else None

        place = await self.requests.wait_for(elsewhere, SETTLED)
        if place is None:
            return first, 0.0
        return place, self.requests.seconds() - began


def placed(place: str, seconds: float = 0.0) -> str:
    """Return where a message lies, in words."""
    words = _PLACES.get(place, place)
    return f"{words}, after {seconds:.0f} s" if seconds else words


def body_of(text: str) -> Document:
    """Return the body of a meeting with this text."""
    html = f'<div id="trial"><p><b>pexschedd</b>: {text}</p></div>'
    return {"contentType": "html", "content": html}


def zoned(moment: datetime) -> Document:
    """Return a time in UTC as events have it."""
    return {"dateTime": f"{moment:%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}


def refused(problem: GraphProblem) -> str:
    """Return a refusal in words."""
    return f"Graph refuses (HTTP {problem.status}): {problem.words}"
