"""The port of what endpoints tell by themselves: that they have lost their bookings."""

from typing import Protocol

from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.onetouch.pushing.endpoint_records import EndpointRecords
from pexschedd.onetouch.pushing.visit_report import VisitReport


class EndpointFeedback(Protocol):
    """The registrations at endpoints. Without one everything works, later."""

    def is_from(self, endpoint_id: int, key: str) -> bool:
        """Return whether the key is the one that this endpoint was given."""

    async def keep(self, records: EndpointRecords, report: VisitReport) -> None:
        """Register with an endpoint that may have no registration (any more), as its
        visit tells. Raises `EndpointProblem` for records that do not say how to reach
        it; other problems are only logged."""

    async def take_back(self, state: EndpointState, records: EndpointRecords) -> None:
        """Remove the registration of an endpoint that is no longer ours. Raises as
        `keep` does."""
