"""The use of licences: everything is counted, and nothing is limited. Pure."""

from collections.abc import Iterator
from datetime import datetime

from pexschedd.management.computed.source import RecordSource
from pexschedd.model import tables
from pexschedd.model.fields.declaration import Record

UNLIMITED = 2**31 - 1
"""The total of every licence: the largest number that all clients can read, so that
scripts which watch a count against its total are never alarmed."""


class Licensing(Record, frozen=True, kw_only=True):
    """The counts and totals as the platform's API has them.

    What is not counted here, such as ports and audio calls, is the conferencing nodes'
    business.
    """

    audio_count: int = 0
    audio_total: int = UNLIMITED
    customlayouts_active: bool = False
    ghm_count: int = 0
    ghm_total: int = UNLIMITED
    googletrustedjoin_active: bool = False
    otj_count: int = 0
    otj_total: int = UNLIMITED
    port_count: int = 0
    port_total: int = UNLIMITED
    scheduling_count: int
    """Integrations."""
    scheduling_total: int = UNLIMITED
    system_count: int = 1
    system_total: int = UNLIMITED
    teams_count: int = 0
    teams_total: int = UNLIMITED
    telehealth_count: int = 0
    telehealth_total: int = UNLIMITED
    vmr_count: int
    """Rooms, personal ones and those of meetings."""
    vmr_total: int = UNLIMITED
    zoomtrustedjoin_active: bool = False


def licensing(store: RecordSource, now: datetime) -> Iterator[Licensing]:
    """Yield the one record there is."""
    yield Licensing(
        id=1,
        scheduling_count=store.count(tables.CONNECTOR),
        vmr_count=store.count(tables.CONFERENCE),
    )
