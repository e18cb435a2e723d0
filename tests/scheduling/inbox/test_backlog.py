"""Who is next: newcomers before the backlog, but one meeting's messages in order."""

from hypothesis import given
from hypothesis import strategies as st

from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.inbox.backlog import Backlog


def refs(*pairs: tuple[str, str]) -> list[MessageRef]:
    return [MessageRef(item, "", meeting) for item, meeting in pairs]


def test_newcomers_go_first() -> None:
    """Who sends a meeting now does not wait for what was sent before."""
    backlog = Backlog()
    backlog.add(refs(("1", "a"), ("2", "b"), ("3", "c")))
    assert [r.item_id for r in backlog.take(1)] == ["1"]
    backlog.add(refs(("9", "z")))
    assert [r.item_id for r in backlog.take(9)] == ["9", "2", "3"]


def test_one_meeting_keeps_its_order() -> None:
    """A newcomer about a meeting that has a message waiting waits behind it."""
    backlog = Backlog()
    backlog.add(refs(("1", "a"), ("2", "b")))
    backlog.add(refs(("9", "b"), ("10", "c"), ("11", "c")))
    assert [r.item_id for r in backlog.take(9)] == ["10", "11", "1", "2", "9"]


def test_unknown_meetings_never_overtake() -> None:
    """What it is about may be anything that waits."""
    backlog = Backlog()
    backlog.add(refs(("1", "a")))
    backlog.add(refs(("9", "")))
    assert [r.item_id for r in backlog.take(9)] == ["1", "9"]


steps = st.lists(
    st.one_of(
        st.lists(st.sampled_from("abcd"), max_size=5),
        st.integers(1, 4),
    ),
    max_size=20,
)


@given(steps)
def test_nothing_is_lost_doubled_or_out_of_order(plan: list[list[str] | int]) -> None:
    """Whatever comes and goes: every message once, each meeting's in their order."""
    backlog = Backlog()
    sent: dict[str, list[str]] = {}
    seen: dict[str, list[str]] = {}
    number = 0
    for step in [*plan, 1000]:
        if isinstance(step, int):
            for ref in backlog.take(step):
                seen.setdefault(ref.uid, []).append(ref.item_id)
            continue
        arrived = []
        for meeting in step:
            number += 1
            arrived.append(MessageRef(str(number), "", meeting))
            sent.setdefault(meeting, []).append(str(number))
        backlog.add(arrived)
        backlog.add(arrived)
    assert seen == sent
    assert len(backlog) == 0
