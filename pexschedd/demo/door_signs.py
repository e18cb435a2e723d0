"""The meetings on the rooms' door signs, as the daemon gives them to any screen.

The tokens with which it is asked are kept in the demo's folder: the daemon shows each
once.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from pexschedd.demo.daemon import DaemonClient, DaemonDown, DaemonRefused
from pexschedd.demo.meeting_rooms import ENDPOINT, ROOMS, MeetingRoom
from pexschedd.demo.ports import Ports
from pexschedd.demo.views import SignView
from pexschedd.util.atomic_file import replace_file

_TOKEN = "mjx_screen_token"  # noqa: S105 - the resource
_NOT_YET = "The daemon has no door sign for this room."
PACE, HASTY = 10.0, 2.0
"""Seconds between two questions about a room: a token may ask ten times a minute, and
more only for a short while."""


class _Sign(msgspec.Struct):
    """The last answer about a room."""

    room: MeetingRoom
    view: SignView
    asked: float = float("-inf")


class DoorSigns:
    """The signs of all rooms. `path` is the tokens' file; `seconds` a steady clock."""

    def __init__(
        self,
        daemon: DaemonClient,
        ports: Ports,
        path: Path,
        seconds: Callable[[], float],
    ) -> None:
        self._daemon = daemon
        self._ports = ports
        self._path = path
        self._seconds = seconds
        self._tokens = _read(path)
        self._signs = [
            _Sign(
                room, SignView(name=room.name, address=room.address, problem=_NOT_YET)
            )
            for room in ROOMS
        ]

    async def set_up(self) -> None:
        """Make a token for each room that has an endpoint and no token that is taken.

        Raises what `DaemonClient` does.
        """
        for room in ROOMS:
            rows = await self._daemon.objects(
                ENDPOINT, room_resource_email=room.address
            )
            if not rows:
                continue
            with suppress(KeyError, DaemonRefused):
                await self._daemon.meetings(self._tokens[room.address])
                continue
            made = await self._daemon.create(
                _TOKEN, {"name": "Door sign", "mjx_endpoint": rows[0]["resource_uri"]}
            )
            self._tokens[room.address] = str(made["token"])
            replace_file(self._path, msgspec.json.encode(self._tokens))

    async def views(self, *, soon: bool) -> list[SignView]:
        """Return what the signs show. `soon`: something has been done that will change
        them."""
        for sign in self._signs:
            if self._seconds() - sign.asked >= (HASTY if soon else PACE):
                sign.asked = self._seconds()
                sign.view = await self._ask(sign)
        return [sign.view for sign in self._signs]

    async def _ask(self, sign: _Sign) -> SignView:
        room = sign.room
        token = self._tokens.get(room.address)
        if token is None:
            return sign.view
        page = f"{self._ports.rooms_url}/display/#"
        seen = msgspec.structs.replace(
            sign.view,
            door=page + urlencode({"token": token, "view": "door"}),
            inside=page + urlencode({"token": token, "view": "room"}),
        )
        try:
            answer = await self._daemon.meetings(token)
        except DaemonDown as error:
            return msgspec.structs.replace(seen, problem=error.message)
        except DaemonRefused as error:
            # Asked too often: what is known stays.
            problem = "" if error.status == 429 else error.message
            return msgspec.structs.replace(seen, problem=problem)
        return msgspec.structs.replace(
            seen,
            problem="",
            name=answer["room"]["name"],
            read=answer["read_at"] is not None,
            meetings=answer["meetings"],
        )


def _read(path: Path) -> dict[str, str]:
    """Return the kept tokens by room; those of a lost or damaged file are made anew."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        return {}
