"""The routes of all parts of the management API, in one application."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.task import Clock

from pexschedd.clock import system_now
from pexschedd.errors import NotFound
from pexschedd.management.computed.queries import ComputedQueries
from pexschedd.management.record_queries import RecordQueries
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.admin.addin_files import AddinFileRoutes
from pexschedd.web.admin.api import AdminRoutes
from pexschedd.web.admin.audits import AuditRoutes
from pexschedd.web.admin.commands.deployments import RoomsDoctorRoutes
from pexschedd.web.admin.commands.endpoint_check import EndpointCheckRoutes
from pexschedd.web.admin.commands.mailboxes import MailboxCommandRoutes
from pexschedd.web.admin.commands.own_password import OwnPasswordRoutes
from pexschedd.web.admin.commands.rule_test import RuleTestRoutes
from pexschedd.web.admin.computed import ComputedRoutes
from pexschedd.web.admin.doctor import DoctorRoutes
from pexschedd.web.admin.openapi.serving import OpenApiRoutes
from pexschedd.web.admin.overview import COMMANDS as COMMAND_GROUPS
from pexschedd.web.admin.overview import OverviewRoutes
from pexschedd.web.admin.records import RecordRoutes
from pexschedd.web.admin.service_account import (
    DeploymentAccountRoutes,
    ServiceAccountRoutes,
)
from pexschedd.web.admin.transfer.backup import BackupRoutes
from pexschedd.web.admin.transfer.configuration import ConfigurationRoutes
from pexschedd.web.admin.transfer.csv_files import CsvRoutes
from pexschedd.web.admin.transfer.deployment import DeploymentRoutes
from tests.web_admin.web_admin_support import (
    Client,
    admin_site,
    open_store,
    reactor,
)

API = "/api/admin"
CONNECTORS = f"{API}/configuration/v1/ms_exchange_connector/"
COMMANDS = f"{API}/command/v1/ms_exchange_connector/"
PAGES = "/admin/platform/msexchangeconnector/"
AUDITS = f"{API}/status/v1/exchange_scheduler_audit/"


class NoIntegration:
    """The use cases of an installation that has no integration."""

    def begin(self, connector_id: int) -> None:
        raise NotFound("None.")

    def state(self, connector_id: int) -> None:
        return None

    def record(self, record_id: int) -> None:
        raise NotFound("None.")

    async def make_certificate(self, connector_id: int) -> str:
        raise NotFound("None.")

    async def examine(self, connector_id: int, user: str) -> Any:
        raise NotFound("None.")


def transfer_parts(none: Any) -> Iterable[AdminRoutes]:
    """Routes that no test here gets an answer of: they are there to be found."""
    return (
        ConfigurationRoutes(
            none, none, in_thread=none, installation=none, now=none, random=none
        ),
        BackupRoutes(none, none, none),
        CsvRoutes(none),
        DeploymentRoutes(none, none, none),
    )


@pytest_twisted.async_yield_fixture()
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    store = open_store(tmp_path / "state")
    none: Any = NoIntegration()
    site = admin_site(
        ServiceAccountRoutes(store, none, none, none, now=none),
        DeploymentAccountRoutes(store, none, none, now=none),
        OverviewRoutes(),
        OpenApiRoutes(),
        RecordRoutes(RecordQueries(store, Clock()), none),
        ComputedRoutes(ComputedQueries(store, Clock(), system_now)),
        AddinFileRoutes(store, ConnectorFiles(tmp_path), system_now),
        AuditRoutes(none),
        MailboxCommandRoutes(none, system_now),
        OwnPasswordRoutes(none),
        RuleTestRoutes(none),
        EndpointCheckRoutes(none),
        RoomsDoctorRoutes(store, none),
        DoctorRoutes(store, none.examine, none.examine, none),
        *transfer_parts(none),
    )
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    yield Client(port.getHost().port)
    await port.stopListening()
    await store.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{API}/", 200),
        ("GET", f"{API}/schema/", 200),
        ("GET", f"{API}/status/", 200),
        ("GET", f"{API}/command/", 200),
        ("GET", f"{API}/status/v1/", 200),
        ("GET", f"{API}/status/v1/alarm/", 200),
        ("HEAD", f"{API}/status/v1/alarm/", 200),
        ("GET", AUDITS, 200),
        ("GET", f"{AUDITS}schema/", 200),
        ("GET", f"{AUDITS}1/", 404),
        ("GET", f"{API}/status/v1/exchange_scheduler_audits/", 404),
        ("GET", f"{API}/status/v1/exchange_service_account/", 200),
        ("GET", f"{API}/status/v1/exchange_scheduler/", 200),
        ("GET", f"{CONNECTORS}1/", 404),
        ("GET", f"{CONNECTORS}1/exchange_setup/", 404),
        ("GET", f"{CONNECTORS}1/exchange_setups/", 404),
        ("POST", f"{COMMANDS}1/audit/", 404),
        ("POST", f"{COMMANDS}1/check/", 404),
        ("POST", f"{COMMANDS}1/make_certificate/", 404),
        ("GET", f"{COMMANDS}", 200),
        ("GET", f"{PAGES}1/sign_in/", 404),
        ("GET", "/admin/platform/mjxexchangedeployment/1/sign_in/", 404),
        ("GET", PAGES, 404),
        ("GET", "/admin/", 404),
        ("GET", "/", 404),
    ],
)
@pytest_twisted.ensureDeferred
async def test_each_path_has_its_route(
    client: Client, method: str, path: str, status: int
) -> None:
    """No part's routes hide those of another part."""
    answer = await client.ask(method, path)
    assert answer.status == status, answer.body


