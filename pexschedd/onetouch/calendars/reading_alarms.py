"""The alarms about the reading of a deployment's rooms."""

from twisted.internet.interfaces import IReactorTime

from pexschedd.onetouch.calendars.quota import quota_problem
from pexschedd.onetouch.calendars.reading_problems import (
    DeploymentFindings,
    FailingRoom,
    notifications_problem,
    rooms_problem,
)
from pexschedd.onetouch.calendars.reading_schedule import ReadingSchedule
from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.util.cooperate import in_slices

LOOK_EVERY = 60.0
"""Seconds between two looks."""
FAILING_FOR = 120.0
"""Seconds after which an Exchange that gives no answer is reported; a sign-in that is
refused is so the first time."""
WITHOUT_FOR = 3600.0
"""Seconds after which a room whose changes are not reported is."""
FAMILY = (
    names.ONE_TOUCH_EXCHANGE,
    names.ONE_TOUCH_ROOMS,
    names.ONE_TOUCH_QUOTA,
    names.ONE_TOUCH_NOTIFICATIONS,
    names.ONE_TOUCH_PROCESSING,
    names.ONE_TOUCH_SERVICE,
)


class ReadingAlarms:
    """Raises and lowers the alarms of deployments; `instance` is the deployment's
    name."""

    def __init__(self, alarms: Alarms, clock: IReactorTime) -> None:
        self._alarms = alarms
        self._clock = clock

    async def look(self, instance: str, reader: ReadingSchedule) -> None:
        """Look at a deployment as it is now."""
        now = self._clock.seconds()
        problem = ""
        if reader.problem_since is not None and (
            reader.is_refused or now - reader.problem_since >= FAILING_FOR
        ):
            problem = (
                f"No room can be read: {reader.problem} The screens show what was "
                "read last."
            )
        self._set(names.ONE_TOUCH_EXCHANGE, instance, problem)
        kind = reader.deployment.kind
        spent = quota_problem(
            reader.counter.used(),
            reader.quota(),
            len(reader.rooms),
            reader.interval,
            requests=kind.requests,
            field=kind.quota_field,
        )
        self._set(names.ONE_TOUCH_QUOTA, instance, spent)
        unreported = _unreported(reader, now)
        self._set(names.ONE_TOUCH_NOTIFICATIONS, instance, unreported)
        failing, findings = [], DeploymentFindings()
        async for state in in_slices(list(reader.rooms.values()), self._clock, 20):
            if state.failing_since is not None:
                failing.append(
                    FailingRoom(
                        state.room.email,
                        state.problem,
                        state.failures,
                        now - state.failing_since,
                        state.is_refused,
                    )
                )
            findings.add(state.room.email, state.meetings)
        rooms = rooms_problem(failing, len(reader.rooms))
        self._set(names.ONE_TOUCH_ROOMS, instance, rooms)
        processing = findings.processing_problem()
        self._set(names.ONE_TOUCH_PROCESSING, instance, processing)
        self._set(names.ONE_TOUCH_SERVICE, instance, findings.service_problem())

    def lower(self, instance: str) -> None:
        """Lower all alarms of a deployment that is not read any more."""
        self._alarms.lower(instance, *FAMILY)

    def _set(self, name: str, instance: str, problem: str) -> None:
        if problem:
            self._alarms.raise_(name, instance, problem)
        else:
            self._alarms.lower(instance, name)


def _unreported(reader: ReadingSchedule, now: float) -> str:
    """Return what is wrong with notifications, unless there is none to be had."""
    if reader.listener is None or reader.problem:
        return ""
    without = {
        room: each.reason
        for room, each in reader.listener.without.items()
        if now - each.since >= WITHOUT_FOR
        and room in reader.rooms
        and not reader.rooms[room].failures
    }
    return notifications_problem(without, len(reader.rooms), reader.interval)
