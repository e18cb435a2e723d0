"""The demo's two meeting rooms: mailboxes at the sandbox, and the daemon's records that
bring a Join button to their door signs.

Made once over the management API, as an administrator would; later starts only let the
deployment follow the ports.
"""

from typing import Any, NamedTuple

from pexschedd.demo.daemon import DaemonClient
from pexschedd.demo.ports import Ports
from pexschedd.sandbox.mailboxes.accounts import (
    Account,
    CalendarProcessing,
    Processing,
)

_NAME = "Demo rooms"
_PASSWORD = "rooms"  # noqa: S105 - the sandbox's
_READER = "rooms@example.test"
_DEPLOYMENT, _PROFILE = "mjx_exchange_deployment", "mjx_integration"
_RULE, _GROUP = "mjx_meeting_processing_rule", "mjx_endpoint_group"
ENDPOINT = "mjx_endpoint"


class MeetingRoom(NamedTuple):
    """A room with a door and a screen. The local part of its address is its password,
    at the sandbox and with the daemon."""

    name: str
    address: str

    @property
    def local(self) -> str:
        """The local part of the address."""
        return self.address.partition("@")[0]


ROOMS = (
    MeetingRoom("Oak", "oak@example.test"),
    MeetingRoom("Birch", "birch@example.test"),
)

RULES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "Our own video rooms",
        {
            "meeting_type": "regex_re2",
            # The line of the demo's joining instructions, see `texts`.
            "match_string": r"From a meeting room: ([^\s@]+@example\.test)",
        },
    ),
    ("Teams", {"meeting_type": "teams", "domain": "teams.example.test"}),
    ("Zoom", {"meeting_type": "zoom", "include_pin": True}),
    ("Google Meet", {"meeting_type": "hangouts", "domain": "meet.example.test"}),
    ("Webex", {"meeting_type": "webex"}),
    ("All others", {"meeting_type": "catalogue"}),
)
"""The rules' names, with their fields, in the order in which they are tried."""


def accounts() -> list[Account]:
    """Return the rooms' accounts, and the service account that reads their calendars.

    The rooms keep subjects and texts, as the setup script would have them do.
    """
    keeps_all = CalendarProcessing(
        delete_comments=False,
        delete_subject=False,
        add_organizer_to_subject=False,
        remove_private_property=False,
    )
    return [
        *(
            Account(
                room.address,
                room.name,
                room.local,
                processing=Processing.AUTO_ACCEPT,
                calendar_processing=keeps_all,
            )
            for room in ROOMS
        ),
        Account(
            _READER,
            "Room Reader",
            _PASSWORD,
            impersonates=tuple(room.address for room in ROOMS),
        ),
    ]


async def set_up(daemon: DaemonClient, ports: Ports) -> None:
    """Create the records, unless they have been before, or let the deployment follow
    the ports. Raises what `DaemonClient` does."""
    last = ROOMS[-1].address
    if not await daemon.objects(ENDPOINT, room_resource_email=last):
        await _create(daemon, ports)
    for row in await daemon.objects(_DEPLOYMENT, name=_NAME):
        if row["ews_url"] != ports.ews_url:
            # The password does not follow an address by itself.
            await daemon.change(row["resource_uri"], _address(ports))


def _address(ports: Ports) -> dict[str, Any]:
    return {"ews_url": ports.ews_url, "service_account_password": _PASSWORD}


async def _create(daemon: DaemonClient, ports: Ports) -> None:
    """Create what is missing, each record after those that it refers to."""

    async def ensure(resource: str, name: str, **fields: Any) -> str:
        rows = await daemon.objects(resource, name=name)
        if not rows:
            await daemon.create(resource, {"name": name, **fields})
            rows = await daemon.objects(resource, name=name)
        return str(rows[0]["resource_uri"])

    deployment = await ensure(
        _DEPLOYMENT,
        _NAME,
        description="Made by the demo at its first start.",
        service_account_username=_READER,
        **_address(ports),
    )
    profile = await ensure(_PROFILE, _NAME, exchange_deployment=deployment)
    for priority, (name, fields) in enumerate(RULES, 1):
        await ensure(_RULE, name, mjx_integration=profile, priority=priority, **fields)
    group = await ensure(_GROUP, _NAME, mjx_integration=profile)
    for room in ROOMS:
        await ensure(
            ENDPOINT,
            room.name,
            endpoint_type="POLY",
            poly_username=room.local,
            poly_password=room.local,
            room_resource_email=room.address,
            mjx_endpoint_group=group,
        )
