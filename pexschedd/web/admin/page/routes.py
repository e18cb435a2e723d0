"""The administrator's page: one page that shows and does what the management API does.

GET  /admin/                          the page; it tells nothing, and asks for a sign-in
GET  /admin/static/<version>/<name>   its scripts and styles
GET  /                                leads browsers to it
GET  /admin/platform/msexchangeconnector/[<id>/]   the platform's addresses for
     integrations lead to its views

Everything that it shows it asks of `/api/admin/`, with the credentials that a person
has typed into it; it keeps them in memory only.
"""

from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.web.addin.headers import set_page_headers
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.openapi.operation import ApiAnswer, described
from pexschedd.web.admin.page.words import words_script
from pexschedd.web.page_files import PageFiles, load_page, static_file_response
from pexschedd.web.routes import ResponseBody

PACKAGE = "pexschedd.web.admin.page"
PAGE = "/admin/"
STATIC = f"{PAGE}static/"
_PLATFORM = f"{PAGE}platform/msexchangeconnector/"

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # No text ever becomes markup, by mistake neither.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)


class PageRoutes:
    """The routes of the module's docstring. All are public: they tell nothing."""

    def __init__(self, files: PageFiles | None = None) -> None:
        self._files = files or load_page(PACKAGE, STATIC, {"words.js": words_script()})

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add_public("/", get=self._root)
        api.add_public(PAGE, get=self._page)
        api.add_public(f"{STATIC}<string:version>/<string:name>", get=self._static)
        api.add_public(_PLATFORM, get=self._list)
        api.add_public(f"{_PLATFORM}<int:connector_id>/", get=self._integration)

    @described(
        "Lead browsers to the page",
        answers={302: ApiAnswer("The page is at `/admin/`.", headers=("Location",))},
        errors=(404,),
        id="find_page",
        tag="pages",
    )
    def _root(self, request: Request) -> ResponseBody:
        """Lead people to the page; programs are told where everything is."""
        accepted = request.getHeader(b"accept") or b""
        if b"text/html" not in accepted:
            raise NotFound("There is nothing here. Look at /admin/ or /api/admin/.")
        return _redirect(request, PAGE)

    @described(
        "Show the administrator's page",
        answers={200: ApiAnswer("The page.", {"type": "string"}, "text/html")},
        id="show_page",
        tag="pages",
    )
    def _page(self, request: Request) -> ResponseBody:
        set_page_headers(request, POLICY)
        set_header = request.responseHeaders.setRawHeaders
        set_header(b"x-frame-options", [b"DENY"])
        set_header(b"cross-origin-opener-policy", [b"same-origin"])
        return self._files.page

    @described(
        "Read a file of the page",
        answers={
            200: ApiAnswer(
                "The file.",
                {"type": "string"},
                "text/css",
                others={"text/javascript": {"type": "string"}},
            )
        },
        id="read_page_file",
        tag="pages",
    )
    def _static(self, request: Request, version: str, name: str) -> ResponseBody:
        return static_file_response(request, self._files, version, name)

    @described(
        "Lead browsers to the integrations",
        answers={302: ApiAnswer("The page's own address.", headers=("Location",))},
        id="find_integrations",
        tag="pages",
    )
    def _list(self, request: Request) -> ResponseBody:
        return _redirect(request, f"{PAGE}#/integrations")

    @described(
        "Lead browsers to an integration",
        answers={302: ApiAnswer("The page's own address.", headers=("Location",))},
        id="find_integration",
        tag="pages",
    )
    def _integration(self, request: Request, connector_id: int) -> ResponseBody:
        return _redirect(request, f"{PAGE}#/integrations/{connector_id}")


def _redirect(request: Request, location: str) -> ResponseBody:
    request.setResponseCode(302)
    request.responseHeaders.setRawHeaders(b"location", [location.encode("ascii")])
    return b""
