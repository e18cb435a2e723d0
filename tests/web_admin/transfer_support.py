"""A configuration with something in every field, and requests that move it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pexschedd.management.resources import CONFIGURATION
from pexschedd.model.fields.declaration import Declared
from pexschedd.model.fields.validation import is_writable
from tests.web_admin.test_admin_cleared_fields import NEW, PERSONAL, certificate
from tests.web_admin.web_admin_support import (
    ALIAS,
    API,
    CONFERENCE,
    CONNECTOR,
    HEAD_OFFICE,
    Answer,
    Server,
    serving,
)

URI = f"{CONNECTOR}1/"
COMMANDS = "/api/admin/command/v1/configuration/"
EXPORT, IMPORT = f"{COMMANDS}export/", f"{COMMANDS}import/"
PASSPHRASE = "four words of nonsense"

SECRETS = {
    "password": "the service account's",
    "oauth_client_secret": "the application's",
    "personal_vmr_oauth_client_secret": "the users' application's",
}


async def fill(server: Server) -> None:
    """Make a record or two of each resource that a configuration has."""
    client = server.client
    theme = await client.create(f"{API}/ivr_theme/", {"name": "Night"})
    group = await client.create(
        f"{API}/identity_provider_group/", {"name": "Staff", "description": "All"}
    )
    await client.create(
        f"{API}/ca_certificate/",
        {"certificate": certificate(), "trusted_intermediate": True},
    )
    integration = {**HEAD_OFFICE, **SECRETS, "ivr_theme": theme}
    await client.create(CONNECTOR, integration)
    await client.create(CONNECTOR, PERSONAL)
    for number in range(3):
        owner = f"user{number}@example.test"
        room = {
            "name": f"Room {number}",
            "pin": "0042",
            "ivr_theme": theme,
            "host_identity_provider_group": group,
            "primary_owner_email_address": owner,
            "aliases": [{"alias": f"room{number}@example.test", "view_order": number}],
        }
        await client.create(CONFERENCE, room)
        await client.create(
            f"{API}/end_user/", {"primary_email_address": owner, "last_name": "Zoë"}
        )
    await client.create(ALIAS, {"alias": "77", "conference": f"{CONFERENCE}1/"})
    await fill_one_touch_join(server)
    account = {"name": "anna", "password": "long enough", "role": 2}
    await client.create(f"{API}/administrator/", account)


MJX_SECRETS = {
    "mjx_exchange_deployment": ("service_account_password", "oauth_client_secret"),
    "mjx_graph_deployment": ("client_secret",),
    "mjx_google_deployment": ("client_secret", "private_key"),
    "mjx_integration": ("ep_password", "webex_client_secret"),
    "mjx_endpoint": ("api_password", "poly_password"),
}


async def fill_one_touch_join(server: Server) -> None:
    """Make a record of each of its resources, with all secrets, the ids being 1."""
    more: dict[str, dict[str, Any]] = {
        "mjx_endpoint_group": {"mjx_integration": 1, "system_location": 1},
        "mjx_endpoint": {"mjx_endpoint_group": 1, "api_username": "admin"},
    }
    for name in NEW:
        if name.startswith("mjx_") or name == "system_location":
            secrets = {each: f"{name} {each}" for each in MJX_SECRETS.get(name, ())}
            record = {**NEW[name], **secrets, **more.get(name, {})}
            await server.client.create(f"{API}/{name}/", record)


def candidates(declared: Declared, before: object) -> list[object]:
    """Other values of a field, the likeliest first."""
    field = declared.field
    if declared.type is bool:
        return [not before]
    if declared.type is int:
        lowest = field.minimum or 0
        return [
            n for n in (lowest + 1, lowest, field.maximum) if n not in (before, None)
        ]
    texts: list[object] = [each for each in field.choices if each != before]
    return [
        *texts,
        f"{before} changed" if before else "changed",
        "1234",
        "other.example.test",
        "other@example.test",
        "https://other.example.test/path",
        "4189c2b4-92ca-416c-b7ea-bc3cfab3d0f0",
        "#123456",
    ]


async def change_everything(server: Server, is_left: Callable[[str], bool]) -> set[str]:
    """Give the fields of the newest record of each resource other values, one after the
    other where they are accepted; return the names of those that have one."""
    changed = set()
    for name, resource in CONFIGURATION.items():
        uris = await server.client.objects(f"{API}/{name}/?order_by=-id&limit=1")
        for declared in resource.fields.values():
            if not is_writable(declared) or declared.field.related or not uris:
                continue
            if declared.field.secret or is_left(f"{name}.{declared.name}"):
                continue
            uri = uris[0]["resource_uri"]
            before = (await server.client.get(uri))[declared.name]
            for value in candidates(declared, before):
                sent = {declared.name: value}
                answer = await server.client.ask("PATCH", uri, sent)
                if answer.status == 400:
                    # What decides where a secret goes is changed together with it.
                    wrong = answer.json.get(name, {}).keys()
                    needed = wrong & {*MJX_SECRETS.get(name, ())}
                    sent |= {each: f"{name} {each}" for each in needed}
                    answer = await server.client.ask("PATCH", uri, sent)
                if answer.status == 202:
                    changed.add(f"{name}.{declared.name}")
                    break
    return changed


@asynccontextmanager
async def another(folder: Path) -> AsyncIterator[Server]:
    """Another installation, with an empty store."""
    async with serving(folder / "another") as server:
        yield server


async def exported(server: Server, **asked: object) -> dict[str, Any]:
    answer = await server.client.ask("POST", EXPORT, asked)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


async def imported(server: Server, document: dict[str, Any], **wishes: object) -> Any:
    answer = await sent(server, document, **wishes)
    assert answer.status == 200, answer.body
    return answer.json


async def sent(server: Server, document: dict[str, Any], **wishes: object) -> Answer:
    return await server.client.ask("POST", IMPORT, {**document, **wishes})
