"""Runs the checks: independent ones at the same time, all within a deadline."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.check_fields import fields_of_check
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.doctor.probes import Probe
from pexschedd.doctor.report import (
    CheckFinding,
    CheckStatus,
    ReportLine,
    line,
    not_checked,
)

DEADLINE = 55.0
"""Seconds for a whole examination."""

Diagnose = Callable[[ExaminedIntegration, Any], CheckFinding]
"""A pure judgement of what a check's probe observed."""

_log = Logger()


class DoctorCheck(msgspec.Struct, frozen=True):
    """One row of the table."""

    name: str
    """The API's stable word for it; see `ReportLine.check`."""
    title: str
    """Its name for people."""
    probe: Probe
    diagnose: Diagnose
    after: tuple[str, ...] = ()
    """Names of the checks that must pass, or give a warning, before this one."""


async def run(
    checks: Iterable[DoctorCheck], context: ProbeContext, clock: IReactorTime
) -> tuple[ReportLine, ...]:
    """Run the checks and return a line for each, in the table's order.

    A check that raises an exception is reported as not checked.
    """
    run = _Run(list(checks), context)
    timer = clock.callLater(DEADLINE, run.stop)
    try:
        await run.finished()
    finally:
        if timer.active():
            timer.cancel()
    return run.lines()


class _Run:
    def __init__(self, checks: list[DoctorCheck], context: ProbeContext) -> None:
        self._checks = checks
        self._context = context
        self._found: dict[str, CheckFinding] = {}
        self._under_way: dict[str, Deferred[None]] = {}
        self._stopped = False
        self._finished: Deferred[None] = Deferred()

    def finished(self) -> "Deferred[None]":
        self._advance()
        return self._finished

    def lines(self) -> tuple[ReportLine, ...]:
        return tuple(
            line(
                each.name,
                each.title,
                self._found[each.name],
                fields_of_check(each.name, self._context.case.connector),
            )
            for each in self._checks
        )

    def stop(self) -> None:
        self._stopped = True
        for check in list(self._under_way.values()):
            check.cancel()
        self._advance()

    def _advance(self) -> None:
        """Start every check that can start, and settle those that cannot be made."""
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
            elif self._stopped:
                self._found[name] = _no_time_left()
            else:
                under_way = Deferred.fromCoroutine(self._make(check))
                if name not in self._found:
                    self._under_way[name] = under_way
        if len(self._found) == len(self._checks) and not self._finished.called:
            self._finished.callback(None)

    def _missing(self, check: DoctorCheck) -> DoctorCheck | None:
        """Return a check that this one needs and that did not pass."""
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

    async def _make(self, check: DoctorCheck) -> None:
        name = check.name
        try:
            seen = await check.probe(self._context)
            self._context.seen[name] = seen
            finding = check.diagnose(self._context.case, seen)
        except Exception:  # noqa: BLE001 - one check must not hide the others
            if self._stopped:
                finding = _no_time_left()
            else:
                _log.failure(
                    "doctor check failed check={check} integration={integration}",
                    check=name,
                    integration=self._context.case.connector.id,
                )
                finding = not_checked("An internal error; the log has the details.")
        self._found[name] = finding
        if self._under_way.pop(name, None) is not None:
            self._advance()


def _no_time_left() -> CheckFinding:
    return not_checked("There was no time left for this check.")
