"""What administrators and scripts see of a run."""

from io import StringIO

from pexschedd.control.protocol import Finished, Note, Progress
from pexschedd.tools.screen import Screen, bar, summary


def test_a_file_gets_plain_lines() -> None:
    """One line for each stage and each end, no matter how often progress is said."""
    out = StringIO()
    screen = Screen(out, terminal=False)
    screen.show(Note("Integration 1: Head\x1b[2J office"))
    for done in range(1, 101):
        screen.show(Progress("deleted", done, 100))
    screen.end()
    assert out.getvalue().splitlines() == [
        "Integration 1: Head [2J office",
        "deleted: 1 of 100",
        "deleted: 100 of 100",
    ]


def test_a_terminal_gets_a_bar() -> None:
    """It stays on its line and is gone when something else is said."""
    out = StringIO()
    screen = Screen(out, terminal=True)
    screen.show(Progress("deleted", 1, 4))
    screen.show(Note("hello"))
    assert out.getvalue() == f"\r\x1b[K{bar(Progress('deleted', 1, 4))}\r\x1b[Khello\n"
    assert bar(Progress("deleted", 1, 4)).endswith("]  25% 1/4")
    assert bar(Progress("reading", 7)) == "reading: 7"


def test_the_summary_counts_everything() -> None:
    """What was done, what failed and why; a dry run says that it was one."""
    finished = Finished(
        integrations=2, counts={"deleted": 3}, failures=2, reasons=("a reason",)
    )
    assert summary(finished, dry_run=False).splitlines() == [
        "2 integrations processed",
        "  deleted: 3",
        "  failed: 2",
        "    a reason",
        "    and more, which are not listed",
    ]
    nothing = summary(Finished(integrations=1), dry_run=True)
    assert nothing.startswith("Dry run: nothing was changed")
    assert "there was nothing to do" in nothing
