"""The OpenAPI document, served. Under `/api/admin/`:

GET  openapi.json  the document of all operations
"""

import msgspec
from twisted.web.server import Request

from pexschedd import __version__
from pexschedd.model.fields.addresses import is_loopback
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.openapi.document import SERVER, make_document
from pexschedd.web.admin.openapi.operation import ApiAnswer, described
from pexschedd.web.admin.overview import OPENAPI
from pexschedd.web.routes import ResponseBody, file_response


class OpenApiRoutes:
    """The route of the module's docstring."""

    _api: AdminApi
    _document = b""

    def add_to(self, api: AdminApi) -> None:
        """Add the route of the module's docstring."""
        self._api = api
        api.add(OPENAPI, get=self._get)

    @described(
        "Read this document",
        answers={200: ApiAnswer("The OpenAPI document.", {"type": "object"})},
        id="get_openapi_document",
        tag="overview",
    )
    def _get(self, request: Request) -> ResponseBody:
        # The other parts add their routes after this one: it is made when it is wanted.
        if not self._document:
            document = make_document(self._api.routes, __version__)
            self._document = msgspec.json.encode(document)
        content = self._document.replace(SERVER.encode(), _own_address(request))
        return file_response(request, content, "application/json")


def _own_address(request: Request) -> bytes:
    """The address that the client has asked: behind a proxy it is the proxy's, which
    has TLS."""
    host = (request.requestHeaders.getRawHeaders(b"host") or [b"localhost"])[0]
    name = request.getRequestHostname().decode("latin-1")
    is_plain = is_loopback(name) and not request.isSecure()
    return (b"http://" if is_plain else b"https://") + host
