"""Every row of Graph's table of errors, over a real socket: the client meets it and
does what the table says."""

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import MailboxBusy, MailboxError
from pexschedd.exchange import error_policy as common
from pexschedd.exchange.error_policy import (
    RequestNotUnderstood,
    Retry,
)
from pexschedd.exchange.response_codes import KNOWN
from pexschedd.exchange.throttle import FIRST
from pexschedd.graph import error_policy
from pexschedd.graph.error_policy import (
    CODES,
    STATUSES,
    is_gone,
    is_of_one,
    metric_code,
    rule_of,
)
from pexschedd.graph.problems import (
    MAX_BODY,
    NO_RESULT,
    UNREADABLE,
    GraphProblem,
    problem_of,
)
from tests.graph.msgraph_support import GraphWorld
from tests.graph.test_msgraph_client import inbox, named

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"
SAID = sorted(set(CODES) - {NO_RESULT, UNREADABLE})
"""The codes that a server says."""


def test_the_document_has_the_tables() -> None:
    """docs/faults.md says what the code does."""
    assert error_policy.rendered() in DOCUMENT.read_text()


async def meets(world: GraphWorld, kind: str, row: common.PolicyRule) -> None:
    """Read with this fault, and check the reaction."""
    client = world.client()
    world.misbehave(kind=kind, times=None)
    error: type[MailboxError] | None = None
    problem: object = None
    try:
        problem = await client.read(inbox(), named)
    except MailboxError as raised:
        error = type(raised)
    if row.error is RequestNotUnderstood:
        assert isinstance(problem, GraphProblem)
        assert is_gone(problem) == (row.of_one is Retry.SKIP)
    else:
        assert error is row.error
    assert client.back_off_seconds == (FIRST if error is MailboxBusy else 0)
    world.behave()
    world.clock.advance(FIRST)
    assert await client.read(inbox(), named) == "Inbox"


@pytest.mark.parametrize("code", SAID)
@pytest_twisted.ensureDeferred
async def test_codes(graph_world: GraphWorld, code: str) -> None:
    """Each code of the table."""
    kind = code if code.startswith("Error") else f"graph-{code}"
    await meets(graph_world, kind, CODES[code])


@pytest.mark.parametrize("status", sorted(set(STATUSES) & set(HTTPStatus)))
@pytest_twisted.ensureDeferred
async def test_statuses(graph_world: GraphWorld, status: int) -> None:
    """Each status, of an answer without a body."""
    row = STATUSES[status]
    if status == 429:  # the sandbox says why, as Graph does
        row = CODES["ApplicationThrottled"]
    await meets(graph_world, f"http-{status}", row)


def test_codes_of_ews_have_their_rows() -> None:
    """What EWS calls so means the same here, in any case of letters."""
    for code in KNOWN - set(CODES) - {"NoError"}:
        assert rule_of(GraphProblem(400, code)) is common.rule(code)
        assert rule_of(GraphProblem(500, code.upper())) is common.rule(code)


@pytest.mark.parametrize("code", SAID)
def test_case_does_not_matter(code: str) -> None:
    """`itemNotFound` and `ItemNotFound` are one code."""
    assert rule_of(GraphProblem(400, code.swapcase())) is CODES[code]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error":{"code":"A","message":"m"}}', "A", "m"),
        (b'{"error":{"code":"A","message":"m","innerError":{"code":"B"}}}', "B", "m"),
        (b'{"error":{"code":"A","innererror":{"code":"B"}}}', "B", ""),
        (b'{"error":{"code":null,"message":null}}', "", ""),
        (b'{"error":{"code":7,"message":["x"]}}', "", ""),
        (b'{"error":"no"}', "", ""),
        (b"[]", "", ""),
        (b"", "", ""),
        (b"<html>", "", ""),
        (b"[" * 100_000, "", ""),
        (b'{"error":{"code":"A","message":"a\\r\\n\\tb  c"}}', "A", "a b c"),
        (b'{"error":{"code":"\\u001b[2J","message":"\\u202ea"}}', "?[2J", "?a"),
    ],
)
def test_problems_are_read(body: bytes, code: str, message: str) -> None:
    """Bodies of every kind: the innermost code, and one line of text."""
    assert problem_of(400, body) == GraphProblem(400, code, message)


@given(st.binary(max_size=200), st.integers(100, 599))
def test_any_body_is_a_problem(body: bytes, status: int) -> None:
    """Whatever a server sends has a row, and words."""
    problem = problem_of(status, body)
    assert rule_of(problem).error is not None
    assert problem.words
    assert isinstance(is_of_one(problem), bool)


@pytest_twisted.ensureDeferred
async def test_codes_of_metrics(graph_world: GraphWorld) -> None:
    """Listed codes are as the table writes them; of whatever else a server says
    only the status is told."""
    seen: list[str] = []
    client = graph_world.client(observer=_Seeing(seen))
    for kind in ("graph-resourceNotFound", "ErrorItemNotFound", "ErrorOfAlice4711"):
        graph_world.misbehave(kind=kind)
        with suppress(MailboxError):
            await client.read(inbox(), named)
    problems = [GraphProblem(status, "MadeUp") for status in (404, 12345)]
    seen += map(metric_code, problems)
    assert seen == [
        "ResourceNotFound",
        "ErrorItemNotFound",
        "http-400",
        "http-404",
        "other",
    ]


class _Seeing:
    """An observer that keeps the results."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def begins(self, _operation: str) -> Callable[[str, str], None]:
        return lambda result, _date: self._seen.append(result)


def test_long_texts_are_cut() -> None:
    """A server's text does not fill the log."""
    body = b'{"error":{"code":"%s","message":"%s"}}' % (b"c" * 9999, b"m " * 9999)
    problem = problem_of(500, body)
    assert len(problem.code) == 500
    assert len(problem.message) <= 500


def test_long_bodies_are_not_looked_into() -> None:
    """A refusal of many megabytes would hold up everything while it is read."""
    start, end = b'{"error":{"code":"A"}', b"}"
    for more, code in ((0, "A"), (1, "")):
        blanks = b" " * (MAX_BODY - len(start) - len(end) + more)
        assert problem_of(500, start + blanks + end).code == code
