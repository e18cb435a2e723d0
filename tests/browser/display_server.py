"""Serves the page of a room's display, and no meetings: a test answers for them."""

import sys
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.web.resource import Resource

from pexschedd.web.path_router import PathRouter
from pexschedd.web.rooms.display.routes import DisplayApi
from pexschedd.web.site import HttpSite

reactor: Any = _reactor

if __name__ == "__main__":
    router = PathRouter(Resource(), {b"display": DisplayApi().app.resource()})
    port = reactor.listenTCP(0, HttpSite(router, reactor, None), interface="127.0.0.1")
    sys.stdout.write(f"{port.getHost().port}\n")
    sys.stdout.flush()
    reactor.run()
