"""Keeps what the demo serves to this machine; foreign names for it get nothing."""

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from pexschedd.demo.ports import HOST


class LocalOnly(Resource):
    """A resource that answers only requests whose Host is this machine; others come
    from rebound names."""

    isLeaf = True

    def __init__(self, inner: IResource, port: int) -> None:
        super().__init__()
        self._inner = inner
        self._hosts = {f"{host}:{port}".encode() for host in (HOST, "localhost")}

    def render(self, request: Request) -> bytes | int:
        """Render the inner resource, or refuse."""
        if request.getHeader(b"host") not in self._hosts:
            request.setResponseCode(421)
            return b"The desk answers on the loopback address only.\n"
        request.setHeader(b"x-content-type-options", b"nosniff")
        request.setHeader(b"referrer-policy", b"no-referrer")
        request.setHeader(b"cache-control", b"no-store")
        rendered: bytes | int = self._inner.render(request)
        return rendered
