"""`pexschedd-check`: arguments, exit status, both ways to run."""

import json
from collections.abc import Awaitable, Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
import requests
from twisted.internet import reactor as _reactor

from pexschedd.config import Config
from pexschedd.control.protocol import (
    CheckOrder,
    Event,
    Finished,
    MigrationOrder,
    Note,
    Order,
    TrialOrder,
)
from pexschedd.doctor.report import (
    CheckFinding,
    DoctorReport,
    failed,
    line,
    overall,
    passed,
)
from pexschedd.doctor.trial.questions import TRIED
from pexschedd.doctor.trial.trial_report import TrialFindings, TrialReport
from pexschedd.errors import StoreError
from pexschedd.tools import check
from pexschedd.tools.exit_status import ExitStatus
from tests import forked
from tests.system.system_support import ALICE, World

reactor: Any = _reactor

CLIENT = "11111111-2222-4333-8444-555555555555"
BAD = failed("Bad.", cause="Because.", remedy="Do.", commands=("Get-It",))


def report(id: int, *findings: CheckFinding) -> DoctorReport:
    lines = tuple(line(f"check{n}", f"Check {n}", f) for n, f in enumerate(findings))
    return DoctorReport(
        exchange_connector_id=id,
        name="Head office",
        status=overall(lines),
        time="2026-11-21 05:00:00 UTC",
        lines=lines,
    )


Fallback = Callable[[Config, Order, Callable[[Event], None], Any], Awaitable[Finished]]


def alone(finished: Finished | StoreError) -> Fallback:
    async def work(
        config: Config, order: Order, show: Callable[[Event], None], reactor: Any
    ) -> Finished:
        assert isinstance(order, CheckOrder | TrialOrder)
        show(Note("working alone"))
        if isinstance(finished, StoreError):
            raise finished
        return finished

    return work


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    endpoints = {"addin": ["tcp:0"], "admin": ["tcp:0"]}
    path.write_text(json.dumps({"state_dir": "state", "endpoints": endpoints}))
    return path


async def run(
    config: Path, finished: Finished | StoreError, *arguments: str
) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    asked = check.arguments(["--config", str(config), *arguments])
    status = await check.run(asked, reactor, out, err, fallback=alone(finished))
    return status, out.getvalue(), err.getvalue()


@pytest_twisted.ensureDeferred
async def test_all_in_order(config: Path) -> None:
    """Status 0; the result alone is on standard output."""
    finished = Finished(reports=(report(1, passed("Good.")), report(2, passed("Yes."))))
    status, out, err = await run(config, finished)
    assert status == 0
    assert "Good." in out
    assert "Integration 2" in out
    assert "working alone" in err
    assert "working alone" not in out


@pytest_twisted.ensureDeferred
async def test_something_failed(config: Path) -> None:
    """Status 1, with cause, remedy and command."""
    finished = Finished(failures=1, reports=(report(1, BAD),))
    status, out, _ = await run(config, finished)
    assert status == 1
    for words in ("FAILED", "Because.", "Do.", "PS>      Get-It"):
        assert words in out


@pytest_twisted.ensureDeferred
async def test_json(config: Path) -> None:
    """`--json` is the API's shape, one report for each integration."""
    finished = Finished(failures=1, reports=(report(1, BAD),))
    status, out, _ = await run(config, finished, "--json")
    assert status == 1
    (found,) = json.loads(out)
    assert found["exchange_connector_id"] == 1
    assert found["lines"][0]["commands"] == ["Get-It"]


@pytest.mark.parametrize(
    "finished",
    [
        StoreError("The state is locked."),
        Finished(refused="There is no integration 3; there are: 1."),
        Finished(failures=1, reasons=("an internal error; see the log",)),
    ],
)
@pytest_twisted.ensureDeferred
async def test_cannot_run(config: Path, finished: Finished | StoreError) -> None:
    """One line says why, and the status whether it was asked for the wrong thing."""
    status, out, err = await run(config, finished)
    refused = isinstance(finished, Finished) and finished.refused
    assert status == (ExitStatus.USAGE if refused else ExitStatus.UNAVAILABLE)
    assert out == ""
    assert len(err.splitlines()) == 2  # with the note above


