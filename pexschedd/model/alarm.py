"""Something an administrator has to mend."""

from datetime import datetime

from pexschedd.model.fields.declaration import Record


class Alarm(Record, frozen=True, kw_only=True):
    """A raised alarm; a lowered one has `time_lowered`."""

    name: str
    """A stable word, e.g. `scheduling_exchange_unreachable`."""
    level: str = "error"
    identifier: int = 0
    instance: str = ""
    """What it is about, e.g. the integration's name."""
    node: str = ""
    details: str = ""
    """What is wrong and what mends it."""
    acknowledged: bool = False
    time_raised: datetime
    time_lowered: datetime | None = None