STATUS_LISTS = {
    "exchange_scheduler_recovery",
    "exchange_scheduler_maintenance",
    "exchange_scheduler_audit",
    "exchange_scheduler_addin",
    "exchange_service_account",
    "mjx_service_account",
    "principal",
}


@pytest_twisted.ensureDeferred
async def test_each_level_leads_to_the_next(client: Client) -> None:
    """The addresses that each level lists are there, down to schemas and commands."""
    kinds = await client.get(f"{API}/")
    assert "paths" in await client.get(kinds.pop("openapi"))
    assert set(kinds) == {"configuration", "status", "history", "command"}
    everything = await client.get(f"{API}/schema/")
    assert everything["status"].keys() >= STATUS_LISTS
    for kind, path in kinds.items():
        assert await client.get(f"{API}/{kind}/") == {"v1": path}
        if kind != "command":
            assert await client.get(path) == everything[kind]
    for resources in everything.values():
        for entry in resources.values():
            assert "objects" in await client.get(entry["list_endpoint"])
            assert "fields" in await client.get(entry["schema"])
    groups = await client.get(kinds["command"])
    assert {"conference", "participant", "platform"} <= set(groups)
    for group, path in groups.items():
        commands = await client.get(path)
        assert tuple(commands) == COMMAND_GROUPS[group]
        for command in commands.values():
            answer = await client.ask("PATCH", command.replace("<id>", "1"))
            assert answer.status == 405, command


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", AUDITS, "GET"),
        ("DELETE", f"{AUDITS}1/", "GET"),
        ("GET", f"{COMMANDS}1/audit/", "POST"),
        ("GET", f"{COMMANDS}1/sign_in/", "POST"),
        ("DELETE", f"{PAGES}1/sign_in/", "GET, POST"),
        ("POST", f"{CONNECTORS}1/manifest/", "GET"),
        ("POST", f"{PAGES}oauth_redirect/", "GET"),
        ("TRACE", f"{API}/status/v1/alarm/", "GET"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_other_methods(
    client: Client, method: str, path: str, allowed: str
) -> None:
    """A method that a path does not have is a 405 that names those it has."""
    answer = await client.ask(method, path)
    assert answer.status == 405
    assert answer.headers.getRawHeaders("allow") == [allowed]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", AUDITS),
        ("GET", f"{API}/status/v1/alarm/"),
        ("GET", f"{CONNECTORS}1/icon/"),
        ("POST", f"{COMMANDS}1/check/"),
        ("GET", f"{PAGES}1/sign_in/"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_all_parts_ask_for_credentials(
    client: Client, method: str, path: str
) -> None:
    """Every part is for administrators, whether or not the record exists."""
    answer = await client.ask(method, path, auth=None)
    assert answer.status == 401
    assert answer.headers.getRawHeaders("www-authenticate")
