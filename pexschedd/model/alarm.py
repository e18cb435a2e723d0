"""Alarms: problems that an administrator has to solve."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class Alarm(Record, frozen=True, kw_only=True):
    """A raised alarm; a lowered one has `time_lowered`."""

    name: str
    """A stable word, e.g. `scheduling_exchange_unreachable`."""
    level: str = "error"
    identifier: int = 0
    instance: str = ""
    """The subject of the alarm, e.g. the integration's name."""
    node: str = ""
    details: str = ""
    """The problem and its remedy."""
    acknowledged: bool = False
    time_raised: datetime
    time_lowered: datetime | None = None
