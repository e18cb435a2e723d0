"""The add-in's side of the server: the pane, its one request, the icons.

Everything is under `/api/client/v2/msexchange_schedulers`. There are no cookies, and no
cross-origin headers: the pane talks to its own origin only.
"""

from collections.abc import Callable

from klein import Klein
from twisted.logger import Logger
from twisted.web.http import CACHED
from twisted.web.server import Request

from pexschedd.errors import InvalidToken, NotFound, TemplateError
from pexschedd.model.fields.default_texts import PLACEHOLDER_INSTRUCTIONS
from pexschedd.model.integration import Connector
from pexschedd.web.addin.booking import (
    Booking,
    Icons,
    Placeholder,
    Verify,
)
from pexschedd.web.addin.headers import (
    CLOSING_POLICY,
    Sources,
    content_security_policy,
    set_page_headers,
)
from pexschedd.web.addin.pane import PanePages
from pexschedd.web.addin.static import load_static
from pexschedd.web.api import (
    Payload,
    json_response,
    register_http_errors,
    route,
)

PREFIX = "/api/client/v2/msexchange_schedulers"

_FOR_EVER = b"public, max-age=31536000, immutable"
_FOR_AN_HOUR = b"public, max-age=3600"


class AddinApi:
    """Routes for Outlook. `app.resource()` is the resource to serve at the root."""

    app = Klein()
    register_http_errors(app)
    _log = Logger()

    def __init__(
        self,
        connectors: Callable[[int], Connector | None],
        verify: Verify,
        booking: Booking,
        icons: Icons,
        placeholder: Placeholder,
    ) -> None:
        self._connectors = connectors
        self._verify = verify
        self._booking = booking
        self._icons = icons
        self._placeholder = placeholder
        self._static = load_static()
        self._pages = PanePages(self._static)

    @route(app, f"{PREFIX}/<int:id>/addin")
    def pane(self, request: Request, id: int) -> Payload:
        connector = self._connector(id)
        sources = Sources(connector)
        icon = f"images/addin_icon_80.png?r={self._icons.icon_revision(connector)}"
        page = self._pages.pane(
            connector, sources, icon, self._placeholder_of(connector)
        )
        set_page_headers(request, content_security_policy(connector, sources))
        return page

    @route(app, f"{PREFIX}/<int:id>/meeting_details")
    async def meeting_details(self, request: Request, id: int) -> Payload:
        connector = self._connector(id)
        if not connector.enable_dynamic_vmrs:
            raise NotFound("Single-use rooms are not enabled in this integration.")
        user = await self._verify(connector, _token(request))
        room = await self._booking.book(id, user.user_id)
        return json_response(
            request,
            {
                "status": "success",
                "result": {
                    "room_name": room.room_name,
                    "room_email": room.room_email,
                    "alias_id": room.alias_id,
                    "instructions": room.instructions,
                },
            },
        )

    @route(app, f"{PREFIX}/<int:id>/images/addin_icon_<int:size>.png")
    def icon(self, request: Request, id: int, size: int) -> Payload:
        connector = self._connector(id)
        image = self._icons.icon(connector, size)
        revision = self._icons.icon_revision(connector).encode()
        set_header = request.responseHeaders.setRawHeaders
        # Never no-store: Outlook then shows a generic icon. Without the revision in
        # its address an icon may change.
        current = request.args.get(b"r") == [revision]
        set_header(b"cache-control", [_FOR_EVER if current else _FOR_AN_HOUR])
        set_header(b"cross-origin-resource-policy", [b"cross-origin"])
        set_header(b"content-type", [b"image/png"])
        return _unless_known(request, revision, image)

    @route(app, f"{PREFIX}/static/<string:version>/<string:name>")
    def static(self, request: Request, version: str, name: str) -> Payload:
        found = self._static.get(name)
        if found is None:
            raise NotFound("There is no such file.")
        set_header = request.responseHeaders.setRawHeaders
        # A page of the release before asks for files that are gone: it gets today's.
        current = version == found.version
        set_header(b"cache-control", [_FOR_EVER if current else b"no-cache"])
        set_header(b"content-type", [found.content_type])
        return _unless_known(request, found.version.encode(), found.content)

    @route(app, f"{PREFIX}/oauth_redirect")
    def oauth_redirect(self, request: Request) -> Payload:
        """Where an identity provider sends people back to: a window that closes."""
        set_page_headers(request, CLOSING_POLICY)
        return self._pages.signed_in()

    def _placeholder_of(self, connector: Connector) -> str:
        """A text that cannot be rendered must not keep anybody from a room."""
        try:
            return self._placeholder(connector)
        except TemplateError as error:
            self._log.warn(
                "integration {id}: placeholder_instructions_template: {reason}; the "
                "default text is used",
                id=connector.id,
                reason=error.message,
            )
            return PLACEHOLDER_INSTRUCTIONS

    def _connector(self, id: int) -> Connector:
        connector = self._connectors(id)
        if connector is None:
            raise NotFound(
                f"There is no integration {id} here. If it has been made anew, the "
                "add-in's manifest has to be downloaded and installed again."
            )
        return connector


def _token(request: Request) -> str:
    """The token, from the one place for it: a header does not get into logs."""
    values = request.requestHeaders.getRawHeaders(b"token") or []
    if len(values) != 1:
        raise InvalidToken("The request needs one header `token`.")
    return values[0].decode("latin-1").strip()


def _unless_known(request: Request, version: bytes, content: bytes) -> Payload:
    """`content`, or nothing and 304 if the client has this version."""
    return b"" if request.setETag(b'"%s"' % version) is CACHED else content
