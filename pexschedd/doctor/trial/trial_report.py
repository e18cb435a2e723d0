"""The report of a trial: what was found out, and what is left behind. Pure."""

import textwrap
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from pexschedd.doctor.text import WIDTH, harmless
from pexschedd.doctor.trial.questions import BY_NAME, TRIED


class TrialStatus(StrEnum):
    """An answer, compared with what the daemon's authors expect."""

    EXPECTED = "expected"
    DIFFERENT = "different"
    TOLD = "told"
    """There was no expectation."""
    OPEN = "open"
    """It was not found out."""


class TrialAnswer(msgspec.Struct, frozen=True):
    """The result of a trial for one question."""

    question: str
    """The name of a `TrialQuestion`."""
    status: TrialStatus
    answer: str


class TrialReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results of one trial."""

    exchange_connector_id: int
    name: str
    mailbox: str
    user: str
    time: str
    answers: tuple[TrialAnswer, ...]
    ended: str = ""
    """The reason why the trial ended before its time; empty if it did not."""
    left_behind: tuple[str, ...] = ()
    """Everything that could not be removed, in words."""

    @property
    def is_complete(self) -> bool:
        """True if nothing is open and nothing is left behind."""
        statuses = {each.status for each in self.answers}
        return not (self.ended or self.left_behind) and TrialStatus.OPEN not in statuses


class TrialFindings:
    """Collects what a trial finds out; the first answer to a question counts."""

    def __init__(self) -> None:
        self._answers: dict[str, TrialAnswer] = {}

    def tell(self, question: str, answer: str, *, expected: bool | None = None) -> None:
        """Answer a question; `expected` says whether the answer is as expected, None
        that nothing was."""
        if question not in BY_NAME:
            raise KeyError(question)
        status = TrialStatus.TOLD
        if expected is not None:
            status = TrialStatus.EXPECTED if expected else TrialStatus.DIFFERENT
        self._answers.setdefault(question, TrialAnswer(question, status, answer))

    def leave_open(self, question: str, reason: str) -> None:
        """Say why a question stays open, unless it is answered."""
        if question not in BY_NAME:
            raise KeyError(question)
        self._answers.setdefault(
            question, TrialAnswer(question, TrialStatus.OPEN, reason)
        )

    def answers(self) -> tuple[TrialAnswer, ...]:
        """Return an answer for each question of a trial, in the table's order."""
        for each in TRIED:
            self.leave_open(each.name, "The trial did not come so far.")
        return tuple(self._answers[each.name] for each in TRIED)


def time_text(moment: datetime) -> str:
    """Return a time as reports have it."""
    return f"{moment:%Y-%m-%d %H:%M:%S UTC}"


_WORDS = {
    TrialStatus.EXPECTED: "as expected",
    TrialStatus.DIFFERENT: "different",
    TrialStatus.TOLD: "answer",
    TrialStatus.OPEN: "open",
}
_INDENT = " " * 15


def trial_text(report: TrialReport) -> str:
    """Return a report as lines of text for a terminal."""
    return "".join(harmless(line) + "\n" for line in _lines(report))


def _lines(report: TrialReport) -> Iterator[str]:
    yield (
        f"Trial of the integration {report.exchange_connector_id}: {report.name}, "
        f"{report.user} to {report.mailbox}   ({report.time})"
    )
    for each in report.answers:
        question = BY_NAME[each.question]
        yield from _wrapped(
            f"{each.question}: {question.text}", f"  {_WORDS[each.status]:<13}"
        )
        yield from _wrapped(each.answer, _INDENT)
        if each.status is TrialStatus.DIFFERENT:
            yield from _wrapped(f"The daemon: {question.default}", _INDENT)
    if report.ended:
        yield ""
        yield from _wrapped(f"It ended before its time: {report.ended}", "")
    if report.left_behind:
        yield ""
        yield "Left behind, to be deleted by hand:"
        for left in report.left_behind:
            yield from _wrapped(left, "  ")


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=_INDENT if first else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
