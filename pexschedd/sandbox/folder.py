"""A part of a path, as IIS reads it."""

from typing import Any

from twisted.web.pages import notFound
from twisted.web.resource import Resource


class PathSegment(Resource):
    """Finds its children whatever their case, as IIS does."""

    def getChild(self, path: bytes, request: Any) -> Any:
        child = self.children.get(path.lower())
        return child if child is not None else notFound()
