"""The display of a run: a progress bar on a terminal, plain lines elsewhere."""

import shutil
from typing import TextIO

from pexschedd.control.protocol import Event, Finished, Note, Progress

_BAR = 30


class Screen:
    """Shows the events of a run on `out`."""

    def __init__(self, out: TextIO, *, terminal: bool) -> None:
        self._out = out
        self._terminal = terminal
        self._what = ""
        self._bar = False

    def show(self, event: Event) -> None:
        """Show progress or a note; `Finished` is for `summary`."""
        match event:
            case Progress():
                self._progress(event)
            case Note(text):
                self._line(text)
            case Finished():
                pass

    def end(self) -> None:
        """Leave the cursor on an empty line."""
        if self._bar:
            self._out.write("\r\x1b[K")
            self._bar = False
        self._out.flush()

    def _progress(self, event: Progress) -> None:
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._out.write("\r\x1b[K" + bar(event)[:width])
            self._bar = True
            self._out.flush()
        elif event.what != self._what or event.done == event.total:
            total = "" if event.total is None else f" of {event.total}"
            self._line(f"{event.what}: {event.done}{total}")
        self._what = event.what

    def _line(self, text: str) -> None:
        self.end()
        self._out.write(_harmless(text) + "\n")
        self._out.flush()


def bar(event: Progress) -> str:
    """Draw a progress bar: `deleted  [##########--------------------]  33% 10/30`."""
    what = _harmless(event.what)
    if not event.total:
        return f"{what}: {event.done}"
    share = min(event.done / event.total, 1.0)
    full = int(share * _BAR)
    drawn = "#" * full + "-" * (_BAR - full)
    return f"{what} [{drawn}] {share:4.0%} {event.done}/{event.total}"


def summary(finished: Finished, *, dry_run: bool) -> str:
    """Return the last lines of a run."""
    lines = []
    if dry_run:
        lines.append("Dry run: nothing was changed. This would have been done:")
    plural = "" if finished.integrations == 1 else "s"
    lines.append(f"{finished.integrations} integration{plural} processed")
    lines += [f"  {what}: {count}" for what, count in finished.counts.items()]
    if finished.failures:
        lines.append(f"  failed: {finished.failures}")
        lines += [f"    {reason}" for reason in finished.reasons]
        if len(finished.reasons) < finished.failures:
            lines.append("    and more, which are not listed")
    elif not finished.counts:
        lines.append("  there was nothing to do")
    return "\n".join(_harmless(line) for line in lines) + "\n"


def _harmless(text: str) -> str:
    """Replace control characters, which names and reasons may contain."""
    return "".join(c if c.isprintable() else " " for c in text)
