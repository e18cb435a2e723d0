"""A trial in a tenant, from its first request until everything is removed again."""

from collections.abc import Callable
from datetime import datetime

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.doctor.trial import changing, inviting, occurrence_and_mail, reading
from pexschedd.doctor.trial.cleaning import LONGEST, clean_up
from pexschedd.doctor.trial.trial_meeting import SUBJECT, TrialScene
from pexschedd.doctor.trial.trial_report import (
    TrialFindings,
    TrialReport,
    time_text,
)
from pexschedd.doctor.trial.trial_requests import TrialRequests
from pexschedd.errors import MailboxError, WorkStopped
from pexschedd.graph.client import GraphClient
from pexschedd.model.integration.connector import Connector
from pexschedd.util.stop_signal import StopSignal

DEADLINE = 480.0
"""Seconds after which nothing more is begun; cleaning up has its own minute."""

PLAN = """
The trial makes meetings 30 days from now in the calendar of {user}, invites {mailbox},
answers, changes and cancels them, and has the mailbox send one mail to itself. Their
subjects begin with "pexschedd trial".
Meanwhile, for some four minutes and nine at most, the daemon does not look into this
mailbox: what arrives there is answered afterwards.
Everything is removed in the end, except what lies in the mail folders of {user}, which
the application need not see: the answers, and copies of what was sent and deleted.
"""
"""The announcement of a trial, for those who are about to begin one."""

_log = Logger()


async def run_trial(
    connector: Connector,
    user: str,
    client: GraphClient,
    *,
    clock: IReactorTime,
    now: datetime,
    mark: str,
    note: Callable[[str], None],
    stop: StopSignal,
) -> TrialReport:
    """Try out what becomes of a user's meetings in an integration's mailbox.

    `client` asks as the integration's application, past the throttle; `mark` is eight
    hexadecimal digits that no other trial has. `note` is told of the progress. Errors
    are part of the report; what was made is removed whatever happens.
    """
    requests = TrialRequests(client, clock, stop)
    requests.until = requests.seconds() + DEADLINE
    findings = TrialFindings()
    scene = TrialScene(
        requests,
        findings,
        mailbox=connector.mailbox_address,
        user=user,
        subject=f"{SUBJECT} {mark}",
        now=now,
    )
    ended = ""
    left: tuple[str, ...] = ()
    try:
        await reading.open_mailboxes(scene)
    except (MailboxError, WorkStopped) as error:
        # Nothing has been made yet, and nothing could be removed.
        ended = error.message
    else:
        try:
            await _tried(scene, note)
        except (MailboxError, WorkStopped) as error:
            ended = error.message
        finally:
            note("removing what the trial has made")
            left = await clean_up(scene, requests.unstoppable(LONGEST))
    _log.info(
        "doctor ended a trial integration={integration} ended={ended!r} left={left}",
        integration=connector.id,
        ended=ended,
        left=len(left),
    )
    return TrialReport(
        exchange_connector_id=connector.id,
        name=connector.name,
        mailbox=connector.mailbox_address,
        user=user,
        time=time_text(now),
        answers=findings.answers(),
        ended=ended,
        left_behind=left,
    )


async def _tried(scene: TrialScene, note: Callable[[str], None]) -> None:
    """Go through all parts; one that comes too late is left out."""
    note("reading the mailbox")
    await reading.read_delta(scene)
    note("inviting the mailbox, and waiting for the event")
    invitation = await inviting.invite(scene)
    await inviting.receive(scene, invitation)
    for words, part in (
        ("accepting the meeting", changing.accept),
        ("changing its text", changing.change_body),
        ("changing it at odds with itself", changing.change_in_conflict),
        ("moving it", changing.move),
        ("cancelling it", changing.cancel_and_take_away),
    ):
        if _is_late(scene):
            return
        note(words)
        await part(scene, invitation)
    for words, more in (
        ("inviting to one occurrence", occurrence_and_mail.invite_to_occurrence),
        ("sending a mail", occurrence_and_mail.send_mail),
    ):
        if _is_late(scene):
            return
        note(words)
        await more(scene)


def _is_late(scene: TrialScene) -> bool:
    return scene.requests.seconds() >= scene.requests.until
