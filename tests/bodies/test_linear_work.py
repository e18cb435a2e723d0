"""Hostile bodies cost work in proportion to their length: counted, not timed."""

import re
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pexschedd.bodies import (
    markup_cuts,
    old_instructions,
    plain_text,
    rewrite,
    shown_text,
    tags,
    visible_text,
)
from pexschedd.ews import envelope
from pexschedd.ews.streaming import envelope_splitter
from tests.bodies.regex_steps import StepCounter
from tests.thorough import examples

MODULES = (
    markup_cuts,
    old_instructions,
    plain_text,
    rewrite,
    shown_text,
    tags,
    visible_text,
    envelope,
    envelope_splitter,
)
WORDS = [
    *("<", "<a", "<!--", "-->", ">", "<p>", "</p>", "=", "'", '"', "='", "<script>"),
    *("</script>", "<title>", "</titl", "&", "&#", "&#1", "&#35;", "&a", "&amp;", ";"),
    *("TOK:-", "TOK", "PXPS:-", "PXPS", "%", "%25", "25", "3a", "%2d", "-", ":", "#"),
    *("a", "0", ".", ".a", "a.", "href", "href=", "1234", "\n", ">", "|", "\t", " "),
    *("\xa0", "\u200b", "\u2010", "?", "<?", "?>", "Envelope", "</", "</s:", "  "),
    *("Envelope>", "x:", "12345678-1234-1234-1234-123456789012"),
]
"""Pieces that the expressions begin, go on or end with."""


def expressions(module: ModuleType) -> list[tuple[str, re.Pattern[Any]]]:
    """A module's own compiled expressions."""
    found = []
    for name, value in vars(module).items():
        values = value.values() if isinstance(value, dict) else [value]
        found += [(name, v) for v in values if isinstance(v, re.Pattern)]
    return found


EXPRESSIONS = {
    f"{module.__name__.rpartition('.')[2]}.{name}.{number}": pattern
    for module in MODULES
    for number, (name, pattern) in enumerate(expressions(module))
    # The one is tried at the beginning only, the other on 200 bytes.
    if name not in ("_PROLOGUE", "_CLOSED")
}


def counter(pattern: re.Pattern[Any], text: str) -> StepCounter:
    source = pattern.pattern
    if isinstance(source, bytes):
        source = source.decode("latin-1")
    return StepCounter(source, pattern.flags & ~re.UNICODE, text)


def steps(pattern: re.Pattern[Any], text: str) -> int:
    counted = counter(pattern, text)
    counted.run()
    return counted.steps


def repeated(first: str, pump: str, last: str, times: int) -> str:
    return first + pump * times + last


texts = st.lists(st.sampled_from(WORDS), max_size=4).map("".join)
pumps = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map("".join)


WORST = [("<a =", " ", "x"), ("TOK:-", "a.", ""), ("PXPS%", "25", ""), ("", "&a", "")]
"""Texts that every expression is tried with."""


def is_linear(pattern: re.Pattern[Any], first: str, pump: str, last: str) -> bool:
    short, long = (steps(pattern, repeated(first, pump, last, n)) for n in (20, 40))
    return long <= 2.6 * short + 100


@settings(max_examples=examples(150), deadline=None)
@given(name=st.sampled_from(sorted(EXPRESSIONS)), first=texts, pump=pumps, last=texts)
def test_expressions_take_linear_steps(
    name: str, first: str, pump: str, last: str
) -> None:
    """A text that is twice as long takes about twice the steps, not four times."""
    assert is_linear(EXPRESSIONS[name], first, pump, last)


def test_expressions_take_linear_steps_where_it_matters() -> None:
    """Each expression, with the texts that are most like what it looks for."""
    for name, pattern in EXPRESSIONS.items():
        for text in WORST:
            assert is_linear(pattern, *text), name


def test_a_quadratic_expression_is_noticed() -> None:
    """The count finds what takes four times the steps for twice the length."""
    pattern = re.compile(r"\s+$")
    short, long = (steps(pattern, " " * n + "x") for n in (20, 40))
    assert long > 3.5 * short


@settings(max_examples=30, deadline=None)
@given(text=st.lists(st.sampled_from(WORDS), max_size=12).map("".join))
def test_the_count_is_of_the_same_matches(text: str) -> None:
    """The counting engine finds exactly what Python's engine finds."""
    for pattern in EXPRESSIONS.values():
        if isinstance(pattern.pattern, str):
            expected = [match.span() for match in pattern.finditer(text)]
            assert counter(pattern, text).run() == expected, pattern.pattern


def lines_run(work: Callable[[], object]) -> int:
    """The lines of Python that are executed, comprehensions' turns included."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@settings(max_examples=30, deadline=None)
@given(first=texts, pump=pumps, last=texts)
@example(first="", pump="<p>", last="")
@example(first="<p>" * 50, pump="</p>", last="")
def test_functions_take_linear_steps(first: str, pump: str, last: str) -> None:
    """Finding and rewriting run lines of code in proportion to the body."""
    first = f"TOK:-aa.bb.cc#{first}"

    def work(times: int) -> int:
        body = repeated(first, pump, last, times)
        return lines_run(
            lambda: (
                tags.find(body, body),
                plain_text.plain_text(body),
                rewrite.replace_token(body, "aa.bb.cc", "<p>Later</p>", "<p>Now</p>"),
                rewrite.replace_token_text(body, "aa.bb.cc", "Later", "Now"),
            )
        )

    work(10)  # what is cached is cached now
    assert work(80) <= 2.5 * work(40) + 500
