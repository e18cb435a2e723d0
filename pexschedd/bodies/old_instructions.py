"""Takes joining instructions out of an invitation that is to get other ones.

The instructions in a body were made by the template, for an alias that is not known any
more; Exchange and the mail programs have rewritten them since. So they are looked for
as a person sees them (`shown_text`), by the template's text for a sample alias: where
that shows the sample's number or tag, any number and any tag may stand. Instructions
that somebody has edited, or that another template made, stay, but for their tag: it
would count for the meeting. All the rest stays as it is, byte for byte. Everything
takes time proportional to the body.
"""

import re
from collections.abc import Iterable, Iterator

from pexschedd.bodies.markup_cuts import Cutting, pieces_of
from pexschedd.bodies.shown_text import ShownText, TextSpan, compact, gaps
from pexschedd.bodies.tags import MAX_BODY, PXPS, QUOTING, make_pxps
from pexschedd.bodies.visible_text import visible_text

SAMPLE_UUID = "5a3b1e00-7c4d-4e2f-9b86-d1f0a2c3e4b5"
SAMPLE_DIGITS = "739465018264"
"""The uuid and the number of the sample alias that a template is tried with."""

_NUMBER = r"[0-9]{5,15}"
_MIN_TEXT = 20
"""Visible characters of instructions that are looked for; fewer may be anybody's
words."""
_MOST_CUTS = 20


def without_instructions(html: str, sample: str) -> tuple[str, bool]:
    """Return a body of HTML without instructions, and whether they were found.

    `sample` is HTML: the template's instructions for the sample alias. Tags are taken
    out in any case.
    """
    head, tail = html[:MAX_BODY], html[MAX_BODY:]
    pieces = pieces_of(head)
    shown = ShownText(head, [(p.start, p.end) for p in pieces if not p.name])
    cuts, found = _cuts(shown.text, compact(visible_text(sample)))
    if cuts:
        head = Cutting(pieces, shown, cuts).result(head, 0, "")
    return head + tail, found


def without_instructions_text(text: str, sample: str) -> tuple[str, bool]:
    """The same for a body of plain text; `sample` is plain text, too."""
    head, tail = text[:MAX_BODY], text[MAX_BODY:]
    quoting = [match.span() for match in QUOTING.finditer(head)]
    shown = ShownText(head, gaps(quoting, len(head)))
    cuts, found = _cuts(shown.text, compact(sample))
    spans = [shown.source(cut) for cut in cuts]
    kept = [head[start:end] for start, end in gaps(spans, len(head))]
    return "".join(kept) + tail, found


def _cuts(shown: str, sample: str) -> tuple[list[TextSpan], bool]:
    """Return the spans of instructions and of lone tags, in order, and whether there
    are instructions among them."""
    form = _form(sample)
    whole = [] if form is None else list(_matches(form, shown))
    tags = (
        tag
        for tag in _matches(PXPS, shown)
        if not any(span.start <= tag.start < span.end for span in whole)
    )
    return sorted([*whole, *tags])[:_MOST_CUTS], bool(whole)


def _matches(form: "re.Pattern[str]", shown: str) -> Iterable[TextSpan]:
    return (TextSpan(*match.span()) for match in form.finditer(shown) if match[0])


def _form(sample: str) -> "re.Pattern[str] | None":
    """Return the pattern of what the template makes for any alias; None if its text is
    too short to be told from others."""
    literal = sample.replace(make_pxps(SAMPLE_UUID), "").replace(SAMPLE_DIGITS, "")
    if len(literal) < _MIN_TEXT:
        return None
    return re.compile("".join(_parts(sample)), re.IGNORECASE)


def _parts(sample: str) -> Iterator[str]:
    """Yield the sample's text, with a pattern for each number and each tag in it."""
    variable = re.compile(f"({re.escape(make_pxps(SAMPLE_UUID))})|{SAMPLE_DIGITS}")
    position = 0
    number = ""
    for match in variable.finditer(sample):
        yield re.escape(sample[position : match.start()])
        if match[1]:
            yield f"(?:{PXPS.pattern})"
        else:
            yield number or f"(?P<number>{_NUMBER})"
            number = "(?P=number)"  # one alias has one number
        position = match.end()
    yield re.escape(sample[position:])
