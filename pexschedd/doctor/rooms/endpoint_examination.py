"""Looks at the endpoints of a deployment: their records, and Cisco ones by a visit that
reads and changes nothing."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime

from twisted.internet.defer import (
    CancelledError,
)
from twisted.internet.interfaces import IReactorTime

from pexschedd.clock import Now
from pexschedd.doctor.report import CheckStatus, ReportLine, line
from pexschedd.doctor.rooms import endpoints
from pexschedd.doctor.rooms.tries import try_all
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import CISCO
from pexschedd.model.onetouch.endpoint_state import EndpointState
from pexschedd.model.onetouch.room_calendar import RoomCalendar
from pexschedd.onetouch.calendars.pace import interval_of
from pexschedd.onetouch.cisco.access import EndpointAccess, Unseal, access_of
from pexschedd.onetouch.configuration import OneTouchRecords, room_key
from pexschedd.onetouch.deployments import ReadDeployment, key_of, quota_of
from pexschedd.onetouch.pushing.endpoint_records import EndpointRecords
from pexschedd.onetouch.pushing.problems import EndpointProblem
from pexschedd.onetouch.screen.calendar_processing import losses_of

DEADLINE = 30.0
"""Seconds for all visits."""
AT_ONCE = 8
MOST_ENDPOINTS = 100
"""Endpoints that have a line each."""

Visit = Callable[[EndpointAccess], Awaitable[object]]
"""Reads what an endpoint says of itself; raises `EndpointProblem`."""


class EndpointsDoctor:
    """Examines the endpoints of deployments. `read_at` takes an endpoint's id and
    returns the time at which its room was last read."""

    def __init__(
        self,
        records: OneTouchRecords,
        unseal: Unseal,
        visit: Visit,
        read_at: Callable[[int], datetime | None],
        *,
        clock: IReactorTime,
        now: Now,
    ) -> None:
        self._records = records
        self._unseal = unseal
        self._visit = visit
        self._read_at = read_at
        self._clock = clock
        self._now = now

    async def examine(
        self,
        deployment: ReadDeployment,
        rooms: int,
        calendars: Mapping[str, str],
    ) -> list[ReportLine]:
        """Return the lines about profiles and endpoints, within half a minute.

        `rooms` is the number of the deployment's, and `calendars` has the problems of
        those that cannot be read, by the room's address in lower case.
        """
        found = [*self._endpoints(deployment)]
        lines = [*self._profiles(deployment, found)]
        chosen = found[:MOST_ENDPOINTS]
        visits = await self._visits(chosen)
        interval = interval_of(rooms, quota_of(deployment)) if rooms else 0.0
        own = []
        for each in chosen:
            key = room_key(each.endpoint.room_resource_email)
            calendar = self._calendar(key)
            seen = endpoints.SeenRoom(
                endpoint=each.endpoint,
                now=self._now(),
                interval=interval,
                read_at=self._read_at(each.endpoint.id),
                calendar_problem=calendars.get(key, ""),
                losses=losses_of(calendar.meetings) if calendar else (),
                state=self._state(each.endpoint.id),
                visit=visits.get(each.endpoint.id),
            )
            name = each.endpoint.name
            finding = endpoints.judged(seen)
            own.append(line(f"endpoint:{name}", f"Endpoint {name}", finding))
        own.sort(key=lambda each: _ORDER[each.status])
        summary = endpoints.summary([each.status for each in own], len(found))
        lost = [*self._without_profile()]
        return [
            *lines,
            line("endpoints", "Endpoints", summary),
            line(
                "endpoints_unused",
                "Endpoints without a profile",
                endpoints.without_profile(lost),
                ("mjx_endpoint_group",),
            ),
            *own,
        ]

    def _endpoints(self, deployment: ReadDeployment) -> Iterator[EndpointRecords]:
        """The deployment's endpoints with their groups and profiles."""
        records = self._records
        key = key_of(deployment)
        for profile in records.find_all(key.kind.profiles, key.id):
            groups = records.find_all(tables.MJX_GROUP_BY_INTEGRATION, profile.id)
            for group in groups:
                found = records.find_all(tables.MJX_ENDPOINT_BY_GROUP, group.id)
                for endpoint in found:
                    yield EndpointRecords(endpoint, group, profile)

    def _profiles(
        self, deployment: ReadDeployment, found: Sequence[EndpointRecords]
    ) -> Iterator[ReportLine]:
        counts = Counter(each.profile.id for each in found)
        records = self._records
        key = key_of(deployment)
        for profile in records.find_all(key.kind.profiles, key.id):
            rules = records.find_all(tables.MJX_RULE_BY_INTEGRATION, profile.id)
            count = sum(1 for _ in rules)
            finding = endpoints.profile(profile, count, counts[profile.id])
            yield line(f"profile:{profile.name}", f"Profile {profile.name}", finding)

    def _without_profile(self) -> Iterator[str]:
        """The names of endpoints that no deployment has."""
        used = {
            group.id
            for group in self._records.all(tables.MJX_ENDPOINT_GROUP)
            if group.mjx_integration is not None
        }
        for endpoint in self._records.all(tables.MJX_ENDPOINT):
            if endpoint.mjx_endpoint_group not in used:
                yield endpoint.name

    def _calendar(self, room: str) -> RoomCalendar | None:
        found = self._records.find_all(tables.ROOM_CALENDAR_BY_EMAIL, room)
        return next(iter(found), None)

    def _state(self, endpoint: int) -> EndpointState | None:
        found = self._records.find_all(tables.ENDPOINT_STATE_BY_ENDPOINT, endpoint)
        return next(iter(found), None)

    # Visits

    async def _visits(self, found: Sequence[EndpointRecords]) -> Mapping[int, str]:
        """Visit the Cisco endpoints; return the problem of each that was visited, ""
        if there was none."""
        problems: dict[int, str] = {}
        visited = [
            each
            for each in found
            if each.endpoint.endpoint_type == CISCO
            and not endpoints.is_locked_out(self._state(each.endpoint.id))
        ]
        await try_all(
            visited,
            lambda each: self._try(each, problems),
            at_once=AT_ONCE,
            seconds=DEADLINE,
            clock=self._clock,
        )
        return problems

    async def _try(self, records: EndpointRecords, problems: dict[int, str]) -> None:
        id = records.endpoint.id
        try:
            access = access_of(
                records.endpoint, records.group, records.profile, self._unseal
            )
            await self._visit(access)
        except EndpointProblem as problem:
            problems[id] = problem.message
        except CancelledError:
            return
        else:
            problems[id] = ""


_ORDER = {
    CheckStatus.FAILED: 0,
    CheckStatus.WARNING: 1,
    CheckStatus.NOT_CHECKED: 2,
    CheckStatus.PASSED: 3,
}
