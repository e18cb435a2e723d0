"""Joins the groups of the add-in's routes, each with a Klein application of its own.

All of them are below `PREFIX`, which is taken off here: routes are declared, and found,
by what follows it. A group is chosen by the part of the path that follows the
integration's id, or the prefix where there is no id.
"""

from collections.abc import Mapping, Sequence

from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from pexschedd.web.routes import new_app, register_http_errors

PREFIX = "/api/client/v2/msexchange_schedulers"

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
        self._outside: IResource = _Outside().app.resource()

    def getChildWithDefault(self, path: bytes, request: IRequest) -> IResource:
        """Return the resource, to which the request shows what follows the prefix."""
        assert isinstance(request, Request)  # noqa: S101 - the only kind there is
        parts = [path, *(request.postpath or [])]
        chosen = self.choose(parts)
        depth = 0 if chosen is self._outside else len(_PREFIX)
        request.prepath, request.postpath = parts[:depth], parts[depth:]
        return chosen

    def choose(self, parts: Sequence[bytes]) -> IResource:
        """Return the resource for the parts of a path."""
        if list(parts[: len(_PREFIX)]) != _PREFIX:
            return self._outside
        return self._groups.get(_name(parts[len(_PREFIX) :]), self._default)


class _Outside:
    """Answers that there is nothing here."""

    app = new_app()
    register_http_errors(app)


def _name(parts: Sequence[bytes]) -> bytes:
    """The part after the id, or the first; empty if the path does not have one."""
    rest = parts[1:] if parts and parts[0].isdigit() else parts
    return rest[0] if rest else b""
