"""The part of a trial that only reads, before anything is made."""

from pexschedd.doctor.graph_probes import NO_ITEM
from pexschedd.doctor.trial.trial_meeting import FOLDERS, INBOX, TrialScene, refused
from pexschedd.doctor.trial.trial_requests import text_of
from pexschedd.errors import MailboxRefused
from pexschedd.graph.entities.extended_properties import (
    CLEAN_GLOBAL_ID,
    expand_properties,
)
from pexschedd.graph.folder_changes import leads_to
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import CALENDARS, user_path


async def open_mailboxes(scene: TrialScene) -> None:
    """Prove that both mailboxes can be used, and note the folders.

    Raises `MailboxRefused` with what is missing.
    """
    for name in FOLDERS:
        path = user_path(scene.mailbox, "mailFolders", name, select="id")
        found = await scene.requests.ask("GET", path)
        if isinstance(found, GraphProblem):
            raise scene.requests.client.error_for(found)
        scene.folders[text_of(found, "id")] = name
    for address in (scene.user, scene.mailbox):
        path = user_path(address, "events", NO_ITEM)
        found = await scene.requests.ask("PATCH", path, {"categories": []})
        if isinstance(found, GraphProblem) and found.status in (401, 403):
            raise MailboxRefused(
                f"The application may not write the calendar of {address}. Assign it "
                f"the role 'Application {CALENDARS}' with a scope that includes this "
                "mailbox; it can take up to two hours to work. Graph says: "
                f"{found.words}"
            )
        if address == scene.user and isinstance(found, GraphProblem):
            await _see_user(scene)
        if address == scene.mailbox:
            _tell_not_there(scene, found)


async def _see_user(scene: TrialScene) -> None:
    """Raise `MailboxRefused` if there is no such user."""
    path = user_path(scene.user, "calendar", select="id")
    found = await scene.requests.ask("GET", path)
    if isinstance(found, GraphProblem):
        raise MailboxRefused(
            f"The calendar of {scene.user} cannot be opened. Name a user whose mailbox "
            f"is in Exchange Online. {refused(found)}"
        )


def _tell_not_there(scene: TrialScene, found: object) -> None:
    if isinstance(found, GraphProblem):
        scene.findings.tell(
            "not_there",
            f"HTTP {found.status}: {found.words}",
            expected=found.status in (400, 404),
        )
    else:
        scene.findings.tell("not_there", "Graph says that it is there.", expected=False)


async def read_delta(scene: TrialScene) -> None:
    """Ask the inbox for its changes, as the daemon does."""
    path = user_path(
        scene.mailbox,
        *("mailFolders", INBOX, "messages", "delta"),
        select="id,receivedDateTime",
        expand=expand_properties([CLEAN_GLOBAL_ID]),
    )
    prefer = ("odata.maxpagesize=5",)
    found = await scene.requests.ask("GET", path, prefer=prefer)
    if isinstance(found, GraphProblem):
        scene.findings.tell("delta_expand", f"No. {refused(found)}", expected=False)
        path = user_path(
            scene.mailbox,
            *("mailFolders", INBOX, "messages", "delta"),
            select="id,receivedDateTime",
        )
        found = await scene.requests.ask("GET", path, prefer=prefer)
    else:
        scene.findings.tell("delta_expand", "Yes.", expected=True)
    if isinstance(found, GraphProblem):
        scene.findings.leave_open("link_address", refused(found))
        return
    link = found.get("@odata.nextLink") or found.get("@odata.deltaLink")
    if not isinstance(link, str):
        scene.findings.leave_open("link_address", "The page had no link.")
        return
    target = scene.requests.client.target
    good = leads_to(target, link)
    shown = link[:100].encode("ascii", "replace").decode()
    scene.findings.tell(
        "link_address",
        "Yes, or by an id." if good else f"No, and the daemon refuses it: {shown}",
        expected=good,
    )
