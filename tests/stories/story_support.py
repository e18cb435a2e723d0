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

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from pexschedd import config as configuration
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.sandbox import (
    Account,
    Exchange,
    Processing,
    Sandbox,
    default_accounts,
)
from pexschedd.sandbox.graph.signin.applications import GraphApplication
from pexschedd.scheduling.admission import Admission, Closed, Open
from pexschedd.scheduling.inbox.supervisor import wants_worker
from pexschedd.tap import Daemon
from tests.stories import agreement
from tests.stories.story_clock import (
    POLL,
    Clock,
    RestingReactor,
    reactor,
)
from tests.stories.story_http import JsonClient
from tests.stories.story_letters import (
    ALIAS_CONFLICT,
    ALIAS_DELETED,
    EDITED_OCCURRENCE,
    EDITED_SERIES,
    EDITED_SINGLE,
    GENERAL_ERROR,
    INVALID_ALIAS,
    NEW_SERIES,
    NEW_SINGLE,
    SERIES_PAST,
    SINGLE_PAST,
    Letter,
)
from tests.stories.story_organizer import (
    Organizer,
    attendees,
    ews_time,
)
from tests.stories.story_terms import (
    AFTER,
    ALICE,
    AT_TEN,
    BEFORE,
    BOB,
    DAY,
    EQUIPMENT,
    GONE,
    HOUR,
    MINUTE,
    NOT_SCHEDULED,
    OVER,
    ROOM1,
    START,
    STUDIO,
    SVC,
    opens,
    window,
)

__all__ = [
    "AFTER",
    "ALIAS_CONFLICT",
    "ALIAS_DELETED",
    "ALICE",
    "AT_TEN",
    "BEFORE",
    "BOB",
    "DAY",
    "EDITED_OCCURRENCE",
    "EDITED_SERIES",
    "EDITED_SINGLE",
    "EQUIPMENT",
    "GENERAL_ERROR",
    "GONE",
    "HOUR",
    "INVALID_ALIAS",
    "MINUTE",
    "NEW_SERIES",
    "NEW_SINGLE",
    "NOT_SCHEDULED",
    "OVER",
    "POLL",
    "ROOM1",
    "SERIES_PAST",
    "SINGLE_PAST",
    "START",
    "STUDIO",
    "SVC",
    "Booked",
    "Clock",
    "Letter",
    "Organizer",
    "RestingReactor",
    "World",
    "accounts",
    "attendees",
    "ews_time",
    "opens",
    "parsed",
    "reactor",
    "window",
]
"""All that a story needs, in one place."""

_PASSWORD = "correct horse battery"


class Booked(msgspec.Struct, frozen=True):
    """What the add-in puts into an invitation."""

    tag: str
    instructions: str
    alias: str
    numeric: str
    id: int
    """Of its scheduled_alias."""


_CLIENT, _TENANT = "11111111-2222-3333-4444-555555555555", "contoso.test"


