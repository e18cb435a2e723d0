"""Calls to a calendar server within the last day, for its quota."""

from pexschedd.model.fields.declaration import Record


class CalendarCalls(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The calls with one deployment. `id` is the `mjx_exchange_deployment`'s, or the
    `mjx_graph_deployment`'s: each kind has its own table."""

    quarters: tuple[tuple[int, int], ...] = ()
    """Pairs of a quarter of an hour, counted from 1970, and its number of calls."""
