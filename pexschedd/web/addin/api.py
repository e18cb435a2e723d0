"""The add-in's side of the server: the pane, its one request, the icons.

Everything is under `/api/client/v2/msexchange_schedulers`. The pane has no cookies,
and there are no cross-origin headers: it talks to its own origin only.
"""

import gzip
from collections.abc import Callable
from typing import Any

from twisted.web.http import CACHED
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.booking import Booking, require_single_use
from pexschedd.web.addin.callers import (
    FindConnector,
    VerifyToken,
    request_key_of,
    require_connector,
    success,
    token_of,
)
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.headers import (
    content_security_policy,
    set_page_headers,
)
from pexschedd.web.addin.manifest.deployed import PaneVisits
from pexschedd.web.addin.msal import library as msal
from pexschedd.web.addin.msal.library import MsalLibrary
from pexschedd.web.addin.pane import PanePages
from pexschedd.web.addin.rates import UNLIMITED, RequestRates
from pexschedd.web.addin.room_addresses import FindAddresses, add_addresses
from pexschedd.web.addin.static import encoded, load_static
from pexschedd.web.routes import (
    ResponseBody,
    client_network,
    file_response,
    new_app,
    register_http_errors,
    route,
)

_FOR_EVER = b"public, max-age=31536000, immutable"
_FOR_AN_HOUR = b"public, max-age=3600"

PagePolicy = Callable[[Connector], str]
"""See `headers.content_security_policy`."""


class AddinApi:
    """Routes for Outlook. `app.resource()` is the resource to serve at the root.

    `connectors` gives an integration by its id, `policy` the policy of its pages;
    `visits` notes who asks for them.
    """

    app = new_app()
    register_http_errors(app)

    def __init__(
        self,
        connectors: FindConnector,
        verify: VerifyToken,
        booking: Booking,
        files: ConnectorFiles,
        pages: PanePages,
        rates: RequestRates = UNLIMITED,
        *,
        policy: PagePolicy = content_security_policy,
        visits: PaneVisits | None = None,
        library: MsalLibrary | None = None,
        room_addresses: FindAddresses = lambda connector: None,
    ) -> None:
        self._connectors = connectors
        self._verify = verify
        self._booking = booking
        self._files = files
        self._pages = pages
        self._rates = rates
        self._policy = policy
        self._visits = visits
        self._room_addresses = room_addresses
        self._static = load_static()
        self._library = library or MsalLibrary()

    @route(app, "/<int:connector_id>/addin")
    def pane(self, request: Request, connector_id: int) -> ResponseBody:
        """Answer with the task pane."""
        connector = self._connector(connector_id)
        page = self._pages.pane(connector)
        if self._visits is not None:
            self._visits.note(connector, request)
        self._room_addresses(connector)  # known by the time that a room is booked
        set_page_headers(request, self._policy(connector))
        return encoded(request, page, lambda: gzip.compress(page))

    @route(app, "/<int:connector_id>/commands")
    def commands(self, request: Request, connector_id: int) -> ResponseBody:
        """Answer with the page of the one-click command."""
        connector = self._connector(connector_id)
        page = self._pages.commands(connector)
        set_page_headers(request, self._policy(connector))
        return encoded(request, page, lambda: gzip.compress(page))

    @route(app, "/<int:connector_id>/meeting_details")
    async def meeting_details(
        self, request: Request, connector_id: int
    ) -> ResponseBody:
        """Answer with a new room for the user whose token the request carries."""
        connector = self._connector(connector_id)
        require_single_use(connector)
        user = await self._verify(connector, token_of(request))
        self._rates.count(user=user.user_id, address=client_network(request))
        key = request_key_of(request)
        room = await self._booking.book(connector_id, user.user_id, key)
        result: dict[str, Any] = {
            "room_name": room.mailbox_name,
            "room_email": room.mailbox_address,
            "alias_id": room.tag,
            "instructions": room.instructions,
            "location": room.location,
        }
        add_addresses(result, self._room_addresses(connector))
        return success(request, result)

    @route(app, "/<int:connector_id>/images/addin_icon_<int:size>.png")
    def icon(self, request: Request, connector_id: int, size: int) -> ResponseBody:
        """Answer with the add-in's icon, `size` pixels wide and high."""
        connector = self._connector(connector_id)
        image = self._files.icon(connector, size)
        revision = self._files.icon_revision(connector).encode()
        set_header = request.responseHeaders.setRawHeaders
        # Never no-store: Outlook then shows a generic icon. Without the revision in
        # its address an icon may change.
        current = request.args.get(b"r") == [revision]
        set_header(b"cache-control", [_FOR_EVER if current else _FOR_AN_HOUR])
        set_header(b"cross-origin-resource-policy", [b"cross-origin"])
        return _unless_known(
            request, revision, file_response(request, image, "image/png")
        )

    @route(app, "/static/<string:version>/<string:name>")
    def static(self, request: Request, version: str, name: str) -> ResponseBody:
        """Answer with a script or style of the pane, in its present version."""
        found = self._static.get(name)
        if name == msal.NAME:
            found = self._library.file()
        if found is None:
            raise NotFound("There is no such file.")
        # A page of the release before asks for versions that are gone.
        caching = _FOR_EVER if version == found.version else b"no-cache"
        request.responseHeaders.setRawHeaders(b"cache-control", [caching])
        file_response(request, b"", found.content_type)
        content = encoded(request, found.content, lambda: found.compressed)
        return _unless_known(request, found.version.encode(), content)

    def _connector(self, id: int) -> Connector:
        return require_connector(self._connectors, id)


def _unless_known(request: Request, version: bytes, content: bytes) -> ResponseBody:
    """`content`, or no body and 304 if the client has this version."""
    return b"" if request.setETag(b'"%s"' % version) is CACHED else content
