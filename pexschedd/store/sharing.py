"""Values that many records have in common are kept once.

A journal that is read gives each record strings and times of its own, though most rooms
have one of few descriptions, owners and hours: without this, those take as much memory
as what really differs.
"""

from datetime import datetime
from typing import Any

import msgspec

from pexschedd.model.fields import Record, fields_of

MOST = 1 << 16
"""Values that are remembered for a field."""
SAMPLE = 1 << 12
"""Records after which a field is judged, and given up unless more than half of them had
a value that others had before."""


class _Seen:
    """The values of one field so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[Any, Any] = {}
        self.hits = 0


class Sharing:
    """Looks at the records of one table while they are read; not to be kept after.

    Records are frozen for everybody, and this changes what they are made of but not
    what they are: a value gives way to an equal one.
    """

    def __init__(self, record: type[Record]) -> None:
        self._fields = [
            _Seen(declared.name)
            for declared in fields_of(record).values()
            if declared.type in (str, datetime) and not declared.field.unique
        ]
        self._records = 0

    def share(self, record: Record) -> None:
        for seen in self._fields:
            value = getattr(record, seen.name)
            known = seen.values.setdefault(value, value)
            if known is not value:
                msgspec.structs.force_setattr(record, seen.name, known)
                seen.hits += 1
        self._records += 1
        if self._records % SAMPLE == 0:
            self._judge()

    def _judge(self) -> None:
        self._fields = [seen for seen in self._fields if seen.hits > SAMPLE // 2]
        for seen in self._fields:
            seen.hits = 0
            if len(seen.values) > MOST:
                seen.values.clear()
