"""Sends a request to one of several resources by its path.

The resources see the whole path: their routes are written out where they are declared.
"""

from collections.abc import Callable, Mapping

from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request


class Router(Resource):
    def __init__(
        self, default: IResource, by_first_part: Mapping[bytes, IResource]
    ) -> None:
        super().__init__()
        self._default = default
        self._by_first_part = dict(by_first_part)

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        assert isinstance(request, Request)  # noqa: S101 - the only kind there is
        request.prepath = request.prepath[:-1] if request.prepath else []
        request.postpath = [path, *(request.postpath or [])]
        return self._by_first_part.get(path, self._default)


class Beside(Resource):
    """Serves the paths that `is_ours` knows by one resource, others by `rest`."""

    def __init__(
        self, ours: IResource, is_ours: Callable[[str], bool], rest: IResource
    ) -> None:
        super().__init__()
        self._ours = ours
        self._is_ours = is_ours
        self._rest = rest

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        assert isinstance(request, Request)  # noqa: S101 - the only kind there is
        request.prepath = request.prepath[:-1] if request.prepath else []
        request.postpath = [path, *(request.postpath or [])]
        whole = b"/" + b"/".join(request.postpath)
        ours = self._is_ours(whole.decode("latin-1"))
        return self._ours if ours else self._rest
