"""The root of the HTTP side, where every tenant has its token endpoint."""

from http import HTTPStatus
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.graph.web import graph_endpoint
from pexschedd.sandbox.service import EwsService
from pexschedd.sandbox.web.path_segment import PathSegment

_TOKEN = [b"oauth2", b"v2.0", b"token"]


class GraphRoot(PathSegment):
    """A root that finds its children whatever their case, and `<tenant>/oauth2/…`."""

    def __init__(self, service: EwsService) -> None:
        super().__init__()
        self._service = service

    def getChild(self, path: bytes, request: Any) -> Any:
        """Return the child, the token endpoint of a tenant, or a page that says it is
        not found."""
        if [part.lower() for part in request.postpath] == _TOKEN:
            return _TokenEndpoint(self._service, path.decode("utf-8", "replace"))
        return super().getChild(path, request)


class _TokenEndpoint(Resource):
    isLeaf = True

    def __init__(self, service: EwsService, tenant: str) -> None:
        super().__init__()
        self._service = service
        self._tenant = tenant

    def render_POST(self, request: Request) -> object:
        depth = len((request.uri.partition(b"?")[0]).split(b"/")) - 1
        url = graph_endpoint.base_url(request, depth)
        if url is None:
            answer = GraphAnswer(HTTPStatus.BAD_REQUEST)
        else:
            answer = self._service.graph.token(
                self._tenant,
                url,
                request.getHeader("content-type") or "",
                b"" if request.content is None else request.content.read(),
            )
        request.notifyFinish().addErrback(lambda _: None)
        graph_endpoint.write(request, answer, "")
        return NOT_DONE_YET
