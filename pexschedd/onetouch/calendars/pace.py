"""The times at which rooms are read. Pure.

Each room has a place of its own within the interval, so that the calls of a deployment
are spread evenly: at the start as well, and whichever rooms come and go. Times are
seconds of any steady clock.
"""

from math import ceil

FLOOR = 30.0
"""The shortest time between two readings of a room, in seconds."""
SAFETY = 300.0
"""The shortest time between two readings of a room whose changes are reported, beside
those that changes lead to."""
DAY = 86_400.0
CAREFUL = 0.9
"""The part of a day's quota from which on the interval grows."""
_GROWTH = 5.0
_MOST_BACK_OFF = 900.0

_GOLDEN = 0.618_033_988_749_895


def interval_of(calls: float, quota: int, used: int = 0) -> float:
    """Return the seconds between two readings of each room.

    calls: what reading all rooms once takes; at least one for each room. used: calls
    within the last 24 hours, including those that were not planned: when little is
    left of the quota, the interval grows rather than end in a pause.
    """
    interval = max(FLOOR, calls * DAY / quota)
    beyond = max(0.0, min(1.0, used / quota) - CAREFUL)
    return interval * (1 + _GROWTH * beyond)


def safety_interval(interval: float) -> float:
    """Return the seconds between two readings of a room whose changes are reported.

    interval: that of a room whose changes are not. So half of the quota is left for
    the readings that changes lead to.
    """
    return max(SAFETY, 2 * interval)


def place_of(number: int) -> float:
    """Return a room's place within the interval, from 0 up to 1.

    number: any number that the room keeps, such as an id. Places of consecutive
    numbers are far apart (multiples of the golden ratio), however many there are.
    """
    return (number * _GOLDEN) % 1.0


def first_time(now: float, interval: float, place: float) -> float:
    """Return the time of the first reading: within one interval from now."""
    return _at_place(now, interval, place)


def next_time(started: float, interval: float, place: float) -> float:
    """Return the time of the next reading after one that began at `started`: one
    interval later, or up to half of one more or less if the interval has changed."""
    return _at_place(started + interval / 2, interval, place)


def time_after_failure(
    now: float, interval: float, place: float, failures: int, asked: float
) -> float:
    """Return the time of the next try: twice as late with each failure in a row.

    failures: including the last one. asked: seconds for which the server wants to be
    left alone.
    """
    longest = max(_MOST_BACK_OFF, interval)
    pause = min(longest, interval * 2.0 ** min(failures - 1, 10))
    return _at_place(now + max(pause - interval / 2, asked), interval, place)


def _at_place(earliest: float, interval: float, place: float) -> float:
    offset = place * interval
    return ceil((earliest - offset) / interval) * interval + offset
