"""The service that visits endpoints of one type: when, how many at once, and what if
not.

Every endpoint is looked at now and then, and at once when its room's calendar changes.
One that fails is visited ever more rarely, and by other slots than those of the ones
that work: an endpoint that hangs delays nobody.
"""

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredList,
    DeferredLock,
    DeferredSemaphore,
)
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from pexschedd.errors import StoreError, StoreFull
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.onetouch.pushing import problems
from pexschedd.onetouch.pushing.endpoint_alarms import EndpointAlarms
from pexschedd.onetouch.pushing.endpoint_records import (
    EndpointRecords,
    in_group,
    in_profile,
    in_room,
    is_of_type,
    records_of,
    with_group,
)
from pexschedd.onetouch.pushing.endpoint_states import EndpointStates
from pexschedd.onetouch.pushing.feedback import EndpointFeedback
from pexschedd.onetouch.pushing.pace import (
    FIRST_RETRY,
    LONGEST_RETRY,
    SPREAD,
    delay_after,
    delay_as_asked,
    jitter,
    look_interval,
)
from pexschedd.onetouch.pushing.problems import EndpointProblem
from pexschedd.onetouch.pushing.visit_report import VisitReport
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.store.store import Store
from pexschedd.util.backoff import backoff
from pexschedd.util.token_bucket import Rate, TokenBuckets

AT_ONCE = 64
"""Visits at once to endpoints that worked the last time."""
AT_ONCE_FAILING = 32
"""Visits at once to those that did not."""
AT_ONCE_ASKED = 4
"""Visits at once for administrators."""
VISIT_TIMEOUT = 60.0
"""Seconds for a whole visit."""
STORE_FULL_RETRY = 60.0
TOLD = Rate(2, 1)
"""The looks at one endpoint that it may ask for."""

CountVisit = Callable[[str, str], None]
"""Counts a visit by the profile's name and the result: "sent", "unchanged", or the kind
of problem."""

VisitEndpoint = Callable[[EndpointRecords, bool], Coroutine[Any, Any, VisitReport]]
"""Visits an endpoint; with true, its list is sent in any case. Raises
`EndpointProblem`, and `StoreFull` if nothing can be stored."""


class _Screen:
    """An endpoint as the service deals with it."""

    def __init__(self, id: int) -> None:
        self.id = id
        self.due: IDelayedCall | None = None
        self.lock = DeferredLock()
        self.is_visited = False
        self.is_wanted_again = False
        self.failures = 0
        self.not_before = 0.0


