"""The doctor and the set-up script of a deployment, over the management API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor

from pexschedd.doctor.report import CheckStatus, failed, line
from pexschedd.doctor.rooms.examination import (
    DeploymentReport,
    GraphDeploymentReport,
)
from pexschedd.errors import NotFound
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.web.admin.commands.deployments import RoomsDoctorRoutes
from tests.doctor.powershell_support import tokens
from tests.web_admin.web_admin_support import Client, admin_site, open_store

reactor: Any = _reactor
CHECK = "/api/admin/command/v1/mjx_exchange_deployment/{}/check/"
SETUP = "/api/admin/configuration/v1/mjx_exchange_deployment/{}/exchange_setup/"
GRAPH_CHECK = CHECK.replace("exchange", "graph")
GRAPH_SETUP = SETUP.replace("mjx_exchange", "mjx_graph")
FINDING = failed("Bad.", cause="Because.", remedy="Do.")
TIME = "2026-11-21 05:00:00 UTC"


class OneDeployment:
    """A doctor that knows one deployment of each kind, with the id 7."""

    async def examine(self, deployment_id: int) -> DeploymentReport:
        if deployment_id != 7:
            raise NotFound(f"There is no mjx_exchange_deployment {deployment_id}.")
        return DeploymentReport(
            mjx_exchange_deployment_id=deployment_id,
            name="Head office",
            status=CheckStatus.FAILED,
            time=TIME,
            lines=(line("sign_in", "Sign-in", FINDING, ("ews_url",)),),
        )

    async def examine_graph(self, deployment_id: int) -> GraphDeploymentReport:
        if deployment_id != 7:
            raise NotFound(f"There is no mjx_graph_deployment {deployment_id}.")
        return GraphDeploymentReport(
            mjx_graph_deployment_id=deployment_id,
            name="Cloud",
            status=CheckStatus.FAILED,
            time=TIME,
            lines=(line("sign_in", "Sign-in", FINDING, ("client_id",)),),
        )


@pytest_twisted.async_yield_fixture()
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """The API over a store with a deployment of one room."""
    store = open_store(tmp_path / "state")
    change = store.transaction()
    deployment = ExchangeDeployment(
        id=7,
        name="Head office",
        service_account_username="otj@example.test",
        service_account_password="sealed",
    )
    change.put(tables.MJX_EXCHANGE_DEPLOYMENT, deployment)
    tenant = GraphDeployment(
        id=7,
        name="Cloud",
        client_id="an-app",
        client_secret="sealed",
        oauth_token_url="https://login.microsoftonline.com/t/oauth2/v2.0/token",
    )
    change.put(tables.MJX_GRAPH_DEPLOYMENT, tenant)
    profile = JoinProfile(id=1, name="Offices", exchange_deployment=7)
    change.put(tables.MJX_INTEGRATION, profile)
    cloud = JoinProfile(id=2, name="Cloud", graph_deployment=7)
    change.put(tables.MJX_INTEGRATION, cloud)
    for id in (1, 2):
        group = EndpointGroup(id=id, name=f"Group {id}", mjx_integration=id)
        change.put(tables.MJX_ENDPOINT_GROUP, group)
    await change.commit()
    change = store.transaction()
    for id, name in ((1, "Oak"), (2, "Elm")):
        endpoint = Endpoint(
            id=id,
            name=name,
            room_resource_email=f"{name}@example.test",
            mjx_endpoint_group=id,
        )
        change.put(tables.MJX_ENDPOINT, endpoint)
    await change.commit()

    site = admin_site(RoomsDoctorRoutes(store, OneDeployment()))
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    yield Client(port.getHost().port)
    await port.stopListening()
    await store.close()


@pytest_twisted.ensureDeferred
async def test_a_check(client: Client) -> None:
    """The answer names the deployment and has the lines; an unknown one is 404."""
    answer = await client.ask("POST", CHECK.format(7))
    assert answer.status == 200
    assert answer.json["mjx_exchange_deployment_id"] == 7
    assert answer.json["status"] == "failed"
    assert answer.json["lines"][0]["fields"] == ["ews_url"]
    assert (await client.ask("POST", CHECK.format(8))).status == 404


@pytest_twisted.ensureDeferred
async def test_the_script(client: Client) -> None:
    """It is a file for Windows PowerShell, has the configured rooms, and no secret."""
    answer = await client.ask("GET", SETUP.format(7))
    assert answer.status == 200
    disposition = answer.headers.getRawHeaders("content-disposition")[0]
    assert "one-touch-setup-7.ps1" in disposition
    assert answer.body.startswith(b"\xef\xbb\xbf")
    script = answer.body.decode("utf-8-sig").replace("\r\n", "\n")
    strings = [each.text for each in tokens(script) if each.kind == "string"]
    assert "oak@example.test" in strings
    assert "otj@example.test" in strings
    assert "sealed" not in script
    assert (await client.ask("GET", SETUP.format(8))).status == 404


@pytest_twisted.ensureDeferred
async def test_a_check_of_graph(client: Client) -> None:
    """The same is there for deployments of Graph, whose ids are their own."""
    answer = await client.ask("POST", GRAPH_CHECK.format(7))
    assert answer.status == 200
    assert answer.json["mjx_graph_deployment_id"] == 7
    assert answer.json["lines"][0]["fields"] == ["client_id"]
    assert (await client.ask("POST", GRAPH_CHECK.format(8))).status == 404


@pytest_twisted.ensureDeferred
async def test_the_script_of_graph(client: Client) -> None:
    """It has the rooms of that deployment alone, the application, and no secret."""
    answer = await client.ask("GET", GRAPH_SETUP.format(7))
    assert answer.status == 200
    disposition = answer.headers.getRawHeaders("content-disposition")[0]
    assert "one-touch-setup-graph-7.ps1" in disposition
    script = answer.body.decode("utf-8-sig").replace("\r\n", "\n")
    strings = [each.text for each in tokens(script) if each.kind == "string"]
    assert "elm@example.test" in strings
    assert "oak@example.test" not in strings
    assert "an-app" in strings
    assert "sealed" not in script
    assert (await client.ask("GET", GRAPH_SETUP.format(8))).status == 404
