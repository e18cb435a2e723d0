"""The demo's personal rooms, and what its integration needs to offer them."""

from typing import Any, NamedTuple

from pexschedd.demo.daemon import DaemonClient
from pexschedd.demo.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    TENANT,
    authorize_url,
    token_url,
)
from pexschedd.demo.ports import Ports
from pexschedd.demo.samples import ALICE, BOB
from pexschedd.demo.texts import personal_mail_texts, personal_pane_texts

_RESOURCE = "conference"
_ALIASES = "conference_alias"


class PersonalRoom(NamedTuple):
    """A room that belongs to somebody for good."""

    owner: str
    name: str
    description: str
    aliases: tuple[str, ...]
    pin: str = ""


ROOMS = (
    PersonalRoom(
        ALICE, "Alice’s room", "Always open", ("alice@example.test", "5550100")
    ),
    PersonalRoom(BOB, "Bob’s room", "Always open", ("bob@example.test", "5550200")),
    PersonalRoom(BOB, "Design reviews", "Every Thursday", ("design", "5550201")),
    PersonalRoom(BOB, "Interviews", "PIN for the panel", ("interviews",), "4711"),
    PersonalRoom(BOB, "Customers north", "Norway and Sweden", ("north", "5550203")),
    PersonalRoom(BOB, "Customers south", "Spain and Portugal", ("south", "5550204")),
    PersonalRoom(BOB, "Town hall", "Everybody, once a month", ("townhall", "5550205")),
    PersonalRoom(BOB, "On call", "Day and night", ("oncall", "5550206")),
    PersonalRoom(BOB, "Workshop", "Ten whiteboards", ("workshop", "5550207")),
    PersonalRoom(BOB, "Old studio", "Waits for a new alias", ()),
)
"""One for Alice, a list long enough for its search for Bob; one of his has no alias, so
the list shows what that looks like."""


def sign_in_fields(ports: Ports) -> dict[str, Any]:
    """Return the fields of the integration that depend on the ports; the secret does
    not follow a changed token endpoint by itself."""
    return {
        "personal_vmr_oauth_auth_endpoint": authorize_url(ports),
        "personal_vmr_oauth_token_endpoint": token_url(ports),
        "personal_vmr_oauth_client_secret": CLIENT_SECRET,
    }


def moved(row: dict[str, Any], ports: Ports) -> dict[str, Any]:
    """Return the fields that have the demo's provider at an old address."""
    endpoint = str(row["personal_vmr_oauth_auth_endpoint"])
    ours = f"/identity/{TENANT}/" in endpoint
    return sign_in_fields(ports) if ours and endpoint != authorize_url(ports) else {}


def fields(ports: Ports) -> dict[str, Any]:
    """Return the fields of an integration that offers personal rooms."""
    return {
        "enable_personal_vmrs": True,
        "auth_provider": "AZURE",
        "personal_vmr_oauth_client_id": CLIENT_ID,
        **sign_in_fields(ports),
        **personal_pane_texts(),
        **personal_mail_texts(ports.desk_url),
    }


async def create_rooms(daemon: DaemonClient) -> None:
    """Create the rooms that are not there yet. Raises what `DaemonClient` does."""
    known = {str(row["name"]) for row in await daemon.objects(_RESOURCE)}
    for room in ROOMS:
        if room.name not in known:
            await daemon.create(_RESOURCE, _conference(room))


def _conference(room: PersonalRoom) -> dict[str, Any]:
    return {
        "name": room.name,
        "description": room.description,
        "service_type": "conference",
        "primary_owner_email_address": room.owner,
        "pin": room.pin,
        "aliases": [{"alias": alias} for alias in room.aliases],
    }


async def name_of(daemon: DaemonClient, alias: str) -> str:
    """Return the name of the personal room with this alias; empty if there is none.

    A room that was made for a meeting has its organizer as its owner, too: it is known
    by its alias, which was handed out.
    """
    for row in await daemon.objects(_ALIASES, alias=alias):
        for field in ("alias", "numeric_alias"):
            if await daemon.objects("scheduled_alias", **{field: alias}):
                return ""
        conference = await daemon.row(row["conference"])
        if conference.get("primary_owner_email_address"):
            return str(conference["name"])
    return ""