@pytest_twisted.ensureDeferred
async def test_no_configuration(tmp_path: Path) -> None:
    """A configuration file that cannot be read has a status of its own."""
    status, _, err = await run(tmp_path / "none.json", Finished())
    assert status == ExitStatus.CONFIG
    assert "none.json" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--user", "alice"],
        ["--user", "a@" + "b" * 300],
        ["--exchange-connector-id", "x"],
        ["--exchange-connector", "1"],
        ["--live", "1"],
        ["--live", "x", "--user", "a@example.test"],
        ["--live", "1", "--user", "a@example.test", "--exchange-connector-id", "2"],
        ["--yes"],
    ],
)
def test_wrong_arguments(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong command line is status 2 and says what would be right."""
    with pytest.raises(SystemExit) as ended:
        check.arguments(arguments)
    assert ended.value.code == 2
    assert "usage: pexschedd-check" in capsys.readouterr().err


def trial_report(**more: Any) -> TrialReport:
    findings = TrialFindings()
    for each in TRIED:
        findings.tell(each.name, "Yes.", expected=True)
    fields = {"name": "Head office", "mailbox": "m@example.test", "user": ALICE, **more}
    return TrialReport(
        exchange_connector_id=1, time="now", answers=findings.answers(), **fields
    )


LIVE = ("--live", "1", "--user", ALICE)


@pytest_twisted.ensureDeferred
async def test_a_trial_is_announced(config: Path) -> None:
    """Without --yes it only says what it would do: status 2, and no order."""
    status, out, err = await run(config, Finished(), *LIVE)
    assert (status, out) == (2, "")
    assert f"in the calendar of {ALICE}" in err
    assert "the daemon does not look into this" in err
    assert "Nothing has been done. Add --yes to begin." in err
    assert "working alone" not in err


@pytest_twisted.ensureDeferred
async def test_a_trial(config: Path) -> None:
    """Status 0 if all is answered, 1 otherwise; the report is on standard output."""
    finished = Finished(integrations=1, trial=trial_report())
    status, out, err = await run(config, finished, *LIVE, "--yes")
    assert status == 0
    assert out.startswith(f"Trial of the integration 1: Head office, {ALICE} to m@")
    assert "30 days from now" in err
    finished = Finished(failures=1, trial=trial_report(ended="It was lost."))
    status, out, _ = await run(config, finished, *LIVE, "--yes", "--json")
    assert status == 1
    assert json.loads(out)["ended"] == "It was lost."


@pytest_twisted.ensureDeferred
async def test_a_refused_trial(config: Path) -> None:
    """Status 2 and the reason."""
    finished = Finished(refused="There is no integration 1.")
    status, out, err = await run(config, finished, *LIVE, "--yes")
    assert (status, out) == (2, "")
    assert err.endswith("There is no integration 1.\n")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A sandbox Exchange, a daemon and an integration."""
    with World(tmp_path) as world:
        yield world


def tool(world: World, *arguments: str) -> tuple[int, str, str]:
    return forked.run(
        "pexschedd.tools.check:main",
        ["--config", str(world.config), *arguments],
        cwd=world.folder,
    )


def test_with_and_without_the_daemon(world: World) -> None:
    """The running daemon is asked; when it is down, the tool looks by itself, changes
    nothing, and says that the add-in is not served."""
    world.create_integration()
    status, out, err = tool(world, "--user", ALICE, "--json")
    assert status == 0, out + err
    (found,) = json.loads(out)
    lines = {each["check"]: each for each in found["lines"]}
    assert lines["addin_answers"]["status"] == "passed"
    assert lines["user"]["status"] == "passed"
    assert lines["sign_in"]["status"] == "passed"
    answer = world.ask("POST", "command/v1/ms_exchange_connector/1/check/")
    assert answer.json()["status"] == "passed"

    assert tool(world, "--exchange-connector-id", "9")[0] == 2

    world.daemon.stop()
    state = sorted((world.folder / "state").rglob("*.json*"))
    before = [path.read_bytes() for path in state]
    status, out, err = tool(world)
    assert status == 1, out + err
    assert "not running" in err
    assert "svc@example.test is signed in" in out
    assert "Add-in: connection" in out
    assert "The daemon is not running." in out
    assert [path.read_bytes() for path in state] == before


def test_an_integration_over_graph(world: World) -> None:
    """The tool and the daemon sign in to Graph as the integration's application, with
    its sealed secret; the set-up script is the one for Graph."""
    world.create_integration()
    host = world.exchange.removeprefix("http://")
    application = {"client_id": CLIENT, "tenant": "contoso.test", "secret": "gr4ph"}
    url = f"{world.exchange}/sandbox/graph/applications"
    assert requests.put(url, json=application, timeout=10).ok
    record = "configuration/v1/ms_exchange_connector/1/"
    fields = {
        "mailbox_protocol": "GRAPH",
        "graph_api_domain": host,
        "oauth_client_id": CLIENT,
        "oauth_client_secret": "gr4ph",
        "oauth_token_endpoint": f"{world.exchange}/contoso.test/oauth2/v2.0/token",
    }
    live = ("--live", "1", "--yes", "--user")
    status, out, err = tool(world, *live, ALICE)
    assert status == 2
    assert "mailbox_protocol is EWS" in err
    changed = world.ask("PATCH", record, fields)
    assert changed.ok, changed.text
    status, out, err = tool(world, "--user", ALICE, "--json")
    (found,) = json.loads(out)
    lines = {each["check"]: each for each in found["lines"]}
    for check_ in (
        "sign_in",
        "mailbox",
        "mail_read",
        "mail_write",
        "calendars",
        "user",
    ):
        assert lines[check_]["status"] == "passed", lines[check_]
    assert CLIENT in lines["sign_in"]["message"]
    assert "impersonation" not in lines
    assert status == 0, out + err
    script = world.ask("GET", f"{record}exchange_setup/", format="json").json()
    assert script["for"] == "microsoft365"

    # A trial that ends at once: there is no such user.
    status, out, err = tool(world, *live, "nobody@example.test")
    assert status == 1, out + err
    assert "It ended before its time:" in out
    assert "nobody@example.test" in out
    assert tool(world, "--live", "9", "--yes", "--user", ALICE)[0] == 2
    assert "-AutomateProcessing AutoUpdate" in script["script"]

    world.daemon.stop()
    status, out, err = tool(world)
    assert f"The application {CLIENT} is signed in." in out, out + err


@pytest.mark.parametrize(
    ("given", "order"),
    [
        (["--migrate", "3"], MigrationOrder(exchange_connector_id=3)),
        (
            ["--migrate", "3", "--to", "EWS", "--dry-run"],
            MigrationOrder(exchange_connector_id=3, to="EWS", dry_run=True),
        ),
    ],
)
def test_migration_order(given: list[str], order: MigrationOrder) -> None:
    """`--migrate` is an order of its own, to Graph unless it says otherwise."""
    assert check.arguments(given).order == order


@pytest.mark.parametrize(
    "given",
    [
        ["--migrate"],
        ["--migrate", ""],
        ["--migrate", "0"],
        ["--migrate", "1", "--to", "REST"],
        ["--migrate", "1", "--json"],
        ["--migrate", "1", "--user", ALICE],
        ["--to", "EWS"],
        ["--dry-run"],
    ],
)
def test_wrong_migration(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What does not go together is a wrong command line."""
    with pytest.raises(SystemExit) as ended:
        check.arguments(given)
    assert ended.value.code == 2
    assert capsys.readouterr().err


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("finished", "status", "shown"),
    [
        (
            Finished(integrations=1, counts={"integrations migrated": 1}),
            0,
            "migrated: 1",
        ),
        (Finished(integrations=1, failures=1, reasons=("No role.",)), 1, "No role."),
        (Finished(refused="There is no integration 7."), 2, ""),
    ],
)
async def test_migration_shown(finished: Finished, status: int, shown: str) -> None:
    """Its result is shown like that of the other tools, with a status of its own."""

    async def carry_out(*_: Any) -> Finished:
        return finished

    order = MigrationOrder(exchange_connector_id=7)
    asked = check.CheckArguments(Path("/nowhere/config.json"), order)
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "carry_out", carry_out)
        found = await check.run(asked, reactor, out, err, fallback=carry_out)
    assert found == status
    assert shown in out.getvalue()
    assert err.getvalue().strip() == finished.refused
