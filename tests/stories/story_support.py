"""Stories: an organizer at an independent client, the daemon, and what it tells them.

A `World` is the whole daemon and a sandbox Exchange on real sockets in one process,
with one clock for both that only stories move. `Organizer` is exchangelib, unmodified.

    alice = world.organizer()
    room = await world.book(alice)
    item = await alice.invite("Plans", AT_TEN, body=room.instructions)
    await world.settle()
    assert await alice.reads() == [NEW_SINGLE]
    assert await world.door(room, at=AT_TEN) == "open"
    assert await world.schedule() == [(opens, closes)]
"""

import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import exchangelib as ex
import msgspec
import treq
from exchangelib.items import SEND_ONLY_TO_ALL, SEND_TO_ALL_AND_SAVE_COPY
from exchangelib.version import EXCHANGE_2016, Version
from lxml import html
from msgspec.structs import fields
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.web.client import Agent
from zope.interface import directlyProvides, providedBy

from pexschedd import config as configuration
from pexschedd.model import tables
from pexschedd.model.integration import Connector
from pexschedd.sandbox import (
    Account,
    Exchange,
    Processing,
    Sandbox,
    default_accounts,
)
from pexschedd.scheduling.decision import Text
from pexschedd.scheduling.watcher import RETRY_MOST
from pexschedd.scheduling.watchers import wants_watcher
from pexschedd.tap import Daemon

T = TypeVar("T")
reactor: Any = _reactor
"""Typed as a module, which it is not."""

ALICE, BOB = "alice@example.test", "bob@example.test"
EQUIPMENT, ROOM1 = "pexipmeeting@example.test", "room1@example.test"
SVC = "svc@example.test"
STUDIO = "studio@example.test"
"""A second equipment mailbox."""

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""When every story begins: a Monday morning."""
AT_TEN = START + timedelta(hours=2)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
BEFORE, AFTER = 30 * MINUTE, 60 * MINUTE
"""How long before and after a meeting its room is open, by default."""

POLL = 3600
"""Seconds between two looks into the mailbox: never, in a story; see `settle`."""


class Clock:
    """A `Now` that only the story moves."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, by: timedelta = MINUTE) -> None:
        self.time += by

    @contextmanager
    def at(self, moment: datetime) -> Any:
        """Another time for a while."""
        before, self.time = self.time, moment
        try:
            yield
        finally:
            self.time = before


