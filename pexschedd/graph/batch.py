"""Batches: up to twenty requests in one, each with a result of its own. Pure.

Source: Graph's JSON batching. Results come in any order; a success of the batch as a
whole says nothing of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from pexschedd.graph.problems import NO_RESULT, UNREADABLE, GraphProblem, problem_of
from pexschedd.graph.requests import ApiRequest
from pexschedd.util.retry_after import seconds_of

T = TypeVar("T")

MOST = 20
"""Requests in a batch."""

MAX_PAUSE = 3600.0
"""Seconds. A server that asks for more is asked again earlier."""


def batch_body(requests: Sequence[ApiRequest]) -> dict[str, Any]:
    """Return the document that asks for all of the requests."""
    if not 1 <= len(requests) <= MOST:
        raise ValueError(f"a batch has 1 to {MOST} requests")
    return {"requests": [_part(str(n), each) for n, each in enumerate(requests)]}


def _part(id: str, request: ApiRequest) -> dict[str, Any]:
    part = {
        "id": id,
        "method": request.method,
        "url": f"/{request.path}",
        "headers": request.headers,
    }
    if request.body is not None:
        part["body"] = request.body
    return part


class _Result(msgspec.Struct):
    id: str
    status: int
    headers: dict[str, Any] | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Results(msgspec.Struct):
    responses: list[_Result]


def batch_results(
    body: bytes, parse: Callable[[bytes], T], count: int
) -> list[T | GraphProblem]:
    """Return the results of a batch of `count` requests, in their order.

    `parse` reads the body of a success. Raises `ValueError` for a body that is none of
    a batch.
    """
    try:
        found = msgspec.json.decode(body, type=_Results).responses
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it holds no results of a batch: {error}") from None
    by_id: dict[str, _Result] = {}
    for each in found:
        by_id.setdefault(each.id, each)
    return [_read(by_id.get(str(number)), parse) for number in range(count)]


def _read(result: _Result | None, parse: Callable[[bytes], T]) -> T | GraphProblem:
    if result is None:
        return GraphProblem(0, NO_RESULT, "The server's answer leaves this out.")
    if not 200 <= result.status < 300:
        pause = pause_in(result.headers or {})
        return problem_of(result.status, result.body, pause)
    try:
        return parse(bytes(result.body))
    except ValueError as error:
        return GraphProblem(result.status, UNREADABLE, str(error)[:200])


def pause_in(headers: Mapping[str, Any]) -> float | None:
    """Return the seconds that headers ask to wait for; None if they name none."""
    texts = {name.lower(): value for name, value in headers.items()}
    value = texts.get("retry-after", "")
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str) or not value:
        return None
    date = texts.get("date", "")
    seconds = seconds_of(value, date if isinstance(date, str) else "")
    return None if seconds is None else min(seconds, MAX_PAUSE)
