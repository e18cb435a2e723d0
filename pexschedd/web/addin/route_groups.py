"""Joins the groups of the add-in's routes, each with a Klein application of its own.

A group is chosen by the part of the path that follows the integration's id, or the
prefix where there is no id; it sees the whole path.
"""

from collections.abc import Mapping, Sequence

from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from pexschedd.web.addin.api import PREFIX

_PREFIX = PREFIX.strip("/").encode().split(b"/")


class AddinRouteGroups(Resource):
    """Serves paths by the group whose name they have, and all others by `default`.

    `groups` are resources by name, such as `meeting_tags` for
    `<prefix>/<connector id>/meeting_tags`.
    """

    def __init__(self, default: IResource, groups: Mapping[str, IResource]) -> None:
        super().__init__()
        self._default = default
        self._groups = {name.encode(): group for name, group in groups.items()}

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        """Return the resource, and give the part of the path back to the request."""
        assert isinstance(request, Request)  # noqa: S101 - the only kind there is
        request.prepath = request.prepath[:-1] if request.prepath else []
        request.postpath = parts = [path, *(request.postpath or [])]
        return self.choose(parts)

    def choose(self, parts: Sequence[bytes]) -> IResource:
        """Return the resource for the parts of a path."""
        return self._groups.get(_name(parts), self._default)


def _name(parts: Sequence[bytes]) -> bytes:
    """The part after prefix and id; empty if the path does not have one."""
    if list(parts[: len(_PREFIX)]) != _PREFIX:
        return b""
    rest = parts[len(_PREFIX) :]
    if rest and rest[0].isdigit():
        rest = rest[1:]
    return rest[0] if rest else b""
