"""A site on a port of loopback."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor

from tests.web.site_support import site

reactor: Any = _reactor


@pytest_twisted.async_yield_fixture()
async def port() -> AsyncIterator[int]:
    listening = reactor.listenTCP(0, site(), interface="127.0.0.1")
    yield listening.getHost().port
    await listening.stopListening()
