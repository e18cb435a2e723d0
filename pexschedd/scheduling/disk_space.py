"""Looks at the store's disk every few seconds, and keeps the alarm about it."""

from twisted.internet.interfaces import IReactorTime

from pexschedd.scheduling import alarms as names
from pexschedd.scheduling.alarms import Alarms
from pexschedd.scheduling.periodic import Periodic, Running
from pexschedd.store.store import Store

INTERVAL = 5.0
"""Seconds between two looks: little can be written in that time."""

INSTANCE = "state folder"


def disk_watch(store: Store, alarms: Alarms, clock: IReactorTime) -> Periodic:
    """The service that does it."""

    async def look(_: Running) -> None:
        await store.look_at_disk()
        if store.refusal:
            alarms.raise_(names.DISK_LOW, INSTANCE, store.refusal)
        else:
            alarms.lower(INSTANCE, names.DISK_LOW)

    return Periodic("disk", look, clock, INTERVAL, at_start=True)
