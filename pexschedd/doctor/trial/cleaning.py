"""The removal of everything that trials make, this one and earlier ones that were
killed."""

from pexschedd.doctor.trial.trial_meeting import MARK, SUBJECT, TrialScene
from pexschedd.doctor.trial.trial_requests import TrialRequests, text_of
from pexschedd.errors import MailboxError
from pexschedd.graph.answering.removal_steps import SOFT_DELETED
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import user_path

QUIET = 6.0
"""Seconds without anything new after which nothing more is expected."""
LONGEST = 60.0
"""Seconds for all of it."""

_CANCELLED = "Canceled: "
_MOST = 100


async def clean_up(scene: TrialScene, requests: TrialRequests) -> tuple[str, ...]:
    """Remove what has the mark of a trial; return what could not be removed, in words.

    Nothing is touched in the user's mail. Never raises `MailboxError`.
    """
    cleaner = _Cleaner(scene, requests)
    try:
        await cleaner.run()
    except MailboxError as error:
        cleaner.left.append(
            f"Messages and meetings with the subject {SUBJECT} … in {scene.mailbox} "
            f"and {scene.user}: {error.message}"
        )
    return tuple(cleaner.left)


class _Cleaner:
    def __init__(self, scene: TrialScene, requests: TrialRequests) -> None:
        self._scene = scene
        self._requests = requests
        self.left: list[str] = []
        self._failed: set[str] = set()

    async def run(self) -> None:
        scene, requests = self._scene, self._requests
        scene.requests = requests
        # First the organizer's, which cancels them: that arrives in the mailbox.
        told = await self._events(scene.user, (SUBJECT,))
        quiet_since = requests.seconds()
        while True:
            removed = await self._messages()
            removed += await self._events(
                scene.mailbox, (SUBJECT, _CANCELLED + SUBJECT)
            )
            removed += await self._entries()
            now = requests.seconds()
            if removed or told:
                quiet_since, told = now, 0
            if now - quiet_since >= QUIET or now >= requests.until:
                return
            await requests.pause(2.0)

    async def _events(self, address: str, beginnings: tuple[str, ...]) -> int:
        """Delete the events of trials in a calendar; return their number."""
        removed = 0
        for beginning in beginnings:
            path = user_path(
                address,
                "events",
                filter=f"startswith(subject,'{beginning}')",
                select="id,subject",
                top=_MOST,
            )
            listed = await self._requests.listed(path)
            if isinstance(listed, GraphProblem):
                self._leave(f"meetings in the calendar of {address}", listed)
                continue
            for each in listed:
                if MARK.search(text_of(each, "subject")):
                    removed += await self._event(address, text_of(each, "id"))
        return removed

    async def _entries(self) -> int:
        """Delete the events that were seen in the equipment mailbox's calendar."""
        removed = 0
        for id in sorted(self._scene.entries):
            path = user_path(self._scene.mailbox, "events", id, select="id")
            found = await self._requests.ask("GET", path)
            if not isinstance(found, GraphProblem):
                removed += await self._event(self._scene.mailbox, id)
        self._scene.entries.clear()
        return removed

    async def _event(self, address: str, id: str) -> int:
        if id in self._failed:
            return 0
        path = user_path(address, "events", id)
        if address == self._scene.mailbox:
            purged = await self._requests.ask("POST", f"{path}/permanentDelete")
            if not isinstance(purged, GraphProblem):
                return 1
        found = await self._requests.ask("DELETE", path)
        return self._outcome(id, f"a meeting in the calendar of {address}", found)

    async def _messages(self) -> int:
        removed = 0
        self._scene.not_listed = None
        ours = await self._scene.ours()
        if self._scene.not_listed is not None:
            self._leave(f"messages in {self._scene.mailbox}", self._scene.not_listed)
        for each in ours:
            if each["id"] not in self._failed:
                removed += await self._message(each["id"])
        return removed

    async def _message(self, id: str) -> int:
        """Delete a message, as softly as the server lets us."""
        path = self._scene.message_path
        found = await self._requests.ask(
            "POST", path(id, "move"), {"destinationId": SOFT_DELETED}
        )
        if isinstance(found, GraphProblem):
            found = await self._requests.ask("POST", path(id, "permanentDelete"))
        if isinstance(found, GraphProblem):
            found = await self._requests.ask("DELETE", path(id))
        return self._outcome(id, f"a message in {self._scene.mailbox}", found)

    def _outcome(self, id: str, what: str, found: object) -> int:
        if not isinstance(found, GraphProblem):
            return 1
        gone = found.status == 404 or found.code.casefold() == "errorcannotdeleteobject"
        if not gone:
            self._leave(what, found)
        self._failed.add(id)
        return 0

    def _leave(self, what: str, problem: GraphProblem) -> None:
        words = f"{what}: {problem.words}"
        if words not in self.left:
            self.left.append(words)
