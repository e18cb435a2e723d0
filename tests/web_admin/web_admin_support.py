"""A management API on a real port with a real store, and a client for it."""

import base64
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from os import urandom
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import treq
from twisted.internet import reactor as _reactor
from twisted.internet.interfaces import IReactorTime
from twisted.internet.threads import deferToThread
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool
from twisted.web.http_headers import Headers

from pexschedd.deployment.client import DeploymentAccount, DeploymentReader
from pexschedd.doctor.case import AddinState
from pexschedd.errors import NotAuthenticated, StoreError
from pexschedd.identity.administrators import Administrators
from pexschedd.identity.script_tokens import ScriptTokens, issuer
from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.management.onetouch.review import OneTouchReview
from pexschedd.management.onetouch.rule_tests import RuleTests
from pexschedd.management.onetouch.statuses import RoomStatuses
from pexschedd.management.record_queries import RecordQueries
from pexschedd.management.record_writer import RecordWriter
from pexschedd.management.transfer.csv_transfer import CsvTransfer
from pexschedd.management.transfer.exporter import ConfigurationExporter
from pexschedd.management.transfer.importer import ConfigurationImporter
from pexschedd.model import tables
from pexschedd.model.accounts.administrator import Administrator, RoleLevel
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.onetouch.room_lists import RoomLists
from pexschedd.onetouch.rules.rule_sets import rule_templates
from pexschedd.store.archive.live import StoreArchives
from pexschedd.store.store import Store
from pexschedd.templates.engine import Templates
from pexschedd.util.worker_processes import work_at_once
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.review import review
from pexschedd.web.admin.addin_files import AddinFileRoutes
from pexschedd.web.admin.api import AdminApi, AdminRoutes
from pexschedd.web.admin.commands.own_password import OwnPasswordRoutes
from pexschedd.web.admin.commands.rule_test import RuleTestRoutes
from pexschedd.web.admin.computed import ComputedRoutes
from pexschedd.web.admin.consequences import consequences
from pexschedd.web.admin.oauth_tokens import OAuthTokenRoutes
from pexschedd.web.admin.openapi.serving import OpenApiRoutes
from pexschedd.web.admin.overview import OverviewRoutes
from pexschedd.web.admin.records import RecordRoutes, large_bodies
from pexschedd.web.admin.status.addins import addin_statuses
from pexschedd.web.admin.transfer.backup import BackupRoutes
from pexschedd.web.admin.transfer.configuration import (
    ConfigurationRoutes,
    large_documents,
)
from pexschedd.web.admin.transfer.csv_files import CsvRoutes, large_tables
from pexschedd.web.admin.transfer.deployment import DeploymentRoutes
from pexschedd.web.refusals import admin_shape
from pexschedd.web.site import HttpSite

reactor: Any = _reactor
"""Typed as a module, which it is not."""

API = "/api/admin/configuration/v1"
CONNECTOR = f"{API}/ms_exchange_connector/"
DOMAIN = f"{API}/exchange_domain/"
CONFERENCE = f"{API}/conference/"
ALIAS = f"{API}/conference_alias/"
SCHEDULED = f"{API}/scheduled_conference/"
SCHEDULED_ALIAS = f"{API}/scheduled_alias/"

NAME, PASSWORD = "admin", "correct horse battery"

ROOM = {
    "name": "Board",
    "aliases": [{"alias": "board@example.test"}, {"alias": "5551"}],
    "scheduled_conferences": [
        {"start_time": "2026-11-21T10:00:00", "end_time": "2026-11-21T11:00:00"}
    ],
}
HEAD_OFFICE = {
    "name": "Head office",
    "url": "http://127.0.0.1:8082/EWS/Exchange.asmx",
    "username": "svc@example.test",
    "password": "svc",
    "room_mailbox_name": "Pexip Meeting",
    "room_mailbox_email_address": "pexipmeeting@example.test",
    "addin_server_domain": "127.0.0.1:8080",
    "scheduled_alias_prefix": "555",
    "scheduled_alias_suffix_length": 6,
    "scheduled_alias_domain": "example.test",
    "domains": [{"domain": "http://127.0.0.1:8082/autodiscover/metadata/json/1"}],
}
"""A new integration in one request, as it is documented."""


class Clock:
    """A `Now` that tests move."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **amount: float) -> None:
        self.time += timedelta(**amount)


class Answer(msgspec.Struct):
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return str(self.headers.getRawHeaders("location")[0])


class Client:
    """Asks one server; much faster with a `pool` that keeps its connections."""

    def __init__(self, port: int, pool: HTTPConnectionPool | None = None) -> None:
        self.port = port
        self._agent = Agent(reactor, pool=pool)
        self._headers = {} if pool else {"connection": "close"}

    async def ask(
        self,
        method: str,
        path: str,
        payload: object = None,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = (NAME, PASSWORD),
    ) -> Answer:
        sent: Any = {**self._headers, **(headers or {})}
        if auth is not None:
            text = ":".join(auth).encode()
            sent["authorization"] = "Basic " + base64.b64encode(text).decode()
        if payload is not None:
            body = json.dumps(payload).encode()
            sent.setdefault("content-type", "application/json")
        # Not by treq.request, which takes a fifth of the processor time of it all.
        response = await self._agent.request(
            method.encode(),
            f"http://127.0.0.1:{self.port}{path}".encode(),
            Headers({name: [value] for name, value in sent.items()}),
            None if body is None else FileBodyProducer(BytesIO(body)),
        )
        return Answer(response.code, response.headers, await treq.content(response))

    async def get(self, path: str) -> Any:
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.body
        return answer.json

    async def objects(self, path: str) -> list[Any]:
        objects: list[Any] = (await self.get(path))["objects"]
        return objects

    async def create(self, path: str, payload: object) -> str:
        """The new record's URI."""
        answer = await self.ask("POST", path, payload)
        assert answer.status == 201, answer.body
        return answer.location

    async def refused(
        self, method: str, path: str, payload: object
    ) -> dict[str, list[str]]:
        """The wrong fields."""
        answer = await self.ask(method, path, payload)
        assert answer.status == 400, (answer.status, answer.body)
        (problems,) = answer.json.values()
        assert isinstance(problems, dict), answer.body
        return problems


