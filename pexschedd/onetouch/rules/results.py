"""The results of applying rules to an invitation. Pure."""

import msgspec

from pexschedd.model.onetouch.room_calendar import JoinDetails


class RuleOutcome(msgspec.Struct, frozen=True):
    """The outcome of one rule."""

    rule: str
    reason: str
    """The reason why it did not match, or what it found."""


class Evaluation(msgspec.Struct, frozen=True):
    """The result of applying rules to an invitation."""

    details: JoinDetails | None
    tried: tuple[RuleOutcome, ...]
    """The rules in the order in which they were tried."""
    recognised: tuple[str, ...]
    """The services whose meetings the invitation names, dialable or not."""
    notes: tuple[str, ...] = ()
    """Remarks for the administrator."""


class SeenLink(msgspec.Struct, frozen=True):
    """A link of an invitation, for an administrator who wonders what was seen."""

    url: str
    """The link as its sender wrote it, cut after 500 characters."""
    service: str
    """The service whose meeting it is; empty if it is none that is known."""
    rewritten_by: tuple[str, ...]
    """The mail filters whose work was undone."""
