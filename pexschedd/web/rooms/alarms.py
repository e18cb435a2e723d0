"""The alarm about a room system that asks for its meetings and cannot be given any."""

from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms


class NothingGivenAlarms:
    """Raises the alarm, unless the endpoint wants none, and lowers it."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self._known: dict[int, str] = {}
        """The problem of each endpoint as last noted: most requests change nothing."""

    def note(self, endpoint: Endpoint, problem: str) -> None:
        """Note that an endpoint was given its meetings, or why not."""
        if not endpoint.poly_raise_alarms_for_this_endpoint:
            problem = ""
        if self._known.get(endpoint.id) == problem:
            return
        self._known[endpoint.id] = problem
        if problem:
            self._alarms.raise_(names.ONE_TOUCH_NOTHING_GIVEN, endpoint.name, problem)
        else:
            self._alarms.lower(endpoint.name, names.ONE_TOUCH_NOTHING_GIVEN)

    def forget(self, endpoint: Endpoint) -> None:
        """Lower the alarm of an endpoint that was deleted, or renamed."""
        self._known.pop(endpoint.id, None)
        self._alarms.lower(endpoint.name, names.ONE_TOUCH_NOTHING_GIVEN)
