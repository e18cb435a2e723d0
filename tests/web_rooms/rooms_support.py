"""Room systems' side of the daemon on a real socket: endpoints in a store, their lists,
and a bare client that speaks EWS from its published shapes alone."""

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import treq
from lxml import etree
from twisted.internet import reactor as _reactor
from twisted.internet.task import Clock
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.resource import Resource

from pexschedd.history.audit_entries import HeardSignIn
from pexschedd.identity.rooms.accounts import EndpointAccounts
from pexschedd.identity.rooms.screen_tokens import ScreenTokens, issue_screen_token
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import POLY, Endpoint
from pexschedd.model.onetouch.room_calendar import JoinDetails
from pexschedd.model.onetouch.screen_token import ScreenToken
from pexschedd.onetouch.contacts import EndpointContacts
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store
from pexschedd.web.path_router import PathRouter
from pexschedd.web.rooms.alarms import NothingGivenAlarms
from pexschedd.web.rooms.exchange import FIRST_PARTS, EmulatedExchangeApi
from pexschedd.web.rooms.meetings import MeetingsApi
from pexschedd.web.rooms.sign_in import RoomSignIn
from pexschedd.web.site import HttpSite
from tests.scheduling.process_support import unexpected
from tests.schemas import EWS, found_schema

reactor: Any = _reactor
NOW = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OAK, ELM = "oak@example.test", "elm@example.test"
USER, PASSWORD = "oak-screen", "pässword:1"
ZOOM = JoinDetails("123.456@zoomcrc.com", "SIP", "Zoom", "Zoom", service="Zoom")

NS = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
    "e": "http://schemas.microsoft.com/exchange/services/2006/errors",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())


def meeting(name: str, start: datetime = NOW + HOUR, **fields: Any) -> ScreenMeeting:
    """A line of a screen, with Join unless `details` is None."""
    end = fields.pop("end", start + HOUR)
    given: dict[str, Any] = {
        "item_id": f"real-{name}",
        "title": name,
        "organizer_name": "Alice Ångström",
        "organizer_email": "alice@example.test",
        "start": start,
        "end": end,
        "is_private": False,
        "is_all_day": False,
        "join_from": start - timedelta(minutes=5),
        "join_until": end,
        "details": ZOOM,
    }
    return ScreenMeeting(**given | fields)


class ExchangeSchema:
    """Judges answers: by Exchange's own schema where that is at hand, and everywhere by
    what every answer of Exchange is made of."""

    def __init__(self) -> None:
        self._schema = found_schema(EWS)

    def check(self, answer: bytes) -> None:
        """Raise AssertionError for an answer that is not Exchange's."""
        root = etree.fromstring(answer)
        parts = [each.tag for each in (root, *root)]
        soap = f"{{{NS['s']}}}"
        assert parts == [soap + each for each in ("Envelope", "Header", "Body")]
        (content,) = root[1]
        if content.tag != f"{soap}Fault":
            assert content.tag.startswith(f"{{{NS['m']}}}")
            assert content.tag.endswith("Response")
        assert content.find(".//{*}ResponseCode") is not None
        if self._schema is not None:
            assert self._schema.validate(root), self._schema.error_log


class Lists:
    """The lists of the endpoints, as a test sets them."""

    def __init__(self) -> None:
        self.meetings: dict[int, tuple[ScreenMeeting, ...]] = {}
        self.read: dict[int, datetime] = {}

    def of(self, endpoint_id: int) -> tuple[ScreenMeeting, ...]:
        return self.meetings.get(endpoint_id, ())

    def stale(self, endpoint_id: int) -> datetime | None:
        return self.read.get(endpoint_id)


