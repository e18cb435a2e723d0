"""The report of a trial, and the table of questions."""

from pathlib import Path

import pytest

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
