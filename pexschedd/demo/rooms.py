"""The room of a meeting: what the daemon has made of it, and whether its door is open.

The rows come from the management API, and whether the room may be joined from the same
policy endpoint that conferencing nodes ask. Nothing here knows the rules itself.
"""

from datetime import UTC, datetime
from typing import Any

from pexschedd.demo.daemon import DaemonClient, DaemonHasNot
from pexschedd.demo.views import Door, Room


async def room_of(daemon: DaemonClient, uid: str, alias: str) -> Room:
    """The room of the meeting with this UID. Raises what `DaemonClient` does.

    `alias` is what the caller knows of it from earlier, or empty: a meeting that was
    cancelled has no rows any more, but its alias is still answered.
    """
    try:
        return await _room_of(daemon, uid, alias)
    except DaemonHasNot:
        # The meeting was cancelled between two of our questions: now all is gone.
        return await _room_of(daemon, uid, alias)


async def _room_of(daemon: DaemonClient, uid: str, alias: str) -> Room:
    scheduled = await daemon.objects("scheduled_conference", ews_item_uid=uid)
    if not scheduled:
        if not alias:
            return Room(state="waiting")
        return Room(state="gone", aliases=[alias], door=await door(daemon, alias))
    rows = sorted(scheduled, key=lambda row: str(row["start_time"]))
    conference = await daemon.row(rows[0]["conference"])
    aliases = await _aliases(daemon, conference)
    return Room(
        state="scheduled",
        name=str(conference["name"]),
        aliases=aliases,
        opens=_time(rows[0]["start_time"]),
        closes=_time(rows[-1]["end_time"]),
        door=await door(daemon, aliases[0]) if aliases else None,
    )


async def door(daemon: DaemonClient, alias: str) -> Door:
    """Knocks: asks as a node would when somebody dials the alias."""
    answer = await daemon.policy(alias)
    result = answer.get("result")
    joinable = answer.get("status") == "success" and bool(result)
    says = str(answer.get("reason") or "")
    return Door(alias, joinable, says, answer)


async def _aliases(daemon: DaemonClient, conference: dict[str, Any]) -> list[str]:
    """The texts of the aliases; the rows come nested or as references."""
    rows = [
        row if isinstance(row, dict) else await daemon.row(row)
        for row in conference.get("aliases") or ()
    ]
    return [str(row["alias"]) for row in rows]


def _time(text: str) -> datetime:
    """The management API leaves out the zone: it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
