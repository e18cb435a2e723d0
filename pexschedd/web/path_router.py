"""Sends a request to one of several resources by the first part of its path.

The resources see the whole path: their routes are written out where they are declared.
"""

from collections.abc import Mapping

from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request


class PathRouter(Resource):
    """Serves paths by the resource of their first part, and all others by `default`."""

    def __init__(
        self, default: IResource, by_first_part: Mapping[bytes, IResource]
    ) -> None:
        super().__init__()
        self._default = default
        self._by_first_part = dict(by_first_part)

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        """Return the resource, and give the part of the path back to the request."""
        assert isinstance(request, Request)  # noqa: S101 - the only kind there is
        request.prepath = request.prepath[:-1] if request.prepath else []
        request.postpath = [path, *(request.postpath or [])]
        return self._by_first_part.get(path, self._default)
