"""The doctor and the set-up script of a deployment, over the management API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor

from pexschedd.doctor.report import CheckStatus, failed, line
from pexschedd.doctor.rooms.examination import DeploymentReport
from pexschedd.errors import NotFound
from pexschedd.model import tables
from pexschedd.model.onetouch.endpoint import Endpoint
from pexschedd.model.onetouch.endpoint_group import EndpointGroup
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.model.onetouch.profile import JoinProfile
from pexschedd.web.admin.commands.deployments import RoomsDoctorRoutes
from tests.doctor.powershell_support import tokens
from tests.web_admin.web_admin_support import Client, admin_site, open_store

reactor: Any = _reactor
CHECK = "/api/admin/command/v1/mjx_exchange_deployment/{}/check/"
SETUP = "/api/admin/configuration/v1/mjx_exchange_deployment/{}/exchange_setup/"


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
    profile = JoinProfile(id=1, name="Offices", exchange_deployment=7)
    change.put(tables.MJX_INTEGRATION, profile)
    group = EndpointGroup(id=1, name="All", mjx_integration=1)
    change.put(tables.MJX_ENDPOINT_GROUP, group)
    await change.commit()
    change = store.transaction()
    endpoint = Endpoint(
        id=1, name="Oak", room_resource_email="Oak@example.test", mjx_endpoint_group=1
    )
    change.put(tables.MJX_ENDPOINT, endpoint)
    await change.commit()

    async def examine(id: int) -> DeploymentReport:
        if id != 7:
            raise NotFound(f"There is no mjx_exchange_deployment {id}.")
        finding = failed("Bad.", cause="Because.", remedy="Do.")
        return DeploymentReport(
            mjx_exchange_deployment_id=id,
            name="Head office",
            status=CheckStatus.FAILED,
            time="2026-11-21 05:00:00 UTC",
            lines=(line("sign_in", "Sign-in", finding, ("ews_url",)),),
        )

    site = admin_site(RoomsDoctorRoutes(store, examine))
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
