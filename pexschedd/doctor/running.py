"""Runs the table: whatever does not depend on each other at once, all of it bounded."""

from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.doctor.checks import DoctorCheck
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.doctor.report import (
    CheckFinding,
    CheckStatus,
    ReportLine,
    line,
    not_checked,
)

DEADLINE = 55.0
"""Seconds for a whole examination."""

_log = Logger()


async def run(
    checks: Iterable[DoctorCheck], bench: ProbeContext, clock: IReactorTime
) -> tuple[ReportLine, ...]:
    """A line for each check, in the order of the table. Raises nothing."""
    run = _Run(list(checks), bench)
    timer = clock.callLater(DEADLINE, run.give_up)
    try:
        await run.finished()
    finally:
        if timer.active():
            timer.cancel()
    return run.lines()


class _Run:
    def __init__(self, checks: list[DoctorCheck], bench: ProbeContext) -> None:
        self._checks = checks
        self._bench = bench
        self._found: dict[str, CheckFinding] = {}
        self._under_way: dict[str, Deferred[None]] = {}
        self._late = False
        self._finished: Deferred[None] = Deferred()

    def finished(self) -> "Deferred[None]":
        self._go_on()
        return self._finished

    def lines(self) -> tuple[ReportLine, ...]:
        return tuple(
            line(each.name, each.title, self._found[each.name]) for each in self._checks
        )

    def give_up(self) -> None:
        self._late = True
        for looking in list(self._under_way.values()):
            looking.cancel()
        self._go_on()

    def _go_on(self) -> None:
        """Begins what can begin, and settles what cannot be looked at any more."""
        for check in self._checks:
            name = check.name
            if name in self._found or name in self._under_way:
                continue
            if not all(each in self._found for each in check.after):
                continue
            missing = self._missing(check)
            if missing is not None:
                self._found[name] = not_checked(
                    f'"{missing.title}" has to be in order first.'
                )
            elif self._late:
                self._found[name] = not_checked("There was no time left for this.")
            else:
                looking = Deferred.fromCoroutine(self._look(check))
                if name not in self._found:
                    self._under_way[name] = looking
        if len(self._found) == len(self._checks) and not self._finished.called:
            self._finished.callback(None)

    def _missing(self, check: DoctorCheck) -> DoctorCheck | None:
        """What this one needs and has not got."""
        ready = (CheckStatus.PASSED, CheckStatus.WARNING)
        return next(
            (
                each
                for each in self._checks
                if each.name in check.after
                and self._found[each.name].status not in ready
            ),
            None,
        )

    async def _look(self, check: DoctorCheck) -> None:
        name = check.name
        try:
            seen = await check.probe(self._bench)
            self._bench.seen[name] = seen
            finding = check.diagnose(self._bench.case, seen)
        except Exception:  # noqa: BLE001 - one check must not hide the others
            if self._late:
                finding = not_checked("There was no time left for this.")
            else:
                _log.failure("the check {name} broke down", name=name)
                finding = not_checked("An internal error; the log has the details.")
        self._found[name] = finding
        if self._under_way.pop(name, None) is not None:
            self._go_on()
