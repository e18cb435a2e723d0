"""The table: order, dependencies, bounds; and what a person reads."""

from itertools import product
from typing import Any, cast

import msgspec
import pytest_twisted
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.checks import checks_of
from pexschedd.doctor.probe_context import ProbeContext
from pexschedd.doctor.report import (
    CheckFinding,
    CheckStatus,
    DoctorReport,
    ReportLine,
    failed,
    line,
    not_checked,
    overall,
    passed,
    warning,
)
from pexschedd.doctor.running import DEADLINE, DoctorCheck, run
from pexschedd.doctor.text import text
from tests.conftest import REPOSITORY, Failures
from tests.doctor.test_doctor_powershell import METHODS, PLAIN

GOOD = passed("Good.")
BAD = failed("Bad.", cause="Because.", remedy="Do this.", commands=("Get-It",))
ODD = warning("Odd.", cause="Perhaps.", remedy="Or that.")


class FakeContext:
    """Stands for a `ProbeContext`."""

    def __init__(self) -> None:
        self.case = ExaminedIntegration(connector=PLAIN)
        self.seen: dict[str, Any] = {}


def context() -> ProbeContext:
    return cast(ProbeContext, FakeContext())


def check(
    name: str, finding: CheckFinding, *after: str, probe: Any = None
) -> DoctorCheck:
    async def look(_: object) -> str:
        return name

    return DoctorCheck(name, name.title(), probe or look, lambda _c, _s: finding, after)


async def lines_of(
    *checks: DoctorCheck, clock: Clock | None = None
) -> list[ReportLine]:
    return list(await run(checks, context(), clock or Clock()))


@pytest_twisted.ensureDeferred
async def test_dependencies() -> None:
    """A failure, and what was not checked because of it, keep others from being made;
    a warning does not."""
    lines = await lines_of(
        check("a", BAD),
        check("b", GOOD, "a"),
        check("c", GOOD, "b"),
        check("d", ODD),
        check("e", GOOD, "d"),
    )
    assert [each.status for each in lines] == [
        CheckStatus.FAILED,
        CheckStatus.NOT_CHECKED,
        CheckStatus.NOT_CHECKED,
        CheckStatus.WARNING,
        CheckStatus.PASSED,
    ]
    assert lines[1].message == '"A" has to be in order first.'
    assert lines[2].message == '"B" has to be in order first.'


@pytest_twisted.ensureDeferred
async def test_at_once() -> None:
    """What does not depend on each other runs at the same time."""
    waiting: list[Deferred[None]] = []

    async def look(_: object) -> None:
        waiting.append(Deferred())
        await waiting[-1]

    result = Deferred.fromCoroutine(
        lines_of(
            check("a", GOOD, probe=look),
            check("b", GOOD, probe=look),
            check("c", GOOD, "a", "b", probe=look),
        )
    )
    assert len(waiting) == 2
    waiting[0].callback(None)
    assert len(waiting) == 2
    waiting[1].callback(None)
    assert len(waiting) == 3
    waiting[2].callback(None)
    assert [each.status for each in await result] == [CheckStatus.PASSED] * 3


@pytest_twisted.ensureDeferred
async def test_bounded() -> None:
    """After the deadline, what hangs is given up and what waits for it says why."""
    clock = Clock()

    async def hang(_: object) -> None:
        await Deferred()

    result = Deferred.fromCoroutine(
        lines_of(
            check("a", GOOD),
            check("b", GOOD, probe=hang),
            check("c", GOOD, "b"),
            clock=clock,
        )
    )
    clock.advance(DEADLINE)
    lines = await result
    assert [each.status for each in lines] == [
        CheckStatus.PASSED,
        CheckStatus.NOT_CHECKED,
        CheckStatus.NOT_CHECKED,
    ]
    assert "no time left" in lines[1].message
    assert clock.getDelayedCalls() == []


@pytest_twisted.ensureDeferred
async def test_a_broken_check(logged_failures: Failures) -> None:
    """An error of ours in one check is logged, and hides no other one."""

    async def broken(_: object) -> None:
        raise RuntimeError("oops")

    lines = await lines_of(check("a", GOOD, probe=broken), check("b", GOOD))
    assert [each.status for each in lines] == [
        CheckStatus.NOT_CHECKED,
        CheckStatus.PASSED,
    ]
    assert "oops" not in lines[0].message
    assert "oops" in logged_failures.pop()


