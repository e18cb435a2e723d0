"""Answers go out in batches in which no meeting has two."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.outbox import PendingAnswer
from pexschedd.scheduling.outbox import of_different_meetings


def answers(meetings: list[str]) -> list[PendingAnswer]:
    return [
        PendingAnswer(
            id=number,
            exchange_connector=1,
            item_id=str(number),
            uid=uid,
            action="accept",
            created=datetime(2026, 11, 23, tzinfo=UTC),
        )
        for number, uid in enumerate(meetings, 1)
    ]


@given(st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=30), st.integers(1, 9))
def test_batches(meetings: list[str], most: int) -> None:
    """Nothing is lost, no batch has two of a meeting, each meeting keeps its order."""
    batches = list(of_different_meetings(answers(meetings), most))
    assert all(0 < len(batch) <= most for batch in batches)
    for batch in batches:
        named = [each.uid for each in batch if each.uid]
        assert len(named) == len(set(named))
    told = [each for batch in batches for each in batch]
    assert sorted(each.id for each in told) == list(range(1, len(meetings) + 1))
    for uid in {"a", "b", "c"}:
        own = [each.id for each in told if each.uid == uid]
        assert own == sorted(own)
