"""The steps of a look-up, in the best form that the mailbox does not refuse. Pure."""

from datetime import datetime

import msgspec

from pexschedd.graph.answering.answer_lookup import (
    Found,
    Steps,
    look_up,
    look_up_properties,
)
from pexschedd.graph.answering.answer_mails import AnsweringMailbox
from pexschedd.graph.answering.removal_steps import is_refused
from pexschedd.graph.error_policy import is_gone
from pexschedd.graph.mailbox_profile import LookUpForm
from pexschedd.graph.problems import GraphProblem
from pexschedd.scheduling.ports.mailbox import Answer


def look_up_steps(
    mailbox: AnsweringMailbox, answer: Answer, *, details: bool
) -> Steps[Found | GraphProblem]:
    """Look a message up, in the best form that the mailbox does not refuse; with the
    `details` that a mail has to repeat."""
    item, profile = answer.ref.item_id, mailbox.profile
    refused = False
    if profile.look_up is LookUpForm.SELECTED:
        found = yield look_up(mailbox.address, item, details=details)
        refused = isinstance(found, GraphProblem)
        if isinstance(found, Found):
            if not (details and found.is_meeting and not found.has_properties):
                return found
        elif is_gone(found) or not is_refused(found):
            return found
    found = yield look_up(mailbox.address, item, details=False, selected=False)
    if isinstance(found, GraphProblem):
        return found
    if refused:
        profile.look_up = LookUpForm.WHOLE
    if not (details and found.is_meeting):
        return found
    properties = yield look_up_properties(mailbox.address, item)
    if isinstance(properties, GraphProblem):
        return properties
    if properties.has_properties:
        profile.look_up = LookUpForm.WHOLE
    original = properties.recurrence_id
    if original is None or not isinstance(original, datetime):
        # The event may know more than the day.
        original = found.recurrence_id or original
    return msgspec.structs.replace(
        found,
        uid=properties.uid,
        sequence=properties.sequence,
        recurrence_id=original,
        has_properties=properties.has_properties,
    )