class EndpointPusher(Service):
    """Visits all endpoints of a type that have a profile, while it runs.

    `chance` gives random numbers from 0 to 1; `at_once` and `at_once_failing` are how
    many are visited at once that worked the last time, and that did not.
    """

    _log = Logger()

    def __init__(
        self,
        endpoint_type: str,
        store: Store,
        lists: RoomLists,
        states: EndpointStates,
        visit: VisitEndpoint,
        alarms: EndpointAlarms,
        feedback: EndpointFeedback | None = None,
        *,
        clock: IReactorTime,
        chance: Callable[[], float],
        count_visit: CountVisit,
        at_once: int = AT_ONCE,
        at_once_failing: int = AT_ONCE_FAILING,
    ) -> None:
        self.name = f"{endpoint_type.lower()}-endpoints"
        self._type = endpoint_type
        self._store = store
        self._states = states
        self._visit_endpoint = visit
        self._alarms = alarms
        self._feedback = feedback
        self._told = TokenBuckets(TOLD.at_once, TOLD.per_minute)
        self._clock = clock
        self._chance = chance
        self._count_visit = count_visit
        self._backoff = backoff(FIRST_RETRY, LONGEST_RETRY, lambda: jitter(chance))
        self._screens: dict[int, _Screen] = {}
        self._visits: set[Deferred[Any]] = set()
        self._working = DeferredSemaphore(at_once)
        self._failing = DeferredSemaphore(at_once_failing)
        self._asked = DeferredSemaphore(AT_ONCE_ASKED)
        lists.subscribe(self._room_changed)
        store.subscribe(tables.MJX_ENDPOINT, self._endpoint_changed)
        store.subscribe(tables.MJX_ENDPOINT_GROUP, self._group_changed)
        store.subscribe(tables.MJX_INTEGRATION, self._profile_changed)

    def startService(self) -> None:
        """Visit all endpoints, spread over some seconds."""
        super().startService()
        self._settings_changed(self._store.ids(tables.MJX_ENDPOINT))
        for state in self._store.all(tables.ENDPOINT_STATE):
            if self._store.get(tables.MJX_ENDPOINT, state.endpoint) is None:
                self._follow(self._states.forget(state.endpoint))
        self._alarms.start()

    def stopService(self) -> Deferred[None]:
        """Break the visits off; fires when all have ended their sessions."""
        super().stopService()
        self._alarms.stop()
        for screen in self._screens.values():
            _cancel(screen)
        visits = list(self._visits)
        for visit in visits:
            visit.cancel()
        return DeferredList(visits).addCallback(lambda _: None)

    async def check(self, endpoint_id: int) -> VisitReport:
        """Visit an endpoint now, whatever happened before, and send it its list.

        Raises `EndpointProblem`, which is recorded as after any other visit.
        """
        screen = self._screens.setdefault(endpoint_id, _Screen(endpoint_id))
        await self._asked.acquire()
        try:
            return await self._visit(screen, asked=True)
        finally:
            self._asked.release()

    def told(self, endpoint_id: int, key: str) -> bool:
        """Look at an endpoint soon, as it says that it has lost its bookings; return
        False if the key is not its own."""
        feedback = self._feedback
        if feedback is None or not feedback.is_from(endpoint_id, key):
            return False
        if self.running:
            wait = self._told.take(endpoint_id, self._clock.seconds())
            self._want(endpoint_id, wait)
        return True

    # What makes a visit due

    def _room_changed(self, room_email: str) -> None:
        if self.running:
            for id in in_room(self._store, room_email):
                self._want(id, 0.0)

    def _endpoint_changed(self, old: Any, new: Any) -> None:
        if not self.running:
            return
        if new is not None and new.endpoint_type == self._type:
            self._settings_changed([new.id], at_once=True)
        elif old is not None and (new is None or old.endpoint_type == self._type):
            self._forget(old)

    def _group_changed(self, old: Any, new: Any) -> None:
        if self.running:
            self._settings_changed(in_group(self._store, (new or old).id))

    def _profile_changed(self, old: Any, new: Any) -> None:
        if self.running:
            self._settings_changed(in_profile(self._store, (new or old).id))

    def _settings_changed(self, ids: Iterable[int], *, at_once: bool = False) -> None:
        for id in ids:
            screen = self._screens.get(id)
            if screen is not None:
                screen.failures, screen.not_before = 0, 0.0
            self._want(id, 0.0 if at_once else self._chance() * SPREAD)

    def _want(self, id: int, delay: float) -> None:
        """Visit an endpoint in so many seconds at the latest, unless it has to be left
        alone for longer."""
        if not is_of_type(self._store, id, self._type):
            return
        screen = self._screens.setdefault(id, _Screen(id))
        if screen.is_visited:
            screen.is_wanted_again = True
            return
        when = max(self._clock.seconds() + delay, screen.not_before)
        if screen.due is not None:
            if screen.due.getTime() <= when:
                return
            _cancel(screen)
        seconds = max(0.0, when - self._clock.seconds())
        screen.due = self._clock.callLater(seconds, self._begin, screen)

    def _begin(self, screen: _Screen) -> None:
        screen.due = None
        self._follow(self._visit_by_slot(screen))

    def _follow(self, work: Any) -> None:
        visit: Deferred[Any] = Deferred.fromCoroutine(work)
        self._visits.add(visit)
        visit.addBoth(self._ended, visit)

    def _ended(self, result: Any, visit: Deferred[Any]) -> None:
        self._visits.discard(visit)
        if hasattr(result, "check") and not result.check(CancelledError):
            self._log.failure("endpoint visit failed", result)

    def _forget(self, old: Endpoint) -> None:
        screen = self._screens.pop(old.id, _Screen(old.id))
        _cancel(screen)
        self._follow(self._leave(old, screen))
        self._alarms.changed()

    async def _leave(self, old: Endpoint, screen: _Screen) -> None:
        """Take back what was registered with an endpoint, and forget it."""
        state, records = self._states.of(old.id), with_group(self._store, old)
        await self._states.forget(old.id)
        feedback = self._feedback
        if feedback is None or records is None:
            return
        if state is None or not state.feedback_slot:
            return
        await screen.lock.acquire()
        try:
            work = Deferred.fromCoroutine(feedback.take_back(state, records))
            await work.addTimeout(VISIT_TIMEOUT, self._clock, problems.took_too_long)
        except EndpointProblem:
            pass  # nobody can be told any more
        finally:
            screen.lock.release()

    # Visits

    async def _visit_by_slot(self, screen: _Screen) -> None:
        slots = self._failing if screen.failures else self._working
        await slots.acquire()
        try:
            await self._visit(screen, asked=False)
        except EndpointProblem:
            pass  # it is recorded, and tried again
        except StoreFull:
            screen.not_before = self._clock.seconds() + STORE_FULL_RETRY
            self._want(screen.id, 0.0)
        except StoreError:
            pass  # the store stops the process and has logged the reason
        finally:
            slots.release()

    async def _visit(self, screen: _Screen, *, asked: bool) -> VisitReport:
        await screen.lock.acquire()
        _cancel(screen)
        screen.is_visited, screen.is_wanted_again = True, False
        interval = look_interval(len(self._screens))
        next_delay: float | None = interval * jitter(self._chance)
        records = records_of(self._store, screen.id, self._type)
        try:
            if records is None:
                next_delay = None
                raise problems.without_profile()
            report = await self._timed_visit(screen, records, asked)
            screen.failures, screen.not_before = 0, 0.0
            self._report(records, report)
            return report
        except EndpointProblem as problem:
            if records is not None:
                next_delay = await self._failed(screen, records, problem)
            raise
        finally:
            screen.is_visited = False
            screen.lock.release()
            self._go_on(screen, next_delay)

    async def _timed_visit(
        self, screen: _Screen, records: EndpointRecords, asked: bool
    ) -> VisitReport:
        had_problem = self._has_problem(screen.id)
        visit = Deferred.fromCoroutine(self._visit_endpoint(records, asked))
        visit.addTimeout(VISIT_TIMEOUT, self._clock, problems.took_too_long)
        report = await visit
        await self._keep_feedback(records, report)
        if had_problem:
            self._log.info(
                "endpoint works again integration={integration} endpoint={endpoint}",
                integration=records.profile.name,
                endpoint=records.endpoint.name,
            )
            self._alarms.changed()
        return report

    async def _keep_feedback(
        self, records: EndpointRecords, report: VisitReport
    ) -> None:
        if self._feedback is None:
            return
        work = Deferred.fromCoroutine(self._feedback.keep(records, report))
        with suppress(EndpointProblem):  # the list is there, which counts
            await work.addTimeout(VISIT_TIMEOUT, self._clock, problems.took_too_long)

    async def _failed(
        self, screen: _Screen, records: EndpointRecords, problem: EndpointProblem
    ) -> float | None:
        """Record a problem; return the seconds until the next visit."""
        if problem.retry_after is not None:
            # It was told for many at once, and says nothing about this one.
            delay: float | None = delay_as_asked(problem.retry_after, self._chance)
        else:
            screen.failures += 1
            delay = delay_after(
                problem.kind, screen.failures, self._backoff, self._chance
            )
        if delay is not None:
            screen.not_before = self._clock.seconds() + delay
        self._count_visit(records.profile.name, str(problem.kind))
        if await self._states.had_problem(screen.id, problem):
            self._log.warn(
                "endpoint cannot be brought its list integration={integration} "
                "endpoint={endpoint} kind={kind}: {reason}",
                integration=records.profile.name,
                endpoint=records.endpoint.name,
                kind=str(problem.kind),
                reason=problem.message,
            )
            self._alarms.changed()
        return delay

    def _go_on(self, screen: _Screen, delay: float | None) -> None:
        """Have the endpoint visited again, unless it is gone or nothing can change."""
        if not self.running or self._screens.get(screen.id) is not screen:
            return
        if screen.is_wanted_again:
            self._want(screen.id, 0.0)
        elif delay is not None:
            self._want(screen.id, delay)

    def _report(self, records: EndpointRecords, report: VisitReport) -> None:
        sent = report.because is not None
        self._count_visit(records.profile.name, "sent" if sent else "unchanged")
        if sent:
            self._log.info(
                "endpoint was sent its list integration={integration} "
                "endpoint={endpoint} meetings={meetings} way={way} because={because}",
                integration=records.profile.name,
                endpoint=records.endpoint.name,
                meetings=report.meetings,
                way=str(report.way),
                because=str(report.because),
            )

    def _has_problem(self, id: int) -> bool:
        state = self._states.of(id)
        return state is not None and bool(state.problem)


def _cancel(screen: _Screen) -> None:
    if screen.due is not None:
        screen.due.cancel()
        screen.due = None
