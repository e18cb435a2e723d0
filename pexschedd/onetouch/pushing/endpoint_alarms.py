"""Alarms about endpoints that cannot be brought their lists.

There may be thousands, and one broken switch stops hundreds: so there is one alarm for
each profile and kind of problem, which names the first endpoints. An endpoint that does
not answer is reported when that has lasted for some time: it may be restarting.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pexschedd.clock import Now
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import CISCO, Endpoint
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.onetouch.pushing.endpoint_records import records_of
from pexschedd.onetouch.pushing.problems import ProblemKind
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store

LASTING = timedelta(minutes=5)
"""Time after which an endpoint that does not answer is reported."""
EVERY = 60.0
"""Seconds between two looks at all endpoints."""
SOON = 5.0
"""Seconds after a change until the alarms follow it."""
MOST_NAMED = 20


class AlarmFamily(msgspec.Struct, frozen=True):
    """The alarms about endpoints of one type."""

    endpoint_type: str
    names: Mapping[ProblemKind, str]
    address_of: Callable[[Endpoint], str | None]
    """Gives what an administrator knows an endpoint by, beside its name."""


_NAMES = {
    ProblemKind.UNREACHABLE: names.ENDPOINT_UNREACHABLE,
    ProblemKind.BUSY: names.ENDPOINT_UNREACHABLE,
    ProblemKind.CREDENTIALS: names.ENDPOINT_CREDENTIALS,
    ProblemKind.UNTRUSTED: names.ENDPOINT_CERTIFICATE,
    ProblemKind.NOT_ALLOWED: names.ENDPOINT_REFUSED,
    ProblemKind.REFUSED: names.ENDPOINT_REFUSED,
    ProblemKind.SETTINGS: names.ENDPOINT_REFUSED,
}
OF_CISCO = AlarmFamily(CISCO, _NAMES, lambda endpoint: endpoint.api_address)
_MAY_PASS = (ProblemKind.UNREACHABLE, ProblemKind.BUSY)


class _Troubled(msgspec.Struct, frozen=True):
    name: str
    address: str
    problem: str


class EndpointAlarms:
    """The alarms, as the stored states of endpoints say. Starts with `start`."""

    def __init__(
        self,
        store: Store,
        alarms: Alarms,
        clock: IReactorTime,
        now: Now,
        family: AlarmFamily = OF_CISCO,
    ) -> None:
        self._family = family
        self._store = store
        self._alarms = alarms
        self._clock = clock
        self._now = now
        self._due: IDelayedCall | None = None

    def start(self) -> None:
        """Follow the states from now on."""
        self._due = self._clock.callLater(SOON, self._follow)

    def stop(self) -> None:
        """Leave the alarms as they are."""
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def changed(self) -> None:
        """Look at the endpoints soon: the problem of one has come or gone."""
        due = self._due
        if due is not None and due.getTime() > self._clock.seconds() + SOON:
            due.reset(SOON)

    def _follow(self) -> None:
        self._due = self._clock.callLater(EVERY, self._follow)
        wanted, family = self._troubled(), set(self._family.names.values())
        for (profile, name), endpoints in wanted.items():
            self._alarms.raise_(name, profile, _details(endpoints))
        raised = [
            (alarm.instance, alarm.name)
            for alarm in self._store.all(tables.ALARM)
            if alarm.name in family and alarm.time_lowered is None
        ]
        for profile, name in raised:
            if (profile, name) not in wanted:
                self._alarms.lower(profile, name)

    def _troubled(self) -> dict[tuple[str, str], list[_Troubled]]:
        """The endpoints with problems, by profile and name of alarm."""
        found: defaultdict[tuple[str, str], list[_Troubled]] = defaultdict(list)
        for state in self._store.all(tables.ENDPOINT_STATE):
            if not state.problem or not self._is_reported(state):
                continue
            family = self._family
            records = records_of(self._store, state.endpoint, family.endpoint_type)
            if records is None:
                continue
            endpoint = records.endpoint
            address = family.address_of(endpoint) or ""
            name = family.names[ProblemKind(state.problem_kind)]
            found[records.profile.name, name].append(
                _Troubled(endpoint.name, address, state.problem)
            )
        return found

    def _is_reported(self, state: EndpointState) -> bool:
        if state.problem_kind not in _MAY_PASS or state.problem_since is None:
            return True
        return self._now() - state.problem_since >= LASTING


def _details(endpoints: list[_Troubled]) -> str:
    many = len(endpoints) > 1
    count = f"{len(endpoints)} endpoints" if many else "An endpoint"
    lines = [
        f"{each.name} ({each.address}): {each.problem}"
        for each in sorted(endpoints, key=lambda each: each.name)[:MOST_NAMED]
    ]
    left = len(endpoints) - len(lines)
    if left:
        lines.append(f"And {left} more.")
    return f"{count} cannot be brought the meetings of the room. " + " ".join(lines)
