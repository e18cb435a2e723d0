"""The daemon's process."""

import os
import sys
from datetime import datetime
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from twisted.internet import reactor as global_reactor
from twisted.logger import globalLogBeginner

from benchmarks.graph_access import sealed_graph_fields
from benchmarks.soak.meetings import (
    DOMAIN,
    FACTOR,
    INTEGRATIONS,
    LOOPBACK,
    alias,
    equipment,
    number_of,
    numbers,
    over_graph,
    tag,
)
from benchmarks.soak.processes import orders, say
from benchmarks.warped import Warp
from pexschedd.config import Config
from pexschedd.logs import LevelObserver
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.integration.connector import Connector
from pexschedd.tap import Daemon

reactor: Any = global_reactor


async def daemon(begin: str, folder: str, url: str, messages: str) -> None:
    sys.stdout = open(Path(folder) / "log", "w")  # noqa: SIM115 - for good
    warp = Warp(reactor, datetime.fromisoformat(begin), FACTOR)
    observer = LevelObserver(sys.stdout, "info", "text")
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    config = Config(
        state_dir=Path(folder) / "state",
        addin_endpoints=(LOOPBACK,),
        admin_endpoints=(LOOPBACK,),
    )
    service = Daemon(config, reactor=warp, now=warp.now)
    # What a process reads takes as long as it takes.
    service._runtime.heavy_work._seconds *= FACTOR
    store = service.store
    change = store.transaction()
    for number in range(1, int(messages) + 1):
        change.put(
            tables.SCHEDULED_ALIAS,
            ScheduledAlias(
                id=number,
                uuid=tag(number),
                alias=alias(number),
                numeric_alias=f"555{number:08}",
                alias_number=number,
                exchange_connector=1 + number % INTEGRATIONS,
                creation_time=warp.now(),
            ),
        )
    await change.commit()
    change = store.transaction()
    for number in numbers():
        uuid = str(uuid5(NAMESPACE_URL, f"integration:{number}"))
        place = f"ms_exchange_connector/{uuid}/password"
        graph = over_graph(number)
        access = sealed_graph_fields(url, store.vault, uuid) if graph else {}
        change.put(
            tables.CONNECTOR,
            Connector(
                id=number,
                uuid=uuid,
                name=f"Integration {number}",
                url=f"{url}/EWS/Exchange.asmx",
                username=f"svc@{DOMAIN}",
                password=store.vault.seal("svc", place),
                **access,
                room_mailbox_name=f"Equipment {number}",
                room_mailbox_email_address=equipment(number),
                addin_server_domain="127.0.0.1",
                scheduled_alias_prefix="555",
                scheduled_alias_suffix_length=8,
                scheduled_alias_domain=DOMAIN,
            ),
        )
    await change.commit()

    def order(line: str) -> None:
        if line == "usage":
            usage = getrusage(RUSAGE_SELF)
            say(
                processor=usage.ru_utime + usage.ru_stime,
                resident=_resident(),
                pending=store.count(tables.OUTBOX),
                rooms=store.count(tables.CONFERENCE),
                aside=store.count(tables.TROUBLED),
                alarms=sorted(
                    {a.name for a in store.all(tables.ALARM) if a.time_lowered is None}
                ),
                details=[
                    a.details for a in store.all(tables.ALARM) if a.time_lowered is None
                ],
            )

        elif line == "left":
            pending = [
                f"pending {each.action} {each.item_id} attempts={each.attempts} "
                f"last={each.is_last}"
                for each in store.all(tables.OUTBOX)
            ]
            troubled = [
                f"troubled {each.item_id} attempts={each.attempts} own={each.own} "
                f"aside={each.set_aside_time is not None}: {each.reason}"
                for each in store.all(tables.TROUBLED)
            ]
            say(left=pending + troubled)
        elif line == "rooms":
            aliases = store.all(tables.CONFERENCE_ALIAS)
            say(rooms=[number_of(each.alias) for each in aliases])

    orders(order)
    service.startService()
    await service.first_start
    say(started=True)


def _resident() -> float:
    """MB that this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
