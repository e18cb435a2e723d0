"""The doctor and the setup script over the management API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import pytest_twisted
from twisted.internet import reactor as _reactor

from pexschedd.doctor.report import CheckStatus, DoctorReport, failed, line
from pexschedd.errors import NotFound
from pexschedd.management.computed.draft import Drafts
from pexschedd.model import tables
from pexschedd.model.integration.connector import Connector
from pexschedd.store.store import Store
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.pane import PanePages
from pexschedd.web.admin.doctor import DoctorRoutes
from tests.doctor.powershell_support import tokens
from tests.doctor.test_doctor_powershell import PLAIN
from tests.web_admin.web_admin_support import (
    HEAD_OFFICE,
    Client,
    Clock,
    admin_site,
    make_templates,
    open_store,
)

reactor: Any = _reactor

CHECK = "/api/admin/command/v1/ms_exchange_connector/7/check/"
SETUP = "/api/admin/configuration/v1/ms_exchange_connector/7/exchange_setup/"


NEW = {
    **HEAD_OFFICE,
    "name": "Branch",
    "room_mailbox_email_address": "branch@example.test",
}
DRAFT = "/api/admin/command/v1/ms_exchange_connector/check/"


class Desk:
    def __init__(
        self,
        client: Client,
        store: Store,
        asked: list[tuple[int, str]],
        drafted: list[tuple[Connector, tuple[str, ...]]],
    ) -> None:
        self.client = client
        self.store = store
        self.asked = asked
        self.drafted = drafted


def report(id: int) -> DoctorReport:
    finding = failed("Bad.", cause="Because.", remedy="Do.", commands=("Get-It 'x'",))
    return DoctorReport(
        exchange_connector_id=id,
        name="Head office",
        status=CheckStatus.FAILED,
        time="2026-11-21 05:00:00 UTC",
        lines=(line("sign_in", "Sign-in", finding),),
    )


@pytest_twisted.async_yield_fixture()
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """The API over a store with one integration, and a doctor that finds the same."""
    store = open_store(tmp_path / "state")
    change = store.transaction()
    change.put(tables.CONNECTOR, PLAIN)
    await change.commit()
    asked: list[tuple[int, str]] = []

    async def examine(id: int, user: str) -> DoctorReport:
        asked.append((id, user))
        if id != 7:
            raise NotFound(f"There is no integration {id}.")
        return report(id)

    async def examine_draft(
        connector: Connector, domains: tuple[str, ...]
    ) -> DoctorReport:
        drafted.append((connector, domains))
        return report(0)

    drafted: list[tuple[Connector, tuple[str, ...]]] = []
    clock = Clock()
    drafts = Drafts(store, make_templates(clock), now=clock, uuid4=lambda: str(uuid4()))
    site = admin_site(DoctorRoutes(store, examine, examine_draft, drafts))
    port = reactor.listenTCP(0, site, interface="127.0.0.1")
    yield Desk(Client(port.getHost().port), store, asked, drafted)
    await port.stopListening()
    await store.close()


@pytest_twisted.ensureDeferred
async def test_a_check(desk: Desk) -> None:
    """The answer has every line with cause, remedy and commands."""
    answer = await desk.client.ask("POST", CHECK, {"user": "alice@example.test"})
    assert answer.status == 200
    assert desk.asked == [(7, "alice@example.test")]
    assert answer.json == {
        "exchange_connector_id": 7,
        "name": "Head office",
        "status": "failed",
        "time": "2026-11-21 05:00:00 UTC",
        "lines": [
            {
                "check": "sign_in",
                "title": "Sign-in",
                "status": "failed",
                "message": "Bad.",
                "cause": "Because.",
                "remedy": "Do.",
                "commands": ["Get-It 'x'"],
                "details": [],
                "fields": [],
            }
        ],
    }


@pytest_twisted.ensureDeferred
async def test_a_check_of_a_draft(desk: Desk) -> None:
    """An integration that is sent is examined as it would be stored, its secrets
    sealed; it is not stored, and takes no id away from the one that will be."""
    ids = [*desk.store.ids(tables.CONNECTOR)]
    for _ in range(2):
        answer = await desk.client.ask("POST", DRAFT, NEW)
        assert answer.status == 200, answer.body
    connector, domains = desk.drafted[-1]
    assert connector.id == 0
    assert connector.name == "Branch"
    assert domains == ("http://127.0.0.1:8082/autodiscover/metadata/json/1",)
    context = f"ms_exchange_connector/{connector.uuid}/password"
    assert desk.store.vault.unseal(connector.password, context) == "svc"
    assert [*desk.store.ids(tables.CONNECTOR)] == ids
    assert desk.store.transaction().new_id(tables.CONNECTOR) == max(ids) + 1


@pytest_twisted.ensureDeferred
async def test_a_wrong_draft(desk: Desk) -> None:
    """All that is wrong is named by field, as when it is saved; nothing is examined."""
    wrong = {**NEW, "url": "mail", "domains": [{"domain": ""}], "nothing": 1}
    problems = await desk.client.refused("POST", DRAFT, wrong)
    assert sorted(problems) == ["domains", "nothing", "url"]
    assert desk.drafted == []


@pytest_twisted.ensureDeferred
async def test_without_a_body(desk: Desk) -> None:
    """A user need not be named."""
    assert (await desk.client.ask("POST", CHECK)).status == 200
    assert desk.asked == [(7, "")]


@pytest.mark.parametrize(
    ("method", "path", "payload", "status"),
    [
        ("POST", CHECK, {"user": "alice"}, 400),
        ("POST", CHECK, {"user": 3}, 400),
        ("POST", CHECK, {"usr": "alice@example.test"}, 400),
        ("POST", CHECK, {"user": "a@" + "b" * 300}, 400),
        ("POST", CHECK.replace("7", "8"), None, 404),
        ("GET", CHECK, None, 405),
        ("GET", SETUP.replace("7", "8"), None, 404),
        ("POST", SETUP, None, 405),
        ("GET", SETUP + "?for=linux", None, 400),
        ("GET", SETUP + "?format=pdf", None, 400),
        ("GET", SETUP + "?addin_group=" + "x" * 300, None, 400),
        ("GET", SETUP + "?addin_group=a%0Ab", None, 400),
        ("GET", SETUP + "?addin_group=a&addin_group=b", None, 400),
        ("GET", SETUP + "?addin_group=%ff", None, 400),
        ("GET", SETUP + "?addin-group=Planners", None, 400),
    ],
)
@pytest_twisted.ensureDeferred
async def test_what_is_refused(
    desk: Desk, method: str, path: str, payload: object, status: int
) -> None:
    """Bad input is an error of the right kind, and nothing is examined."""
    answer = await desk.client.ask(method, path, payload)
    assert answer.status == status, answer.body
    assert [id for id, _ in desk.asked if id == 7] == []


@pytest.mark.parametrize(("method", "path"), [("POST", CHECK), ("GET", SETUP)])
@pytest_twisted.ensureDeferred
async def test_administrators_only(desk: Desk, method: str, path: str) -> None:
    """Neither is for everybody."""
    for auth in (None, ("admin", "wrong")):
        assert (await desk.client.ask(method, path, auth=auth)).status == 401
    assert desk.asked == []


@pytest_twisted.ensureDeferred
async def test_the_script(desk: Desk) -> None:
    """A file for Windows: byte order mark, line ends, its name; the group in it."""
    answer = await desk.client.ask("GET", SETUP + "?addin_group=Vid%27eo%20%E2%80%99x")
    assert answer.status == 200
    (name,) = answer.headers.getRawHeaders("content-disposition")
    assert name == 'attachment; filename="exchange-setup-7.ps1"'
    script = answer.body.decode("utf-8-sig")
    assert answer.body.startswith(b"\xef\xbb\xbf")
    assert script.count("\n") == script.count("\r\n")
    values = [each.text for each in tokens(script) if each.kind == "string"]
    assert "Vid'eo \u2019x" in values
    assert "sealed" not in script


@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("user_sign_in", "user-sign-in-setup-7.ps1"),
        ("addin_tokens", "addin-tokens-setup-7.ps1"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_scripts_for_others(desk: Desk, target: str, file: str) -> None:
    """The scripts for AD FS and Entra ID have names of their own, so that none of them
    replaces the one for Exchange."""
    answer = await desk.client.ask("GET", f"{SETUP}?for={target}")
    (name,) = answer.headers.getRawHeaders("content-disposition")
    assert name == f'attachment; filename="{file}"'


@pytest_twisted.ensureDeferred
async def test_the_script_as_json(desk: Desk) -> None:
    """The same script for programs; Microsoft 365 when asked for."""
    found = await desk.client.get(SETUP + "?format=json&for=microsoft365")
    assert found["for"] == "microsoft365"
    assert "Connect-ExchangeOnline" in found["script"]
    assert found["resource_uri"] == SETUP


def test_the_pane_to_compare_with(tmp_path: Path) -> None:
    """Ours is the same each time, and another for another integration."""
    pane = PanePages(ConnectorFiles(tmp_path), lambda _: "<p>Later</p>").pane
    assert pane(PLAIN) == pane(PLAIN)
    other = msgspec.structs.replace(PLAIN, room_mailbox_name="Another")
    assert pane(PLAIN) != pane(other)
