"""An integration, the routes on a real socket, and a plain client for them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import msgspec
import treq
from msgspec import Struct
from msgspec.structs import replace
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.web.client import Agent, FileBodyProducer
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource

from pexschedd.errors import InvalidToken, Unavailable
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.booking import BookedRoom
from pexschedd.scheduling.decisions.tag_state import TagState, TagStatus
from pexschedd.scheduling.ports.mailbox import DirectoryEntry
from pexschedd.scheduling.tag_status import TagQuestion
from pexschedd.web.addin.api import AddinApi
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.headers import content_security_policy
from pexschedd.web.addin.manifest.deployed import PaneVisits
from pexschedd.web.addin.msal.library import MsalLibrary
from pexschedd.web.addin.pane import PanePages
from pexschedd.web.addin.rates import UNLIMITED
from pexschedd.web.addin.route_groups import PREFIX, AddinRouteGroups
from pexschedd.web.addin.tags import TagRoutes
from pexschedd.web.site import HttpSite

CONNECTOR = Connector(
    id=1,
    uuid="6F1D3C52-9a1b-4d7e-8f5c-2a4b6c8d0e1f",
    name="Head office",
    url="https://mail.example.test/EWS/Exchange.asmx",
    addin_server_domain="vc.example.test",
    room_mailbox_name="Pexip Meeting",
    room_mailbox_email_address="pexipmeeting@example.test",
)


def unrendered(connector: Connector) -> str:
    return connector.placeholder_instructions_template


ROOM = BookedRoom(
    "Pexip Meeting",
    "pexipmeeting@example.test",
    "PXPS:-1#",
    "<p>Join é</p>",
    "https://vc.example.test/1",
)
ENTRY = DirectoryEntry(
    "Pexip Meeting", "room@example.test", ("room@example.test", "/o=First/cn=room")
)


class Behind:
    """What is behind the routes: users by their token, and rooms for them."""

    def __init__(self) -> None:
        self.connectors = {1: CONNECTOR}
        self.booked: list[tuple[int, str]] = []
        self.keys: list[str] = []
        self.room: Callable[[], BookedRoom] = lambda: ROOM
        self.domains: list[str] = []
        self.placeholder: Callable[[Connector], str] = unrendered
        self.entry: DirectoryEntry | None = ENTRY
        self.asked: list[tuple[str, TagQuestion]] = []
        self.rates = UNLIMITED

    async def verify(self, connector: Connector, token: str) -> VerifiedUser:
        if token == "down":
            raise Unavailable("Exchange's signing keys cannot be read.")
        if token != "alice":
            raise InvalidToken("The token's signature is wrong.")
        return VerifiedUser("alice https://mail")

    async def book(self, connector_id: int, user: str, key: str) -> BookedRoom:
        self.booked.append((connector_id, user))
        self.keys.append(key)
        return self.room()

    def room_addresses(self, connector: Connector) -> DirectoryEntry | None:
        return self.entry

    async def answer(
        self,
        connector: Connector,
        user: str,
        question: TagQuestion,
        *,
        correlation_id: str,
    ) -> dict[str, TagStatus]:
        self.asked.append((user, question))
        return {tag: TagStatus(TagState.THIS, False) for tag in question.tags}

    def change(self, **changes: Any) -> None:
        self.connectors[1] = replace(self.connectors[1], **changes)


class Answer(Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Routes:
    """Routes of the add-in on a port of loopback, below its prefix."""

    def __init__(
        self, resource: IResource, groups: Mapping[str, IResource] | None = None
    ) -> None:
        if not isinstance(resource, AddinRouteGroups):
            resource = AddinRouteGroups(resource, groups or {})
        self._site = HttpSite(resource, reactor, None)
        self._port: IListeningPort | None = None

    async def listen(self) -> None:
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self._port = await endpoint.listen(self._site)

    async def close(self) -> None:
        assert self._port is not None
        await maybeDeferred(self._port.stopListening)

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        """`path` is relative to the add-in's prefix."""
        return await self._ask(method, path, b"", headers)

    async def post(self, path: str, body: bytes, **headers: str) -> Answer:
        """As `get`, with a body."""
        return await self._ask("POST", path, body, headers)

    async def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> Answer:
        assert self._port is not None
        address = self._port.getHost()
        assert isinstance(address, IPv4Address)
        response = await Agent(reactor).request(
            method.encode(),
            f"http://127.0.0.1:{address.port}{PREFIX}{path}".encode(),
            Headers({name.replace("_", "-"): [text] for name, text in headers.items()}),
            FileBodyProducer(BytesIO(body)) if body else None,
        )
        body = await treq.content(response)
        got = {
            name.decode().lower(): values[0].decode()
            for name, values in response.headers.getAllRawHeaders()
        }
        return Answer(response.code, got, body)


class Server(Routes):
    """`AddinApi` on a port of loopback."""

    def __init__(
        self,
        behind: Behind,
        files: ConnectorFiles,
        library: MsalLibrary | None = None,
    ) -> None:
        pages = PanePages(
            files, lambda connector: behind.placeholder(connector), library
        )
        fake: Any = behind  # booking, and the statuses of tags
        self.visits = PaneVisits(lambda: datetime(2026, 11, 21, 9, 0, tzinfo=UTC))
        api = AddinApi(
            behind.connectors.get,
            behind.verify,
            fake,
            files,
            pages,
            policy=lambda c: content_security_policy(c, behind.domains),
            visits=self.visits,
            room_addresses=behind.room_addresses,
            library=library,
        )
        tags = TagRoutes(
            behind.connectors.get,
            behind.verify,
            fake,
            behind.room_addresses,
            behind.rates,
        )
        groups = {"meeting_tags": tags.app.resource()}
        super().__init__(api.app.resource(), groups)
