"""The virtual room of a meeting, as the daemon knows it, and whether it may be joined.

The rows come from the management API, and the answer to joining from the policy
endpoint that conferencing nodes ask. Nothing here knows the rules itself.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pexschedd.demo.daemon import DaemonClient, DaemonNotFound
from pexschedd.demo.personal_rooms import name_of
from pexschedd.demo.views import JoinAnswer, RoomView


class Series(NamedTuple):
    """The meetings of a series, and the time that it is."""

    meetings: list[tuple[datetime, datetime]]
    """Start and end of each, by start."""
    now: datetime


async def room_of(
    daemon: DaemonClient, uid: str, alias: str, series: Series | None = None
) -> RoomView:
    """Return the room of the meeting with this UID. Raises what `DaemonClient` does.

    `alias` is the one that the caller knows from earlier, or empty: a meeting that was
    cancelled has no rows any more, but its alias is still answered. The window is
    that of the meeting of a `series` that is on or comes next.
    """
    try:
        return await _room_of(daemon, uid, alias, series)
    except DaemonNotFound:
        # The meeting was cancelled between two requests: now all rows are gone.
        return await _room_of(daemon, uid, alias, series)


async def personal_room(daemon: DaemonClient, alias: str) -> RoomView | None:
    """Return somebody's own room with this alias; None if there is none."""
    name = await name_of(daemon, alias)
    if not name:
        return None
    join = await ask_policy(daemon, alias)
    return RoomView(state="personal", name=name, aliases=[alias], join=join)


async def _room_of(
    daemon: DaemonClient, uid: str, alias: str, series: Series | None
) -> RoomView:
    found = None
    if uid and series is None:
        found = await _single(daemon, uid)
    elif uid and series is not None:
        found = await _series(daemon, uid, series)
    if found is not None:
        return found
    if not alias:
        return RoomView(state="waiting")
    return RoomView(state="gone", aliases=[alias], join=await ask_policy(daemon, alias))


async def _single(daemon: DaemonClient, uid: str) -> RoomView | None:
    rows = await daemon.objects("scheduled_conference", ews_item_uid=uid)
    if not rows:
        return None
    opens, closes = _time(rows[0]["start_time"]), _time(rows[0]["end_time"])
    return await _scheduled(daemon, rows[0]["conference"], opens, closes)


async def _series(daemon: DaemonClient, uid: str, series: Series) -> RoomView | None:
    """Return the room of a series, found by the alias that was handed out for it: the
    API lists only the meetings of the next days."""
    for handed_out in await daemon.objects("scheduled_alias", ews_item_uid=uid):
        alias = str(handed_out["alias"])
        for row in await daemon.objects("conference_alias", alias=alias):
            connector = await daemon.row(handed_out["exchange_connector"])
            before = timedelta(minutes=connector["meeting_buffer_before"])
            after = timedelta(minutes=connector["meeting_buffer_after"])
            windows = [(start - before, end + after) for start, end in series.meetings]
            opens, closes = next((w for w in windows if w[1] > series.now), windows[-1])
            return await _scheduled(daemon, row["conference"], opens, closes)
    return None


async def _scheduled(
    daemon: DaemonClient, uri: str, opens: datetime, closes: datetime
) -> RoomView:
    conference = await daemon.row(uri)
    aliases = await _aliases(daemon, conference)
    return RoomView(
        state="scheduled",
        name=str(conference["name"]),
        aliases=aliases,
        opens=opens,
        closes=closes,
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
