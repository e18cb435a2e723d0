"""The report of a trial, and the table of questions."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pexschedd.doctor.trial import changing, occurrence_and_mail
from pexschedd.doctor.trial.questions import QUESTIONS, TRIED, rendered
from pexschedd.doctor.trial.trial_report import (
    TrialFindings,
    TrialReport,
    TrialStatus,
    trial_text,
)

ROOT = Path(__file__).resolve().parents[3]


def report(findings: TrialFindings, **more: object) -> TrialReport:
    fields = {
        "exchange_connector_id": 1,
        "name": "Head office",
        "mailbox": "m@example.test",
        "user": "u@example.test",
        "time": "2026-12-01 09:00:00 UTC",
        "answers": findings.answers(),
        **more,
    }
    return TrialReport(**fields)  # type: ignore[arg-type]


def test_every_question_has_an_answer() -> None:
    """What was not come to is open; the first answer counts."""
    findings = TrialFindings()
    findings.tell("lookup", "Yes.", expected=True)
    findings.leave_open("lookup", "no")
    found = {each.question: each for each in findings.answers()}
    assert list(found) == [each.name for each in TRIED]
    assert found["lookup"].status is TrialStatus.EXPECTED
    assert found["hidden"].status is TrialStatus.OPEN


def test_unknown_questions_are_a_fault() -> None:
    """A name that is none is not lost silently."""
    for method in (TrialFindings().leave_open, TrialFindings().tell):
        with pytest.raises(KeyError):
            method("no_question", "x")


@pytest.mark.parametrize(
    ("written", "told", "status"),
    [
        ({"isDraft": False}, True, TrialStatus.EXPECTED),
        ({"isDraft": True}, False, TrialStatus.EXPECTED),
        ({"isDraft": False}, False, TrialStatus.DIFFERENT),
        ({"isDraft": True}, True, TrialStatus.DIFFERENT),
        ({"isDraft": None}, True, TrialStatus.DIFFERENT),
        ({"isDraft": "no"}, False, TrialStatus.DIFFERENT),
        ({}, False, TrialStatus.DIFFERENT),
    ],
)
def test_drafts(written: dict[str, Any], told: bool, status: TrialStatus) -> None:
    """isDraft is believed if it says the opposite of whether the change was mailed."""
    scene = SimpleNamespace(findings=TrialFindings())
    changing._tell_draft(cast(Any, scene), written, told=told)
    (found,) = [e for e in scene.findings.answers() if e.question == "draft"]
    assert found.status is status


CLEAN = "040000008200E00074C5B7101A82E00800000000" + "00" * 16 + "10000000" + "AB" * 16
DATED = CLEAN[:32] + "07EA0C15" + CLEAN[40:]


@pytest.mark.parametrize(
    ("uid", "status", "words"),
    [
        (CLEAN, TrialStatus.EXPECTED, "It is the series' own, without a date."),
        (
            DATED,
            TrialStatus.EXPECTED,
            "It is another than the series', with the date 2026-12-21.",
        ),
        (
            DATED.replace("AB", "CD"),
            TrialStatus.DIFFERENT,
            None,
        ),
        ("", TrialStatus.DIFFERENT, None),
        ("no hexadecimal", TrialStatus.DIFFERENT, None),
    ],
)
def test_uids_of_occurrences(uid: str, status: TrialStatus, words: str | None) -> None:
    """An occurrence's id is as expected if it is the series' without its date."""
    scene = SimpleNamespace(findings=TrialFindings())
    occurrence_and_mail._tell_uid(cast(Any, scene), uid, CLEAN)
    (found,) = [e for e in scene.findings.answers() if e.question == "orphan_uid"]
    assert found.status is status
    assert words in (None, found.answer)


def test_completeness() -> None:
    """A report is complete if all is answered and all is removed."""
    findings = TrialFindings()
    for each in TRIED:
        findings.tell(each.name, "Yes.")
    assert report(findings).is_complete
    assert not report(findings, ended="lost").is_complete
    assert not report(findings, left_behind=("a meeting",)).is_complete
    assert not report(TrialFindings()).is_complete


def test_text() -> None:
    """Beside a different answer stands what the daemon does; what a terminal would obey
    is taken out."""
    findings = TrialFindings()
    findings.tell("body_change", "No.\x1b[2J", expected=False)
    text = trial_text(report(findings, ended="lost", left_behind=("a meeting",)))
    assert "different" in text
    assert "The daemon: The attendees are sent along unchanged, once." in text
    assert "\x1b" not in text
    assert "It ended before its time: lost" in text
    assert "Left behind, to be deleted by hand:\n  a meeting" in text
    assert max(map(len, text.splitlines())) <= 110


def test_the_table_is_in_the_docs() -> None:
    """docs/microsoft-365.md has the table as the code has it."""
    assert rendered() in (ROOT / "docs" / "microsoft-365.md").read_text()


def test_modules_are_there() -> None:
    """Each question names a module that there is."""
    for each in QUESTIONS:
        assert (ROOT / "pexschedd" / each.module).is_file(), each.module