class RoomWorld:
    """A store with two rooms and what is served for them; `oak` and `elm` are the ids
    of their endpoints."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(
            folder, tables.TABLES, reactor=reactor, failed=unexpected
        )
        self.moment = NOW
        self.clock = Clock()
        self.lists = Lists()
        self.alarms = Alarms(self.store, self.now)
        self.oak = self.endpoint("Oak", OAK, USER, PASSWORD)
        self.elm = self.endpoint("Elm", ELM, "elm-screen", "other")
        for each in (self.oak, self.elm):
            self.lists.read[each] = NOW
        self.lists.meetings[self.oak] = (meeting("Standup"), meeting("Review"))
        self.lists.meetings[self.elm] = (meeting("Secret"),)
        self.heard: list[HeardSignIn] = []
        exchange = EmulatedExchangeApi(
            RoomSignIn(
                EndpointAccounts(self.store, self.clock.seconds),
                self.now,
                lambda size: b"\x05" * size,
                self.heard.append,
            ),
            self.lists,
            EndpointContacts(self.store, self.now),
            now=self.now,
            seconds=self.clock.seconds,
            given=NothingGivenAlarms(self.alarms).note,
        ).app.resource()
        meetings = MeetingsApi(
            ScreenTokens(self.store, self.now, self.clock.seconds),
            self.lists,
            now=self.now,
            seconds=self.clock.seconds,
            heard=self.heard.append,
        ).app.resource()
        parts = {**dict.fromkeys(FIRST_PARTS, exchange), b"v1": meetings}
        self.site = HttpSite(PathRouter(Resource(), parts), reactor, None)
        self.port = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self.port.getHost().port}"
        self.ews = f"{self.url}/EWS/Exchange.asmx"
        self.pool = HTTPConnectionPool(reactor)
        self.agent = treq.client.HTTPClient(Agent(reactor, pool=self.pool))

    def now(self) -> datetime:
        return self.moment

    def endpoint(self, name: str, room: str, user: str, password: str) -> int:
        """Store an endpoint, and return its id."""
        with self.store.transaction() as change:
            id = change.new_id(tables.MJX_ENDPOINT)
            sealed = self.store.vault.seal(password, f"mjx_endpoint/{id}/poly_password")
            record = Endpoint(
                id=id,
                name=name,
                endpoint_type=POLY,
                room_resource_email=room,
                mjx_endpoint_group=1,
                poly_username=user,
                poly_password=sealed,
            )
            change.put(tables.MJX_ENDPOINT, record)
            change.commit()
        return id

    def change_endpoint(self, id: int, **fields: Any) -> None:
        """Change fields of an endpoint; `password` is sealed."""
        found = self.store.get(tables.MJX_ENDPOINT, id)
        assert found is not None
        password = fields.pop("password", None)
        if password is not None:
            context = f"mjx_endpoint/{id}/poly_password"
            fields["poly_password"] = self.store.vault.seal(password, context)
        with self.store.transaction() as change:
            changed = msgspec.structs.replace(found, **fields)
            change.put(tables.MJX_ENDPOINT, changed)
            change.commit()

    def token(self, endpoint: int) -> str:
        """Make a token for a screen, and return it."""
        with self.store.transaction() as change:
            record = ScreenToken(
                id=change.new_id(tables.SCREEN_TOKEN),
                name="Door",
                mjx_endpoint=endpoint,
                creation_time=NOW,
                starts_with="",
                token_hash="",
            )
            kept, token = issue_screen_token(record)
            change.put(tables.SCREEN_TOKEN, kept)
            change.commit()
        return token

    async def post(
        self, url: str, body: bytes, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, bytes]:
        """Return status, headers and body of the answer."""
        sent: dict[Any, Any] = {"Content-Type": "text/xml; charset=utf-8"}
        sent |= headers or {}
        answer = await self.agent.post(url, data=body, headers=sent)
        return answer.code, answer.headers, await treq.content(answer)

    async def ask(self, request: str, header: str = "", **more: str) -> etree._Element:
        """Return the content of the answer to a request of Oak's system."""
        _, _, body = await self.post(
            self.ews, soap(request, header), basic(USER, PASSWORD) | more
        )
        content = etree.fromstring(body).find("s:Body", NS)
        assert content is not None
        return content[0]

    async def codes(self, request: str, header: str = "") -> list[str]:
        """Return the response codes of the answer, of messages or of a fault."""
        answer = await self.ask(request, header)
        path = ".//m:ResponseCode | .//e:ResponseCode"
        found: Any = answer.xpath(path, namespaces=NS)
        return [each.text or "" for each in found]

    def contact(self, id: int) -> tuple[datetime | None, int]:
        """Return the time of an endpoint's last contact, and the meetings it got."""
        state = self.store.find(tables.ENDPOINT_STATE_BY_ENDPOINT, id)
        if state is None:
            return None, 0
        return state.last_contact_time, state.number_of_meetings

    def alarm(self) -> str:
        """Return the details of the alarm that is raised, empty if there is none."""
        raised = [a for a in self.store.all(tables.ALARM) if a.time_lowered is None]
        return raised[0].details if raised else ""

    async def close(self) -> None:
        await self.pool.closeCachedConnections()
        await self.port.stopListening()
        await self.store.close()


@asynccontextmanager
async def room_world(folder: Path) -> AsyncIterator[RoomWorld]:
    world = RoomWorld(folder)
    try:
        yield world
    finally:
        await world.close()


def basic(user: str, password: str) -> dict[str, str]:
    encoded = b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def soap(request: str, header: str = "") -> bytes:
    return (
        f"<s:Envelope {_DECLARED}><s:Header>"
        f'<t:RequestServerVersion Version="Exchange2013_SP1"/>{header}</s:Header>'
        f"<s:Body>{request}</s:Body></s:Envelope>"
    ).encode()


def texts(answer: etree._Element, path: str) -> list[str]:
    """Return the texts of the elements at a path."""
    return [each.text or "" for each in answer.iterfind(path, NS)]


def view(start: str, end: str, folder: str = "calendar", inner: str = "") -> str:
    """Return a FindItem with a calendar view."""
    return (
        '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default'
        "</t:BaseShape></m:ItemShape>"
        f'<m:CalendarView StartDate="{start}" EndDate="{end}"/><m:ParentFolderIds>'
        f'<t:DistinguishedFolderId Id="{folder}">{inner}</t:DistinguishedFolderId>'
        "</m:ParentFolderIds></m:FindItem>"
    )


DAY = view("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z")
