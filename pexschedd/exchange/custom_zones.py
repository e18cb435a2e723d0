"""Time zones that come with their rules: one era after the other. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime

from pexschedd.model.recurrence import FIRST_YEAR, LAST_YEAR, CustomZone, Era

MAX_ERAS = 200
MAX_BIASES = 24
MAX_CHANGES = 2 * MAX_ERAS
"""Definitions travel with messages from anywhere, and clocks are asked often: no zone
on earth has had as many."""

DatedEra = tuple[datetime | None, Era | None]
"""An era and its begin, None for since ever; None for rules that make no sense."""


def custom_zone(dated: Iterable[DatedEra]) -> CustomZone | None:
    """The zone of these eras; None if it cannot be understood."""
    eras: list[Era] = []
    for begins, era in dated:
        if era is None:
            return None
        if begins is not None and begins.year > LAST_YEAR:
            continue
        if begins is None or begins.year < FIRST_YEAR:
            eras, begins = [], None
        elif not eras:
            return None  # nobody knows what was before
        eras.append(Era(bias=era.bias, changes=era.changes, begins=begins))
    biases = {era.bias for era in eras}
    biases |= {change.bias for era in eras for change in era.changes}
    if len(eras) > MAX_ERAS or len(biases) > MAX_BIASES:
        return None
    try:
        return CustomZone(tuple(eras))
    except ValueError:
        return None


def rules_at(dated: Iterable[DatedEra], when: datetime) -> Era | None:
    """The rules in force at an aware time, None if these make no sense."""
    rules = None
    for begins, era in dated:
        if begins is None or begins.replace(tzinfo=begins.tzinfo or UTC) <= when:
            rules = era
    return rules
