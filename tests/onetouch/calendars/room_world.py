"""The whole daemon, a sandbox Exchange with rooms, and Alice at exchangelib."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from pexschedd import config as configuration
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.onetouch.processing_rule import ProcessingRule
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.onetouch.deployments import EXCHANGE, GRAPH, DeploymentKind
from pexschedd.onetouch.screen.screen_meeting import ScreenMeeting
from pexschedd.sandbox import CalendarProcessing, Sandbox
from pexschedd.sandbox.graph.signin.applications import GraphApplication, MailboxGrant
from pexschedd.tap import Daemon
from tests.ews.ews_rooms_support import ALICE, OTJ, accounts, room
from tests.sandbox.graph.graph_support import CLIENT, SECRET, TENANT
from tests.stories.story_clock import Clock, reactor
from tests.stories.story_organizer import Organizer
from tests.turns import until

OAK, ELM, ASH = "oak@example.test", "elm@example.test", "ash@example.test"
"""Elm has Exchange's defaults: it deletes texts, subjects and the private flag."""
ZOOM = "<p>Join: https://zoom.us/j/1234567890</p>"
DIAL = "1234567890@zoomcrc.com"


class RoomWorld:
    """A sandbox and a daemon with one clock. Use `start` and `stop`. With `rooms_port`
    endpoints can reach the daemon there; `kind` is that of the deployment."""

    def __init__(
        self,
        folder: Path,
        sandbox: Sandbox | None = None,
        now: Clock | None = None,
        rooms_port: int = 0,
        kind: DeploymentKind = EXCHANGE,
        **config: Any,
    ) -> None:
        self.now = now or Clock()
        chosen = (room(OAK), room(ELM, CalendarProcessing()), room(ASH))
        self.sandbox = sandbox or Sandbox(
            now=self.now, clock=reactor, accounts=accounts(*chosen)
        )
        self.kind = kind
        if kind is GRAPH:
            role = MailboxGrant(role="Calendars.Read", mailboxes=(OAK, ELM, ASH))
            self.sandbox.graph.applications.add(
                GraphApplication(
                    client_id=CLIENT, tenant=TENANT, secret=SECRET, grants=(role,)
                )
            )
        self._folder = folder
        (folder / "password").write_text("correct horse battery")
        endpoint = "tcp:0:interface=127.0.0.1"
        endpoints = {"addin": [endpoint], "admin": [endpoint]}
        reached: dict[str, Any] = {}
        if rooms_port:
            endpoints["rooms"] = [f"tcp:{rooms_port}:interface=127.0.0.1"]
            reached = {"rooms_url": f"http://127.0.0.1:{rooms_port}"}
        self.daemon = Daemon(
            configuration.parse(
                {
                    "state_dir": "state",
                    "endpoints": endpoints,
                    "initial_admin_password_file": "password",
                    **config,
                }
                | reached,
                folder / "config.json",
            ),
            reactor=reactor,
            now=self.now,
        )
        self.store = self.daemon.store
        self._alice: Organizer | None = None

    async def start(self) -> None:
        self._port = reactor.listenTCP(0, self.sandbox.site(), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{self._port.getHost().port}"
        self.daemon.privilegedStartService()
        self.daemon.startService()
        await self.daemon.first_start

    async def stop(self) -> None:
        if self._alice is not None:
            await self._alice.close()
        await self.daemon.stopService()
        await self._port.stopListening()

    def sign_in(self, *methods: Any) -> None:
        """Have Exchange offer these methods alone."""
        self.sandbox.behaviour.configure({"sign_in": {"methods": list(methods)}})

    @property
    def alice(self) -> Organizer:
        if self._alice is None:
            self._alice = Organizer(self.url, ALICE, self.now)
        return self._alice

    async def configure(self, *rooms: str, **deployment: Any) -> None:
        """Store a deployment, a profile with a rule for Zoom, and an endpoint for each
        room; its id is the room's number."""
        with self.store.transaction() as change:
            if self.kind is GRAPH:
                change.put(
                    tables.MJX_GRAPH_DEPLOYMENT, self._graph_deployment(**deployment)
                )
            else:
                change.put(
                    tables.MJX_EXCHANGE_DEPLOYMENT,
                    self._exchange_deployment(**deployment),
                )
            change.put(
                tables.MJX_INTEGRATION,
                JoinProfile(
                    id=1,
                    name="Offices",
                    display_upcoming_meetings=14,
                    **{self.kind.profile_field: 1},  # type: ignore[arg-type]
                ),
            )
            group = EndpointGroup(id=1, name="All", mjx_integration=1)
            change.put(tables.MJX_ENDPOINT_GROUP, group)
            rule = ProcessingRule(
                id=1, name="Zoom", mjx_integration=1, priority=1, meeting_type="zoom"
            )
            change.put(tables.MJX_PROCESSING_RULE, rule)
            durable = change.commit()
        await durable
        with self.store.transaction() as change:
            for number, each in enumerate(rooms, 1):
                endpoint = Endpoint(
                    id=number,
                    name=each,
                    room_resource_email=each,
                    mjx_endpoint_group=1,
                )
                change.put(tables.MJX_ENDPOINT, endpoint)
            durable = change.commit()
        await durable
        await until(lambda: bool(self.daemon.one_touch.reading.readers))

    def _exchange_deployment(self, **fields: Any) -> ExchangeDeployment:
        given: dict[str, Any] = {
            "name": "Head office",
            "ews_url": f"{self.url}/EWS/Exchange.asmx",
            "service_account_username": OTJ,
            "service_account_password": self.store.vault.seal(
                "otj", "mjx_exchange_deployment/1/service_account_password"
            ),
        }
        return ExchangeDeployment(id=1, **given | fields)

    def _graph_deployment(self, **fields: Any) -> GraphDeployment:
        given: dict[str, Any] = {
            "name": "Head office",
            "client_id": CLIENT,
            "client_secret": self.store.vault.seal(
                SECRET, "mjx_graph_deployment/1/client_secret"
            ),
            "oauth_token_url": f"{self.url}/{TENANT}/oauth2/v2.0/token",
            "graph_api_domain": self.url.removeprefix("http://"),
        }
        return GraphDeployment(id=1, **given | fields)

    async def read(self) -> None:
        """Have all rooms read now."""
        (reader,) = self.daemon.one_touch.reading.readers.values()
        await until(lambda: not reader.reading)
        before = reader.readings
        for email in reader.rooms:
            reader.read_now(email)
        await until(
            lambda: not reader.reading and reader.readings - before >= len(reader.rooms)
        )

    def screen(self, endpoint: int = 1) -> tuple[ScreenMeeting, ...]:
        return self.daemon.one_touch.lists.of(endpoint)

    async def shows(self, endpoint: int = 1) -> list[tuple[str, str]]:
        """The titles of a screen with what Join dials, once all rooms were read."""
        await self.read()
        return [
            (line.title, line.details.alias if line.details else "")
            for line in self.screen(endpoint)
        ]

    async def at_exchange(self, work: Callable[[], Any]) -> Any:
        """Anything that exchangelib does."""
        self.now.advance(timedelta(minutes=1))
        return await deferToThread(work)
