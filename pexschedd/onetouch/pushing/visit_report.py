"""The outcome of a visit to an endpoint."""

import msgspec

from pexschedd.onetouch.pushing.push_plan import PushReason, SeenEndpoint
from pexschedd.onetouch.pushing.software import Way


class VisitReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a visit that went well."""

    seen: SeenEndpoint
    because: PushReason | None
    """The reason for sending the list; None if it was not sent."""
    way: Way | None = None
    meetings: int = 0
    clock_difference: float | None = None
    """Seconds by which its clock is ahead of ours; None if it does not tell."""
    has_session: bool = True
    """False if it gave no session."""
    was_read: bool = True
    """False if its room was never read, so that there is no list yet."""
