"""Serves the page of a room's display, by default without meetings: a test answers for
them.

    display_server.py [PORT TITLE]     at this port, and with one meeting of this title
"""

import sys
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.web.resource import Resource
from twisted.web.server import Request

from pexschedd.web.path_router import PathRouter
from pexschedd.web.rooms.display.routes import DisplayApi
from pexschedd.web.site import HttpSite

reactor: Any = _reactor

LIST = """{"room": {"name": "Oak", "email": "oak@example.test"},
 "now": "2026-12-01T09:00:00Z", "read_at": "2026-12-01T09:00:00Z",
 "meetings": [{"id": "1", "title": "%s", "organizer": {"name": "Alice", "email": ""},
   "start": "2026-12-01T08:00:00Z", "end": "2026-12-01T18:00:00Z", "all_day": false,
   "private": false, "join": null}]}"""


class Meetings(Resource):
    """Answers with one meeting."""

    isLeaf = True

    def __init__(self, title: str) -> None:
        super().__init__()
        self._body = (LIST % title).encode()

    def render_GET(self, request: Request) -> bytes:
        request.setHeader(b"date", b"Tue, 01 Dec 2026 09:00:00 GMT")
        request.setHeader(b"calendar-read-at", b"2026-12-01T09:00:00Z")
        request.setHeader(b"etag", b'"%d"' % len(self._body))
        return self._body


if __name__ == "__main__":
    given = sys.argv[1:]
    parts: dict[bytes, Any] = {b"display": DisplayApi().app.resource()}
    if given:
        parts[b"v1"] = Meetings(given[1])
    site = HttpSite(PathRouter(Resource(), parts), reactor, None)
    port = reactor.listenTCP(int(given[0]) if given else 0, site, interface="127.0.0.1")
    sys.stdout.write(f"{port.getHost().port}\n")
    sys.stdout.flush()
    reactor.run()