def test_the_table_can_be_run() -> None:
    """For every kind of integration, each check comes after those that it needs, and
    names are used once."""
    for method, protocol in product(METHODS, ("EWS", "GRAPH")):
        for proxy in ("", "http://proxy.example.test:3128"):
            for addin in ("EXCHANGE_USER_ID_TOKEN", "SSO_TOKEN", "NAA_TOKEN"):
                connector = msgspec.structs.replace(
                    PLAIN,
                    authentication_method=method,
                    mailbox_protocol=protocol,
                    addin_authentication_method=addin,
                    addin_oidc_metadata_url="https://login.example.test/x",
                )
                domains = ("mail1.example.test", "mail2.example.test")
                before: set[str] = set()
                for each in checks_of(
                    ExaminedIntegration(
                        connector=connector, proxy=proxy, domains=domains
                    )
                ):
                    assert set(each.after) <= before, each.name
                    assert each.name not in before
                    before.add(each.name)


def test_the_documentation_has_every_check() -> None:
    """Each check has its row, with what it needs; over Graph, too."""
    document = (REPOSITORY / "docs" / "doctor.md").read_text()
    over_ews, heading, over_graph = document.partition("### Over Microsoft Graph")
    assert heading
    oauth = msgspec.structs.replace(
        PLAIN,
        authentication_method="OAUTH",
        addin_authentication_method="NAA_TOKEN",
        addin_oidc_metadata_url="https://login.example.test/x",
    )
    checks = {
        each.name: set(each.after)
        for each in (
            *checks_of(ExaminedIntegration(connector=PLAIN, domains=("<domain>",))),
            *checks_of(ExaminedIntegration(connector=oauth)),
        )
    }
    rows = _documented(over_ews)
    assert {name: rows[name] for name in checks} == checks
    graph = msgspec.structs.replace(PLAIN, mailbox_protocol="GRAPH")
    rows |= _documented(over_graph)
    checks = {
        each.name: set(each.after)
        for each in checks_of(
            ExaminedIntegration(connector=graph, domains=("<domain>",))
        )
    }
    assert {name: rows[name] for name in checks} == checks


def _documented(section: str) -> dict[str, set[str]]:
    rows = {}
    for row in section.splitlines():
        if row.startswith("| `") and row.count("|") == 4:
            name, _, needs = (cell.strip() for cell in row.strip("|").split("|"))
            rows[name.strip("`")] = set(needs.replace("`", "").split(", ")) - {""}
    return rows


def test_overall() -> None:
    """The worst line counts; what was not checked does not."""
    lines = [line("x", "X", each) for each in (GOOD, not_checked("No."), ODD, BAD)]
    assert overall(lines) is CheckStatus.FAILED
    assert overall(lines[:3]) is CheckStatus.WARNING
    assert overall(lines[:2]) is CheckStatus.PASSED


def report(*findings: CheckFinding) -> DoctorReport:
    lines = tuple(line(f"check{n}", f"Check {n}", f) for n, f in enumerate(findings))
    return DoctorReport(
        exchange_connector_id=3,
        name="Head \x1b[31moffice",
        status=overall(lines),
        time="2026-11-21 05:00:00 UTC",
        lines=lines,
    )


def test_for_a_person() -> None:
    """One aligned line each, cause and remedy below, commands in one piece, and
    nothing that a terminal obeys."""
    long = failed(
        "Bad.\x07",
        cause="word " * 40,
        remedy="Do this.",
        commands=("Set-Something " + "-Option value " * 20,),
        details=("seen",),
    )
    shown = text(report(GOOD, long, not_checked("No."))).split("\n")
    assert "\x1b" not in "".join(shown)
    assert "\x07" not in "".join(shown)
    assert shown[0] == ("Integration 3: Head  [31moffice   (2026-11-21 05:00:00 UTC)")
    assert shown[1] == "  ok           Check 0  Good."
    assert shown[2].startswith("  FAILED       Check 1  Bad.")
    assert shown[3] == " " * 15 + "seen"
    assert shown[4].startswith(" " * 15 + "Cause:   word")
    assert all(len(each) <= 100 for each in shown if "PS>" not in each)
    (command,) = [each for each in shown if "PS>" in each]
    assert command.count("-Option value") == 20
    assert shown[-2] == "1 ok, 1 failed, 1 not checked"
