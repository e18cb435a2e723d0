"""The page of a room's display: now, next, and a code to join with.

GET /display/                          the page; it tells nothing without a token
GET /display/static/<version>/<name>   its scripts and styles
GET /display/worker.js                 a service worker: all of these without a network
GET /display                           leads to it

All that it shows comes from `/v1/meetings`, with a token that is kept in the browser.
"""

from hashlib import sha256

import msgspec
from klein import Klein
from twisted.web.server import Request

from pexschedd.web.addin.headers import set_page_headers
from pexschedd.web.page_files import PageFiles, load_page, static_file_response
from pexschedd.web.routes import ResponseBody, register_http_errors, route

PACKAGE = "pexschedd.web.rooms.display"
PAGE = "/display/"
STATIC = f"{PAGE}static/"
_WORKER = "worker.js"

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
        "worker-src 'self'",
        # No text ever becomes markup, by mistake neither: the one policy gives nothing
        # but the service worker's address.
        "require-trusted-types-for 'script'",
        "trusted-types room-display",
    )
)


WORKER_POLICY = "default-src 'none'; connect-src 'self'"


def worker_script(files: PageFiles) -> bytes:
    """Return the service worker, which begins with the version of the page and the
    paths of its files, the page itself first."""
    names = sorted(name for name in files.others if name != _WORKER)
    paths = [PAGE, *(f"{STATIC}{files.version}/{name}" for name in names)]
    version = sha256(files.page + files.version.encode()).hexdigest()[:12]
    head = f'"use strict";\nvar VERSION = "{version}";\nvar FILES = '
    return (
        head.encode()
        + msgspec.json.encode(paths)
        + b";\n"
        + (files.others[_WORKER].content)
    )


class DisplayApi:
    """The routes of the module's docstring."""

    app = Klein()

    def __init__(self, files: PageFiles | None = None) -> None:
        self._files = files or load_page(PACKAGE, STATIC)
        self._worker = worker_script(self._files)

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

    @route(app, f"{PAGE}{_WORKER}")
    def worker(self, request: Request) -> ResponseBody:
        """Return the service worker; its path limits it to the page."""
        set_header = request.responseHeaders.setRawHeaders
        set_header(b"content-type", [b"text/javascript; charset=utf-8"])
        set_header(b"content-security-policy", [WORKER_POLICY.encode("ascii")])
        set_header(b"cache-control", [b"no-cache"])
        return self._worker

    register_http_errors(app)
