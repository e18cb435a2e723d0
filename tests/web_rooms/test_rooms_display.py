"""The files of a room's display, and how they are served."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_twisted
import treq
from twisted.internet import reactor as _reactor
from twisted.web.client import Agent, HTTPConnectionPool

from pexschedd.web.page_files import PageFiles, load_page
from pexschedd.web.rooms.display.routes import (
    PACKAGE,
    POLICY,
    STATIC,
    WORKER_POLICY,
    DisplayApi,
    worker_script,
)
from pexschedd.web.site import HttpSite
from tests import es5

reactor: Any = _reactor
PAGE = load_page(PACKAGE, STATIC)
SCRIPTS = {
    name: file.content.decode()
    for name, file in PAGE.others.items()
    if name.endswith(".js")
}


class Served:
    """The page on a real socket."""

    def __init__(self) -> None:
        site = HttpSite(DisplayApi().app.resource(), reactor, None)
        self.port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port.getHost().port}"
        self.pool = HTTPConnectionPool(reactor)
        self.client = treq.client.HTTPClient(Agent(reactor, pool=self.pool))

    async def get(self, path: str) -> tuple[int, Any, bytes]:
        answer = await self.client.get(f"{self.url}{path}", allow_redirects=False)
        return answer.code, answer.headers, await treq.content(answer)


@pytest_twisted.async_yield_fixture()
async def served() -> AsyncIterator[Served]:
    served = Served()
    yield served
    await served.pool.closeCachedConnections()
    await served.port.stopListening()


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts(name: str) -> None:
    """Old wall tablets can run them, none makes markup of text, and only one of them
    keeps anything in the browser."""
    text = SCRIPTS[name]
    if name != "worker.js":  # browsers without fetch have no service workers
        assert es5.newer_than_es5(text) == []
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
        assert forbidden not in text
    assert ("Storage" in text) == (name == "kept.js")
    assert ("caches" in text) == (name == "worker.js")


def test_everything_is_used() -> None:
    """The page names each of its files, and nothing from elsewhere."""
    page = PAGE.page.decode()
    named = set(re.findall(rf"{STATIC}{PAGE.version}/([\w.-]+)", page))
    assert named == PAGE.others.keys() - {"worker.js"}
    assert "//" not in page.replace("<!doctype", "")


@pytest_twisted.ensureDeferred
async def test_the_page(served: Served) -> None:
    """It is never kept, and may load nothing but its own files, which are kept for
    ever under an address of their version."""
    code, headers, body = await served.get("/display/")
    assert (code, body) == (200, PAGE.page)
    assert headers.getRawHeaders("content-security-policy") == [POLICY]
    assert headers.getRawHeaders("cache-control") == ["no-store"]
    code, headers, body = await served.get(f"{STATIC}{PAGE.version}/display.js")
    assert (code, body.decode()) == (200, SCRIPTS["display.js"])
    assert "immutable" in headers.getRawHeaders("cache-control")[0]
    for path in (f"{STATIC}other/display.js", f"{STATIC}{PAGE.version}/index.html"):
        assert (await served.get(path))[0] == 404
    code, headers, _ = await served.get("/display")
    assert (code, headers.getRawHeaders("location")) == (302, ["/display/"])


@pytest_twisted.ensureDeferred
async def test_the_service_worker(served: Served) -> None:
    """Its path limits it to the page, it is asked for anew, and it keeps the page and
    the files that this names, each of which is there."""
    code, headers, body = await served.get("/display/worker.js")
    assert code == 200
    assert headers.getRawHeaders("content-security-policy") == [WORKER_POLICY]
    assert headers.getRawHeaders("cache-control") == ["no-cache"]
    assert headers.getRawHeaders("service-worker-allowed") is None
    paths = json.loads(re.findall(rb"var FILES = (.*);", body)[0])
    named = re.findall(rf"{STATIC}[\w./-]+", PAGE.page.decode())
    assert paths[0] == "/display/"
    assert set(paths[1:]) == set(named)
    for path in paths:
        assert (await served.get(path))[0] == 200
    other = served_files(page=PAGE.page + b"<!-- another release -->")
    assert worker_script(other) != body
    assert worker_script(other) == worker_script(other)


def served_files(**changes: Any) -> PageFiles:
    return msgspec.structs.replace(PAGE, **changes)
