"""The virtual room of a meeting, as the daemon knows it, and whether it may be joined.

The rows come from the management API, and the answer to joining from the policy
endpoint that conferencing nodes ask. Nothing here knows the rules itself.
"""

from datetime import UTC, datetime
from typing import Any

from pexschedd.demo.daemon import DaemonClient, DaemonNotFound
from pexschedd.demo.views import JoinAnswer, RoomView


async def room_of(daemon: DaemonClient, uid: str, alias: str) -> RoomView:
    """Return the room of the meeting with this UID. Raises what `DaemonClient` does.

    `alias` is the one that the caller knows from earlier, or empty: a meeting that was
    cancelled has no rows any more, but its alias is still answered.
    """
    try:
        return await _room_of(daemon, uid, alias)
    except DaemonNotFound:
        # The meeting was cancelled between two requests: now all rows are gone.
        return await _room_of(daemon, uid, alias)


async def _room_of(daemon: DaemonClient, uid: str, alias: str) -> RoomView:
    scheduled = (
        await daemon.objects("scheduled_conference", ews_item_uid=uid) if uid else []
    )
    if not scheduled:
        if not alias:
            return RoomView(state="waiting")
        return RoomView(
            state="gone", aliases=[alias], join=await ask_policy(daemon, alias)
        )
    rows = sorted(scheduled, key=lambda row: str(row["start_time"]))
    conference = await daemon.row(rows[0]["conference"])
    aliases = await _aliases(daemon, conference)
    return RoomView(
        state="scheduled",
        name=str(conference["name"]),
        aliases=aliases,
        opens=_time(rows[0]["start_time"]),
        closes=_time(rows[-1]["end_time"]),
        join=await ask_policy(daemon, aliases[0]) if aliases else None,
    )


async def ask_policy(daemon: DaemonClient, alias: str) -> JoinAnswer:
    """Ask the policy endpoint as a node does when somebody dials the alias."""
    answer = await daemon.policy(alias)
    result = answer.get("result")
    joinable = answer.get("status") == "success" and bool(result)
    says = str(answer.get("reason") or "")
    return JoinAnswer(alias, joinable, says, answer)


async def _aliases(daemon: DaemonClient, conference: dict[str, Any]) -> list[str]:
    """Return the texts of the aliases; the rows come nested or as references."""
    rows = [
        row if isinstance(row, dict) else await daemon.row(row)
        for row in conference.get("aliases") or ()
    ]
    return [str(row["alias"]) for row in rows]


def _time(text: str) -> datetime:
    """Return a time of the management API, which leaves out that it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