class World:
    """A sandbox and a daemon. Use `start` and `stop`.

    `graph`: the integrations use Microsoft Graph, and the organization is one of
    Exchange Online.
    """

    def __init__(self, folder: Path, *, graph: bool = False) -> None:
        self.now = Clock()
        self.graph = graph
        self.sandbox = Sandbox(now=self.now, clock=reactor, accounts=accounts(graph))
        if graph:
            self.sandbox.graph.applications.add(
                GraphApplication(
                    client_id=_CLIENT,
                    tenant=_TENANT,
                    secret="s3",
                    # Stories move the time of day, not what the daemon measures by.
                    token_lifetime_s=10_000_000,
                )
            )
        self.exchange: Exchange = self.sandbox.exchange
        self._reactor = RestingReactor()
        self._folder = folder
        (folder / "password").write_text(_PASSWORD)
        self._make_daemon(folder / "state")
        self._people: dict[str, Organizer] = {}
        self._client = JsonClient()
        self._stirred = False

    def _make_daemon(self, state_dir: Path) -> None:
        endpoint = "tcp:0:interface=127.0.0.1"
        self.state_dir = state_dir
        self.daemon = Daemon(
            configuration.parse(
                {
                    "state_dir": str(state_dir),
                    "endpoints": {"addin": [endpoint], "admin": [endpoint]},
                    "initial_admin_password_file": "password",
                },
                self._folder / "config.json",
            ),
            reactor=self._reactor,
            now=self.now,
        )
        self.store = self.daemon.store

    async def start(self) -> None:
        self._port = reactor.listenTCP(0, self.sandbox.site(), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self._port.getHost().port}"
        self.exchange.on_change(self._stir)
        await self._start_daemon()

    async def _start_daemon(self) -> None:
        self.daemon.privilegedStartService()
        self.daemon.startService()
        await self.daemon.first_start
        self.addin = self._address("addin")
        self.admin = self._address("admin")
        self.store.subscribe(tables.REWRITE, lambda old, new: self._stir())

    async def restart(self, state_dir: Path) -> None:
        """Another daemon begins with the state in this folder."""
        await self.daemon.stopService()
        self._make_daemon(state_dir)
        await self._start_daemon()

    async def stop(self) -> None:
        for person in self._people.values():
            await person.close()
        await self._client.close()
        await self.daemon.stopService()
        await self._port.stopListening()

    def _address(self, name: str) -> str:
        return f"127.0.0.1:{self.daemon.http_servers.port(name)}"

    # Time

    def _stir(self) -> None:
        self._stirred = True

    async def settle(self) -> None:
        """Lets the watchers work until nothing changes any more.

        Then records and policy have to agree, whatever the story has been so far.
        """
        for _ in range(20):
            self._stirred = False
            await self._look()
            if not self._stirred:
                agreement.check(self.store)
                return
        raise AssertionError("the watchers find no rest")

    def skip(self, seconds: float) -> None:
        """Lets the server's pauses and the like go by: the daemon's clock, not what it
        takes for the time of day."""
        self._reactor.skip(seconds)

    async def _look(self) -> None:
        """One complete look into every mailbox that begins now."""
        await self.rest()
        for connector in self.store.all(tables.CONNECTOR):
            self.daemon.supervisor.wake(connector.id)
        await self.rest()

    async def rest(self) -> None:
        """Wait until each watcher has nothing to do."""
        while self._reactor.resting() < sum(
            map(wants_worker, self.store.all(tables.CONNECTOR))
        ):
            await self._reactor.another()

    # Around the daemon

    async def ask(
        self, method: str, path: str, body: Any = None, **params: str
    ) -> tuple[int, Any]:
        """The management API, as the first administrator: status, and what it says."""
        return await self._client.ask(
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
                "notification_method": "POLL",
                "domains": [{"domain": f"{self.url}/autodiscover/metadata/json/1"}],
            }
            | (self._graph_fields() if self.graph else {})
            | fields,
        )
        assert status == 201, said
        return list(self.store.all(tables.CONNECTOR))[-1]

    def _graph_fields(self) -> dict[str, str]:
        return {
            "mailbox_protocol": "GRAPH",
            "graph_api_domain": self.url.removeprefix("http://"),
            "oauth_client_id": _CLIENT,
            "oauth_client_secret": "s3",
            "oauth_token_endpoint": f"{self.url}/{_TENANT}/oauth2/v2.0/token",
        }

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
        status, said = await self._client.ask(
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

    async def whose(self, room: Booked, address: str = ALICE, **asked: Any) -> Any:
        """The pane's question about the room's tag: its state, and the whole answer."""
        status, said = await self._client.ask(
            "POST",
            f"http://{self.addin}/api/client/v2/msexchange_schedulers/1/meeting_tags",
            headers={"token": self.token(address)},
            json={"tags": [room.tag], **asked},
        )
        assert status == 200, said
        found = said["result"]["tags"][room.tag]
        return f"{found['state']}{'' if found['certain'] else '?'}", said["result"]

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

    def admitted(self, room: Booked, at: datetime) -> str:
        """Return what the policy interface tells that node, in the words of `door`:
        half of a story's requests would be of nodes that ask about many times."""
        admission = Admission(self.store, lambda: at)
        said = [admission.ask(alias) for alias in (room.alias, room.numeric)]
        assert said[0] == said[1], said
        match said[0]:
            case Closed(reason=reason):
                return reason
            case Open():
                return "open"
        return "not ours"

    async def policy(self, alias: str) -> dict[str, Any]:
        status, said = await self._client.ask(
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

    # Around Exchange

    def accepting_fails(self, code: str) -> None:
        """From now on no request can be accepted."""
        fault = {"kind": code, "operation": "CreateItem", "times": None}
        if self.graph:
            fault |= {"kind": f"graph-{code}", "operation": "GraphAcceptEvent"}
        self.sandbox.behaviour.configure({"faults": [fault]})

    def organizer(self, address: str = ALICE) -> "Organizer":
        if address not in self._people:
            self._people[address] = Organizer(self.url, address, self.now)
        return self._people[address]

    def inbox(self, address: str = EQUIPMENT) -> list[Any]:
        """The sandbox's items, oldest first."""
        return self.exchange.mailbox(address).inbox()[::-1]


def accounts(graph: bool = False) -> list[Account]:
    """The sandbox's own, and another equipment mailbox. Over Graph a mailbox can only
    be answered for if the calendar attendant is at work there."""
    studio = Account(STUDIO, "Studio", processing=Processing.NONE)
    found = [*default_accounts(), studio]
    if not graph:
        return found
    return [
        msgspec.structs.replace(each, processing=Processing.AUTO_UPDATE)
        if each.address in (EQUIPMENT, STUDIO)
        else each
        for each in found
    ]


def parsed(naive_utc: str) -> datetime:
    return datetime.fromisoformat(naive_utc + "+00:00")
