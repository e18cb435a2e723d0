"""Bounds of what is read from another deployment, over all its pages."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from pexschedd.deployment.client import (
    DeploymentAccount,
    DeploymentReader,
    DeploymentUnavailable,
)
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.net.net_support import Authority
from tests.web_admin.deployment_support import over_tls

reactor: Any = _reactor

Answer = Callable[[str, int], dict[str, Any]]
"""Takes a resource and an offset; returns a page."""


class Lists(Resource):
    """A deployment that takes some time for each page, by a clock of its own."""

    isLeaf = True

    def __init__(self, answer: Answer, seconds: float) -> None:
        super().__init__()
        self.clock = Clock()
        self.asked = 0
        self._answer = answer
        self._seconds = seconds

    def render_GET(self, request: Request) -> bytes:
        self.asked += 1
        self.clock.advance(self._seconds)
        name = request.path.decode().rstrip("/").rpartition("/")[2]
        offset = int(request.args[b"offset"][0])
        return json.dumps(self._answer(name, offset)).encode()


async def read(lists: Lists, *resources: str) -> list[list[dict[str, Any]]]:
    authority = Authority("Test Root")
    client = Network(reactor, Trust([("the test", authority.pem)])).http_client()
    async with over_tls(Site(lists), authority) as address:
        account = DeploymentAccount(address, "admin", "secret")
        reader = DeploymentReader(client, lists.clock, account)
        return [await reader.read(each) for each in resources]


def page(records: list[dict[str, Any]], total: int) -> dict[str, Any]:
    return {"meta": {"total_count": total}, "objects": records}


def one_by_one(total: int) -> Answer:
    return lambda name, offset: page([{"resource_uri": f"{name}{offset}"}], total)


def in_one(count: int) -> Answer:
    return lambda name, offset: page([{"id": n} for n in range(count)], count)


BOUNDS: dict[str, tuple[Answer, float, str, int]] = {
    # what it does                 seconds, what is wrong, pages asked for
    "many pages": (one_by_one(9_999), 0, "more than 200 pages", 200),
    "long": (one_by_one(9_999), 50, "longer than 10 minutes", 12),
    "the same again": (lambda name, offset: page([{}], 3), 0, "one page of a twice", 2),
    "the same records": (
        lambda name, offset: page([{"resource_uri": "u", "id": offset}], 3),
        0,
        "its list of a has u twice",
        2,
    ),
    "many records in all": (in_one(10_001), 0, "more than 20000 records", 2),
    "more than it counts": (
        lambda name, offset: page([{"id": offset}] * 10_001, 1),
        0,
        "more than 20000 records",
        2,
    ),
    "many records to come": (
        lambda name, offset: page([], 20_001 if name == "b" else 0),
        0,
        "more than 20000 records",
        2,
    ),
}


@pytest.mark.parametrize("name", BOUNDS)
@pytest_twisted.ensureDeferred
async def test_reading_ends(name: str) -> None:
    """Whatever a deployment does, and as soon as it has done it."""
    answer, seconds, words, asked = BOUNDS[name]
    lists = Lists(answer, seconds)
    with pytest.raises(DeploymentUnavailable, match=words):
        await read(lists, "a", "b")
    assert lists.asked == asked


@pytest_twisted.ensureDeferred
async def test_as_much_as_there_may_be() -> None:
    """20,000 records of several lists are read."""
    lists = Lists(in_one(10_000), 50)
    assert [len(each) for each in await read(lists, "a", "b")] == [10_000, 10_000]
