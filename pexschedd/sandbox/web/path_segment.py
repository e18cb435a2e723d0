"""A segment of a path, as IIS reads it."""

from typing import Any

from twisted.web.pages import notFound
from twisted.web.resource import Resource


class PathSegment(Resource):
    """A resource that finds its children whatever their case."""

    def getChild(self, path: bytes, request: Any) -> Any:
        """Return the child, or a page that says it is not found."""
        child = self.children.get(path.lower())
        return child if child is not None else notFound()
