"""The demo's integration, made over the management API as an administrator would.

Later starts leave it as it is, so that changes made in between stay, except for the
addresses, which follow the ports. One from before there were personal rooms gets them.
"""

from typing import Any

from pexschedd.demo import personal_rooms
from pexschedd.demo.daemon import DaemonClient, DaemonRefused
from pexschedd.demo.ports import Ports
from pexschedd.demo.texts import (
    ROOM_NAME,
    mail_texts,
    pane_texts,
    personal_mail_texts,
)
from pexschedd.demo.views import AddIn

NAME = "Demo desk"
ROOM = "pexipmeeting@example.test"
_EWS = "/EWS/Exchange.asmx"
_RESOURCE = "ms_exchange_connector"
_PASSWORD = "svc"  # noqa: S105 - the sandbox's


def addresses(ports: Ports) -> dict[str, Any]:
    """Return the fields of the integration that depend on the ports."""
    return {
        "url": ports.ews_url,
        "addin_server_domain": f"127.0.0.1:{ports.addin}",
        "office_js_url": f"{ports.desk_url}/desk/office.js",
        "addin_frame_ancestors": ports.desk_url,
    }


def metadata_url(ports: Ports) -> str:
    """Return the URL of the sandbox's metadata document."""
    return f"{ports.desk_url}/autodiscover/metadata/json/1"


def integration(ports: Ports) -> dict[str, Any]:
    """Return the integration as it is created."""
    return {
        "name": NAME,
        "description": "Made by the demo at its first start.",
        "username": "svc@example.test",
        "password": _PASSWORD,
        "room_mailbox_name": ROOM_NAME,
        "room_mailbox_email_address": ROOM,
        "poll_interval": 1,
        "scheduled_alias_prefix": "555",
        "scheduled_alias_suffix_length": 6,
        "scheduled_alias_domain": "example.test",
        "use_custom_add_in_sources": True,
        # The pane brings its own style; nothing is fetched from elsewhere.
        "microsoft_fabric_url": "",
        "microsoft_fabric_components_url": "",
        "domains": [{"domain": metadata_url(ports)}],
        **addresses(ports),
        **pane_texts(),
        **mail_texts(ports.desk_url),
        **personal_rooms.fields(ports),
    }


async def set_up(daemon: DaemonClient, ports: Ports) -> None:
    """Create the integration if there is none, or let it follow the ports.

    Raises what `DaemonClient` does.
    """
    found = await _ours(daemon)
    if not found:
        await personal_rooms.create_rooms(daemon)
        await daemon.create(_RESOURCE, integration(ports))
        return
    row = found[0]
    if not row["personal_vmr_oauth_auth_endpoint"]:
        await personal_rooms.create_rooms(daemon)
        await daemon.change(row["resource_uri"], personal_rooms.fields(ports))
        row = await daemon.row(row["resource_uri"])
    await _follow(daemon, row, ports)


async def find_add_in(daemon: DaemonClient, ports: Ports) -> AddIn:
    """Return the add-in as Outlook would know it. Raises what `DaemonClient` does."""
    found = await _ours(daemon)
    if not found:
        raise DaemonRefused(f"The integration with {ROOM} has been deleted.")
    return _add_in(found[0], ports)


async def _ours(daemon: DaemonClient) -> list[dict[str, Any]]:
    # By the mailbox: an administrator may give the integration another name.
    return await daemon.objects(_RESOURCE, room_mailbox_email_address=ROOM)


async def _follow(daemon: DaemonClient, row: dict[str, Any], ports: Ports) -> None:
    wanted = addresses(ports)
    changes = {name: value for name, value in wanted.items() if row[name] != value}
    if "url" in changes:
        changes |= moved_texts(row, ports)
        changes |= personal_rooms.moved(row, ports)
        changes["password"] = _PASSWORD  # it does not follow an address by itself
    if changes:
        await daemon.change(row["resource_uri"], changes)
    domains = await daemon.objects("exchange_domain")
    for domain in domains:
        ours = domain["exchange_connector"] == row["resource_uri"]
        if ours and domain["domain"] != metadata_url(ports):
            await daemon.change(domain["resource_uri"], {"domain": metadata_url(ports)})


def moved_texts(row: dict[str, Any], ports: Ports) -> dict[str, Any]:
    """Return the texts that have the desk's old address in them, with the new one."""
    old = str(row["url"]).removesuffix(_EWS)
    texts = mail_texts(ports.desk_url) | personal_mail_texts(ports.desk_url)
    return {
        name: row[name].replace(old, ports.desk_url)
        for name in texts
        if old in row[name]
    }


def _add_in(row: dict[str, Any], ports: Ports) -> AddIn:
    path = f"/api/client/v2/msexchange_schedulers/{row['id']}"
    return AddIn(
        origin=ports.addin_url,
        pane=f"{ports.addin_url}{path}/addin",
        # What Exchange would put into the token: the address in the manifest.
        audience=f"https://127.0.0.1:{ports.addin}{path}/addin",
        icon=f"{ports.addin_url}{path}/images/addin_icon_32.png",
        name=str(row["addin_display_name"]),
        group=str(row["addin_group_label"]),
        button=str(row["addin_button_label"]),
        supertip_title=str(row["addin_supertip_title"]),
        supertip_text=str(row["addin_supertip_description"]),
        room_name=str(row["room_mailbox_name"]),
        room_address=str(row["room_mailbox_email_address"]),
    )
