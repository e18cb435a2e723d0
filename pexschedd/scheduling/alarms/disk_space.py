"""Checks the store's disk every few seconds, and keeps the alarms about it.

Each check also tries whether a disk that took no writes takes them again.
"""

from twisted.internet.interfaces import IReactorTime

from pexschedd.scheduling.alarms import names
from pexschedd.scheduling.alarms.alarms import Alarms
from pexschedd.store.store import Store
from pexschedd.util.periodic import Periodic, Running

INTERVAL = 5.0
"""Seconds between two checks: little can be written in that time."""

INSTANCE = "state folder"


def disk_watch(store: Store, alarms: Alarms, clock: IReactorTime) -> Periodic:
    """Return the service that checks the disk and raises and lowers the alarms."""

    async def check(_: Running) -> None:
        await store.look_at_disk()
        renewed = store.renew_reserve()
        if renewed is not None:
            await renewed
        for name, why in (
            (names.DISK_LOW, store.refusal),
            (names.STORE_DAMAGED, store.damage),
        ):
            if why:
                alarms.raise_(name, INSTANCE, why)
            else:
                alarms.lower(INSTANCE, name)

    return Periodic("disk", check, clock, INTERVAL, at_start=True)
