"""When each endpoint was last heard of, in memory. Pure."""

from datetime import datetime


class EndpointContacts:
    """The times at which endpoints last asked for their meetings, or took them."""

    def __init__(self) -> None:
        self._times: dict[int, datetime] = {}

    def note(self, endpoint_id: int, when: datetime) -> None:
        """Note that an endpoint was heard of."""
        self._times[endpoint_id] = when

    def last(self, endpoint_id: int) -> datetime | None:
        """Return the time of the last contact since the daemon's start, None if there
        was none."""
        return self._times.get(endpoint_id)

    def forget(self, endpoint_id: int) -> None:
        """Forget an endpoint that was deleted."""
        self._times.pop(endpoint_id, None)
