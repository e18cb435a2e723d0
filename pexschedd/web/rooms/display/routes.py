"""The page of a room's display: now, next, and a code to join with.

GET /display/                          the page; it tells nothing without a token
GET /display/static/<version>/<name>   its scripts and styles
GET /display                           leads to it

All that it shows comes from `/v1/meetings`, with a token that is kept in the browser.
"""

from klein import Klein
from twisted.web.server import Request

from pexschedd.web.addin.headers import set_page_headers
from pexschedd.web.page_files import PageFiles, load_page, static_file_response
from pexschedd.web.routes import ResponseBody, register_http_errors, route

PACKAGE = "pexschedd.web.rooms.display"
PAGE = "/display/"
STATIC = f"{PAGE}static/"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        # No text ever becomes markup, by mistake neither.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)


class DisplayApi:
    """The routes of the module's docstring."""

    app = Klein()

    def __init__(self, files: PageFiles | None = None) -> None:
        self._files = files or load_page(PACKAGE, STATIC)

    @route(app, "/display")
    def lead(self, request: Request) -> ResponseBody:
        """Lead browsers to the page."""
        request.setResponseCode(302)
        request.responseHeaders.setRawHeaders(b"location", [PAGE.encode("ascii")])
        return b""

    @route(app, PAGE)
    def page(self, request: Request) -> ResponseBody:
        """Return the page."""
        set_page_headers(request, POLICY)
        return self._files.page

    @route(app, f"{STATIC}<string:version>/<string:name>")
    def static(self, request: Request, version: str, name: str) -> ResponseBody:
        """Return a file of the page."""
        return static_file_response(request, self._files, version, name)

    register_http_errors(app)
