"""Remarks on an invitation, for the administrator who asks about its button. Pure."""

from collections.abc import Sequence

from pexschedd.onetouch.invitation.passages import SearchableInvitation
from pexschedd.onetouch.services.finding import Mention

_MOST = 10


def link_remarks(read: SearchableInvitation) -> list[str]:
    """Return remarks on links that cannot be read, or that mislead."""
    notes: dict[str, None] = {}
    for link in read.links:
        if link.opaque:
            notes[
                f"A link to {link.link.host or 'somewhere'} cannot be read: "
                f"{link.opaque}. Exempt the rooms' mailboxes from it."
            ] = None
        if link.shown:
            notes[
                f"A link that shows {link.shown[:200]} leads to {link.link.url[:200]}."
            ] = None
        if len(notes) >= _MOST:
            break
    return list(notes)


def history_remarks(left: Sequence[Sequence[Mention]]) -> list[str]:
    """Return a remark on the meetings of older messages that are left out."""
    left_out = dict.fromkeys(mention.entry.title for each in left for mention in each)
    if not left_out:
        return []
    services = ", ".join(left_out)
    note = f"An older message with a meeting of {services} is left out: "
    return [f"{note}the newest message names a meeting itself."]


def hidden_remarks(hidden: Sequence[Mention]) -> list[str]:
    """Return a remark on meetings that people do not see."""
    services = ", ".join(dict.fromkeys(mention.entry.title for mention in hidden))
    note = f"Text that people do not see names a meeting of {services}. It is not used."
    return [note] if services else []
