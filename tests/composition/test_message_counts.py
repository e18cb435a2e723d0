"""Messages by the hour, for the administrator's page."""

from datetime import UTC, datetime, timedelta

from pexschedd.composition.message_counts import HOURS, MessageCounts

START = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def test_counts_by_hour_integration_and_outcome() -> None:
    """Each outcome counts for what an administrator calls it, in its own hour; the
    metrics are told as before."""
    clock, told = Clock(), []
    counts = MessageCounts(clock)

    def also(*message: object) -> None:
        told.append(message)

    first, second = counts.counting(1, also), counts.counting(2, also)
    for outcome in ("accept", "accept", "decline", "remove", "discard", "set_aside"):
        first("Head office", outcome, 1.5)
    second("Lyon", "failed", None)
    clock.now += HOUR
    first("Head office", "accept", None)
    found = [
        (each.exchange_connector_id, each.start_time.hour, each.accepted)
        for each in counts.records()
    ]
    assert found == [(1, 9, 2), (2, 9, 0), (1, 10, 1)]
    busiest = next(counts.records())
    assert (busiest.declined, busiest.other, busiest.failed) == (1, 2, 1)
    assert len(told) == 8
    assert told[0] == ("Head office", "accept", 1.5)


def test_a_day_is_kept() -> None:
    """What is older goes, whether other messages come or not."""
    clock = Clock()
    counts = MessageCounts(clock)
    count = counts.counting(1, lambda *message: None)
    for _ in range(3 * HOURS):
        count("Head office", "accept", None)
        clock.now += HOUR
    hours = [each.start_time for each in counts.records()]
    assert len(hours) == HOURS - 1  # nothing has come in the present hour
    assert hours[0] == clock.now.replace(minute=0) - (HOURS - 1) * HOUR
    clock.now += HOURS * HOUR
    assert list(counts.records()) == []
