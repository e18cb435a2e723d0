"""Answers that a test has the pane's server give in the place of its own.

A page whose requests are stopped in the browser has no caches, and each request goes by
way of the test's process. So the server itself is told what to answer: by `PUT` to
`PATH`, with {"path", "method", "answers"}; a path is what follows the integration's
number, an empty method stands for all, and an answer is [status, body]. `GET` returns
the requests that were answered so, and `DELETE` forgets everything.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from pexschedd.web.path_router import PathRouter

PATH = "/test/answers"
ROUTE = re.compile(r"/api/client/v2/msexchange_schedulers/\d+/(.+)")
TIMEOUT = 10
"""Seconds for the server to take answers."""


class CannedAnswers(Resource):
    """Takes the answers, and has what was asked."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self._asked: list[dict[str, Any]] = []

    def render_PUT(self, request: Request) -> bytes:
        told = json.loads(_body(request))
        self._answers[told["path"], told["method"]] = told["answers"]
        return b""

    def render_GET(self, request: Request) -> bytes:
        return json.dumps(self._asked).encode()

    def render_DELETE(self, request: Request) -> bytes:
        self._answers.clear()
        self._asked.clear()
        return b""

    def to(self, request: Request) -> Resource | None:
        """Return what answers a request, if a test has said so."""
        route = ROUTE.fullmatch(request.path.decode())
        if route is None:
            return None
        path, method = route[1], request.method.decode()
        for key in (path, method), (path, ""):
            if key in self._answers:
                return _Canned(path, self._answers[key], self._asked)
        return None


class _Canned(Resource):
    """The next answer of a route; the last one again and again."""

    isLeaf = True

    def __init__(
        self, path: str, left: list[tuple[int, Any]], asked: list[dict[str, Any]]
    ) -> None:
        super().__init__()
        self._path, self._left, self._asked = path, left, asked

    def render(self, request: Request) -> bytes:
        body = _body(request)
        headers = request.requestHeaders.getAllRawHeaders()
        self._asked.append(
            {
                "method": request.method.decode(),
                "path": self._path,
                "headers": {
                    name.decode().lower(): values[0].decode()
                    for name, values in headers
                },
                "body": json.loads(body) if body else None,
            }
        )
        status, answer = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        request.setResponseCode(status)
        request.setHeader("Content-Type", "application/json")
        request.setHeader("Cache-Control", "no-store")
        return json.dumps(answer).encode()


def _body(request: Request) -> bytes:
    assert request.content is not None
    body: bytes = request.content.read()
    return body


class CannedRouter(PathRouter):
    """Serves what a test has said, and all else as ever."""

    def __init__(
        self,
        answers: CannedAnswers,
        default: IResource,
        by_first_part: Mapping[bytes, IResource],
    ) -> None:
        super().__init__(default, by_first_part)
        self._answers = answers

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        assert isinstance(request, Request)
        return self._answers.to(request) or super().getChildWithDefault(path, request)


def tell(origin: str, method: str, told: Any = None) -> Any:
    """Send a request to the server's canned answers; return what it says."""
    data = None if told is None else json.dumps(told).encode()
    request = UrlRequest(origin + PATH, data, method=method)  # noqa: S310 - loopback
    with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - loopback
        text = answer.read()
    return json.loads(text) if text else None