class OneAdministrator:
    """Signs `NAME` in, without the time that a real password takes."""

    async def authenticate(
        self, name: str, password: str, address: str
    ) -> Administrator:
        if (name, password) != (NAME, PASSWORD):
            raise NotAuthenticated("The name or the password is wrong.")
        return Administrator(
            id=1,
            name=name,
            password="",
            role=int(RoleLevel.FULL),
            created=datetime(2026, 11, 21, tzinfo=UTC),
        )


def admin_site(*parts: AdminRoutes) -> HttpSite:
    """A management API of these parts only."""
    administrators: Any = OneAdministrator()
    bearer: Any = None
    root = AdminApi(administrators, parts, bearer).resource()
    return HttpSite(root, reactor, None, shape=admin_shape)


class Server:
    """A daemon's management API alone."""

    def __init__(
        self,
        store: Store,
        client: Client,
        clock: Clock,
        addin_states: dict[int, AddinState],
        site: HttpSite,
    ) -> None:
        self.site = site
        self.addin_states = addin_states
        self.store = store
        self.clock = clock
        self.client = client


def open_store(directory: Path) -> Store:
    def failed(error: StoreError) -> None:
        raise AssertionError(error)

    return Store.open(directory, tables.TABLES, reactor=reactor, failed=failed)


def make_templates(clock: Clock) -> Templates:
    return Templates(clock, lambda: str(uuid4()), lambda n: "7" * n)


@asynccontextmanager
async def serving(
    directory: Path, turns: IReactorTime = reactor, trust: Trust | None = None
) -> AsyncIterator[Server]:
    """`turns` says when long work goes on; `trust` is in other deployments."""
    clock = Clock()
    store = open_store(directory)
    administrators = Administrators(
        store,
        clock,
        deferToThread,
        seconds=lambda: clock.time.timestamp(),
    )
    await administrators.make_roles()
    if not administrators.exist():
        await administrators.set_password(NAME, PASSWORD)
    bearer = ScriptTokens(store, clock, administrators.count_failure)
    one_touch_review = OneTouchReview(clock)
    writer = RecordWriter(
        store,
        make_templates(clock),
        clock=turns,
        now=clock,
        uuid4=lambda: str(uuid4()),
        review=lambda revision: [
            *consequences(revision),
            *review(revision),
            *one_touch_review(revision),
        ],
        make_hash=administrators.make_hash,
        issue=issuer(lambda: str(uuid4())),
    )
    addin_states: defaultdict[int, AddinState] = defaultdict(AddinState)
    client = Network(reactor, trust or Trust()).http_client()

    def connect(address: str, username: str, password: str) -> DeploymentReader:
        account = DeploymentAccount(address, username, password)
        return DeploymentReader(client, reactor, account)

    lists = RoomLists(store, clock, rule_templates(clock))
    rooms = RoomStatuses(store, lists.of, lists.stale)
    live = {
        "mjx_endpoint": rooms.endpoints,
        "mjx_meeting": rooms.meetings,
        "exchange_scheduler_addin": lambda: addin_statuses(
            store, lambda connector: addin_states[connector.id]
        ),
    }
    importer = ConfigurationImporter(store, writer.tools, clock=turns, now=clock)
    parts = (
        OverviewRoutes(),
        OpenApiRoutes(),
        RecordRoutes(RecordQueries(store, turns), writer),
        ComputedRoutes(ComputedQueries(store, turns, clock, live)),
        AddinFileRoutes(store, ConnectorFiles(directory), clock),
        OAuthTokenRoutes(bearer.clients),
        OwnPasswordRoutes(administrators),
        RuleTestRoutes(RuleTests(store, work_at_once, clock)),
        DeploymentRoutes(importer, connect, reactor),
        CsvRoutes(CsvTransfer(store, importer, turns)),
        ConfigurationRoutes(
            ConfigurationExporter(store, turns),
            importer,
            in_thread=deferToThread,
            installation=lambda: "8d3c",
            now=clock,
            random=urandom,
        ),
        BackupRoutes(
            StoreArchives(store, directory, deferToThread, release="1", random=urandom),
            reactor,
            clock,
        ),
    )
    site = HttpSite(
        AdminApi(administrators, parts, bearer).resource(),
        reactor,
        None,
        large_bodies=large_bodies() | large_documents() | large_tables(),
        shape=admin_shape,
    )
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    pool = HTTPConnectionPool(reactor)
    try:
        asking = Client(port.getHost().port, pool)
        yield Server(store, asking, clock, addin_states, site)
    finally:
        await pool.closeCachedConnections()
        await port.stopListening()
        await store.close()