class RestingReactor:
    """The reactor, as the daemon gets it: it notices when watchers go to rest.

    A watcher that has worked off its mailbox waits for its poll interval, one in
    trouble for as long as a watcher waits at the most; nothing else in the daemon waits
    that long.
    """

    def __init__(self) -> None:
        directlyProvides(self, providedBy(reactor))
        self._naps: list[Any] = []
        self._waiting: list[Deferred[None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def callLater(
        self, delay: float, function: Callable[..., Any], *args: Any, **more: Any
    ) -> Any:
        call = reactor.callLater(delay, function, *args, **more)
        if delay in (POLL, RETRY_MOST):
            self._naps = [nap for nap in self._naps if nap.active()] + [call]
            # Whoever begins to rest does so completely first.
            reactor.callLater(0, self._tell)
        return call

    def resting(self) -> int:
        return sum(nap.active() for nap in self._naps)

    def another(self) -> Deferred[None]:
        """Fires when one more watcher has gone to rest."""
        done: Deferred[None] = Deferred()
        self._waiting.append(done)
        return done

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done.callback(None)


class Booked(msgspec.Struct, frozen=True):
    """What the add-in puts into an invitation."""

    tag: str
    instructions: str
    alias: str
    numeric: str
    id: int
    """Of its scheduled_alias."""


class Letter(msgspec.Struct, frozen=True):
    """An answer in the organizer's inbox."""

    kind: str
    """accept, decline, or another item class."""
    about: str
    """Which of the integration's texts it is; the text itself if it is none."""
    text: str = ""
    """What the organizer reads, in one line."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Letter) and (self.kind, self.about) == (
            other.kind,
            other.about,
        )

    __hash__ = None  # type: ignore[assignment]  # they are compared, not collected


NEW_SINGLE = Letter("accept", Text.NEW_SINGLE)
EDITED_SINGLE = Letter("accept", Text.EDITED_SINGLE)
NEW_SERIES = Letter("accept", Text.NEW_SERIES)
EDITED_SERIES = Letter("accept", Text.EDITED_SERIES)
EDITED_OCCURRENCE = Letter("accept", Text.EDITED_OCCURRENCE)
INVALID_ALIAS = Letter("decline", Text.INVALID_ALIAS)
ALIAS_CONFLICT = Letter("decline", Text.ALIAS_CONFLICT)
ALIAS_DELETED = Letter("decline", Text.ALIAS_DELETED)
SINGLE_PAST = Letter("decline", Text.SINGLE_PAST)
SERIES_PAST = Letter("decline", Text.SERIES_PAST)
GENERAL_ERROR = Letter("decline", Text.GENERAL_ERROR)

_KINDS = {
    "IPM.Schedule.Meeting.Resp.Pos": "accept",
    "IPM.Schedule.Meeting.Resp.Neg": "decline",
}


class World:
    """A sandbox and a daemon. Use `start` and `stop`."""

    def __init__(self, folder: Path) -> None:
        self.now = Clock()
        self.sandbox = Sandbox(now=self.now, clock=reactor, accounts=accounts())
        self.exchange: Exchange = self.sandbox.exchange
        self._reactor = RestingReactor()
        endpoint = "tcp:0:interface=127.0.0.1"
        self._listener = f"endpoints.{{}}[0] ({endpoint})"
        password = folder / "password"
        password.write_text(_PASSWORD)
        self.daemon = Daemon(
            configuration.parse(
                {
                    "state_dir": "state",
                    "endpoints": {"addin": [endpoint], "admin": [endpoint]},
                    "initial_admin_password_file": "password",
                },
                folder / "config.json",
            ),
            reactor=self._reactor,
            now=self.now,
        )
        self.store = self.daemon.store
        self._people: dict[str, Organizer] = {}
        self._agent = Agent(reactor)
        self._stirred = False

    async def start(self) -> None:
        self._port = reactor.listenTCP(0, self.sandbox.site(), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self._port.getHost().port}"
        self.daemon.privilegedStartService()
        self.daemon.startService()
        await self.daemon.first_start
        self.addin = self._address("addin")
        self.admin = self._address("admin")
        self.exchange.on_change(self._stir)
        self.store.subscribe(tables.REWRITE, lambda old, new: self._stir())

    async def stop(self) -> None:
        for person in self._people.values():
            await person.close()
        await self.daemon.stopService()
        await self._port.stopListening()

    def _address(self, name: str) -> str:
        listener: Any = self.daemon.getServiceNamed(self._listener.format(name))
        return f"127.0.0.1:{listener.port.getHost().port}"

    # Time

    def _stir(self) -> None:
        self._stirred = True

    async def settle(self) -> None:
        """Lets the watchers work until nothing changes any more."""
        for _ in range(20):
            self._stirred = False
            await self._look()
            if not self._stirred:
                return
        raise AssertionError("the watchers find no rest")

    async def _look(self) -> None:
        """One complete look into every mailbox that begins now."""
        await self._rest()
        for connector in self.store.all(tables.CONNECTOR):
            self.daemon.watchers.wake(connector.id)
        await self._rest()

    async def _rest(self) -> None:
        while self._reactor.resting() < sum(
            map(wants_watcher, self.store.all(tables.CONNECTOR))
        ):
            await self._reactor.another()

    # Around the daemon

    async def ask(
        self, method: str, path: str, body: Any = None, **params: str
    ) -> tuple[int, Any]:
        """The management API, as the first administrator: status, and what it says."""
        return await self._http(
            method,
            f"http://{self.admin}/api/admin/{path}",
            json=body,
            params=params,
            auth=("admin", _PASSWORD),
        )

    async def objects(self, resource: str, kind: str = "configuration") -> list[Any]:
        status, found = await self.ask("GET", f"{kind}/v1/{resource}/", limit="1000")
        assert status == 200, found
        return list(found["objects"])

    async def alarms(self) -> list[str]:
        return [alarm["details"] for alarm in await self.objects("alarm", "status")]

    async def create_integration(self, **fields: Any) -> Connector:
        status, said = await self.ask(
            "POST",
            "configuration/v1/ms_exchange_connector/",
            {
                "name": "Head office",
                "url": f"{self.url}/EWS/Exchange.asmx",
                "username": SVC,
                "password": "svc",
                "room_mailbox_name": "Pexip Meeting",
                "room_mailbox_email_address": EQUIPMENT,
                "addin_server_domain": self.addin,
                "scheduled_alias_prefix": "555",
                "scheduled_alias_suffix_length": 6,
                "scheduled_alias_domain": "example.test",
                "poll_interval": POLL,
                "domains": [{"domain": f"{self.url}/autodiscover/metadata/json/1"}],
            }
            | fields,
        )
        assert status == 201, said
        return list(self.store.all(tables.CONNECTOR))[-1]

    async def change_integration(self, id: int = 1, **fields: Any) -> None:
        status, said = await self.ask(
            "PATCH", f"configuration/v1/ms_exchange_connector/{id}/", fields
        )
        assert status in (200, 202, 204), said

    def token(
        self, address: str = ALICE, *, connector: int = 1, lifetime: int = 28800
    ) -> str:
        """What Outlook would get for this user."""
        path = f"/api/client/v2/msexchange_schedulers/{connector}/addin"
        return self.sandbox.identity_token(
            address, f"https://{self.addin}{path}", self.url, lifetime
        )

    async def book(self, address: str = ALICE, *, connector: int = 1) -> Booked:
        """A press of the add-in's button."""
        status, said = await self._http(
            "GET",
            f"http://{self.addin}/api/client/v2/msexchange_schedulers/{connector}"
            "/meeting_details",
            headers={"token": self.token(address, connector=connector)},
        )
        assert status == 200, said
        details = said["result"]
        uuid = details["alias_id"].removeprefix("PXPS:-").removesuffix("#")
        (booked,) = [
            alias
            for alias in self.store.all(tables.SCHEDULED_ALIAS)
            if alias.uuid == uuid
        ]
        return Booked(
            details["alias_id"],
            details["instructions"],
            booked.alias,
            booked.numeric_alias,
            booked.id,
        )

    async def door(self, room: Booked, at: datetime | None = None) -> str:
        """What a node is told that asks about a room, now or at another time: `open`,
        `not ours`, or why it is closed. Both of its aliases must say the same."""
        with self.now.at(at or self.now()):
            said = [await self.policy(alias) for alias in (room.alias, room.numeric)]
        assert said[0] == said[1], said
        answer = said[0]
        match answer["action"]:
            case "reject":
                return str(answer["reason"])
            case "continue" if answer["result"]:
                assert answer["result"]["service_type"] == "conference"
                return "open"
        return "not ours"

    async def policy(self, alias: str) -> dict[str, Any]:
        status, said = await self._http(
            "GET",
            f"http://{self.addin}/policy/v1/service/configuration",
            params={"local_alias": alias, "call_direction": "dial_in"},
        )
        assert status == 200, said
        return dict(said)

    async def schedule(self) -> list[tuple[datetime, datetime]]:
        """When which rooms are open, as administrators see it."""
        rows = await self.objects("scheduled_conference")
        return sorted(
            (parsed(row["start_time"]), parsed(row["end_time"])) for row in rows
        )

    async def rooms(self) -> list[str]:
        """The names of all rooms, as administrators see them."""
        return sorted(row["name"] for row in await self.objects("conference"))

    def scheduled_alias(self, room: Booked) -> Any:
        """Its record; None when it is gone."""
        return self.store.get(tables.SCHEDULED_ALIAS, room.id)

    async def _http(
        self, method: str, url: str, headers: Any = None, **more: Any
    ) -> tuple[int, Any]:
        if more.get("json", ...) is None:
            del more["json"]
        headers = {"connection": "close"} | (headers or {})
        client = treq.client.HTTPClient(self._agent)
        response = await client.request(method, url, headers=headers, **more)
        body = await response.content()
        return response.code, msgspec.json.decode(body) if body else None

    # Around Exchange

    def organizer(self, address: str = ALICE) -> "Organizer":
        if address not in self._people:
            self._people[address] = Organizer(self.url, address, self.now)
        return self._people[address]

    def inbox(self, address: str = EQUIPMENT) -> list[Any]:
        """The sandbox's items, oldest first."""
        return self.exchange.mailbox(address).inbox()[::-1]


class Organizer:
    """One person's Outlook: exchangelib, in a thread. Every action takes a minute."""

    def __init__(self, exchange: str, address: str, now: Clock) -> None:
        self.address = address
        self._now = now
        self._read = 0
        user = address.partition("@")[0]
        self.account = ex.Account(
            primary_smtp_address=address,
            autodiscover=False,
            access_type=ex.DELEGATE,
            default_timezone=ex.UTC,
            config=ex.Configuration(
                service_endpoint=f"{exchange}/EWS/Exchange.asmx",
                credentials=ex.Credentials(address, user),
                auth_type="basic",
                version=Version(EXCHANGE_2016),
            ),
        )

    async def close(self) -> None:
        await self.do(self.account.protocol.close)

    async def do(self, work: Callable[[], T]) -> T:
        """Anything with `account`, a minute after the last action."""
        self._now.advance()
        done: T = await deferToThread(work)
        return done

    async def invite(
        self,
        subject: str,
        start: datetime,
        end: datetime | None = None,
        *,
        body: str = "",
        resources: Sequence[str] = (EQUIPMENT,),
        **more: Any,
    ) -> Any:
        """Sends a new meeting, of an hour unless said otherwise. `body` is HTML, or
        an `exchangelib.Body`; `more` are exchangelib's fields. Gives its item."""

        def work() -> Any:
            item = ex.CalendarItem(
                account=self.account,
                folder=self.account.calendar,
                subject=subject,
                start=ews_time(start),
                end=ews_time(end or start + HOUR),
                body=body if isinstance(body, ex.Body) else ex.HTMLBody(body),
                resources=attendees(*resources),
                **more,
            )
            item.save(send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY)
            return item

        return await self.do(work)

    async def change(self, item: Any, **changes: Any) -> None:
        """Changes fields of a meeting, and sends it to everybody."""

        def work() -> None:
            item.refresh()
            for name, value in changes.items():
                setattr(item, name, value)
            item.save(
                update_fields=list(changes),
                send_meeting_invitations=SEND_TO_ALL_AND_SAVE_COPY,
            )

        await self.do(work)

    async def move(
        self, item: Any, start: datetime, end: datetime | None = None
    ) -> None:
        await self.change(
            item, start=ews_time(start), end=ews_time(end or start + HOUR)
        )

    async def cancel(self, item: Any) -> None:
        def work() -> None:
            item.refresh()
            item.delete(send_meeting_cancellations=SEND_ONLY_TO_ALL)

        await self.do(work)

    async def letters(self) -> list[Letter]:
        """All answers in the inbox, oldest first."""

        def work() -> list[Any]:
            return list(self.account.inbox.all().order_by("datetime_received"))

        found = await deferToThread(work)
        return [_letter(each) for each in found]

    async def reads(self) -> list[Letter]:
        """The answers that have come since the last time."""
        letters = await self.letters()
        new, self._read = letters[self._read :], len(letters)
        return new


def accounts() -> list[Account]:
    """The sandbox's own, and another equipment mailbox."""
    studio = Account(STUDIO, "Studio", processing=Processing.NONE)
    return [*default_accounts(), studio]


def attendees(*addresses: str) -> list[Any]:
    return [ex.Attendee(mailbox=ex.Mailbox(email_address=a)) for a in addresses]


def window(start: datetime, end: datetime | None = None) -> tuple[datetime, datetime]:
    """When the room of a meeting is open, an hour long unless said otherwise."""
    return start - BEFORE, (end or start + HOUR) + AFTER


def opens(start: datetime) -> str:
    """What the policy says about a room before a meeting."""
    return f"This meeting opens at {start - BEFORE:%Y-%m-%d %H:%M} UTC."


OVER = "This meeting is over."
GONE = "This meeting is over or was cancelled."
NOT_SCHEDULED = "No meeting is scheduled with this alias."

_PASSWORD = "correct horse battery"


def ews_time(moment: datetime) -> Any:
    return ex.EWSDateTime.from_datetime(moment)


def parsed(naive_utc: str) -> datetime:
    return datetime.fromisoformat(naive_utc + "+00:00")


def _letter(item: Any) -> Letter:
    text = " ".join(str(item.text_body or "").split())
    about = next(
        (name for name, pattern in _texts().items() if pattern.fullmatch(text)), text
    )
    return Letter(_KINDS.get(item.item_class, item.item_class), about, text)


@cache
def _texts() -> dict[str, re.Pattern[str]]:
    """Every text that an integration answers with, as it is read."""
    defaults = {field.name: field.default for field in fields(Connector)}
    return {name: _pattern(defaults[name]) for name in Text}


def _pattern(template: str) -> re.Pattern[str]:
    shown = " ".join(str(html.fromstring(template).xpath("string()")).split())
    return re.compile(re.sub(r"\\\{\\\{\w+\\\}\\\}", "(.+)", re.escape(shown)))
