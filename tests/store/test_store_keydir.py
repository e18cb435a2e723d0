"""The number of each record's last operation, beside a dict."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from pexschedd.store.hints.keydir import Keydir
from pexschedd.store.index import MOST

# Around the ends of what is kept together, and far away.
ids = st.one_of(
    st.integers(1, 4),
    st.sampled_from([255, 256, 257, 511, 512, 513]),
    st.integers(1, MOST),
)
seqs = st.integers(1, (1 << 64) - 1)
changes = st.lists(st.tuples(ids, st.one_of(st.just(0), seqs)), max_size=30)


class NumbersMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.numbers = Keydir()
        self.model: dict[int, int] = {}

    def _set(self, id: int, seq: int) -> int:
        before = self.model.pop(id, 0)
        if seq:
            self.model[id] = seq
        return before

    @initialize(segments=st.lists(changes, max_size=4))
    def load(self, segments: list[list[tuple[int, int]]]) -> None:
        """A start: one segment after another, then it is counted."""
        for segment in segments:
            replaced = self.numbers.load(
                [id for id, _ in segment], [seq for _, seq in segment]
            )
            expected = [self._set(id, seq) for id, seq in segment]
            assert replaced == [before for before in expected if before]
        self.numbers.loaded()

    @rule(id=ids, seq=seqs)
    def put(self, id: int, seq: int) -> None:
        assert self.numbers.swap(id, seq) == self._set(id, seq)

    @rule(id=ids)
    def delete(self, id: int) -> None:
        assert self.numbers.swap(id, 0) == self._set(id, 0)

    @rule()
    def delete_all(self) -> None:
        for id in sorted(self.model):
            assert self.numbers.swap(id, 0) == self._set(id, 0)
        assert not self.numbers._chunks, "the memory is free again"

    @invariant()
    def agrees(self) -> None:
        assert len(self.numbers) == len(self.model)
        assert list(self.numbers.ids()) == sorted(self.model)
        found = {id: seq for id, seq in self.numbers.items() if seq}
        assert found == self.model
        for id in {*self.model, 1, 256, 300, MOST}:
            assert self.numbers.get(id) == self.model.get(id, 0)


def test_numbers_are_a_dict() -> None:
    """Whatever is loaded, put and deleted: what each had before, how many there are,
    and all ids ascending; and of what is all gone nothing is kept."""
    steps = settings(max_examples=60, stateful_step_count=20, deadline=None)
    run_state_machine_as_test(NumbersMachine, settings=steps)


@given(
    there=st.sets(st.integers(1, 1000), max_size=60),
    gone=st.sets(st.integers(1, 1000), max_size=60),
    new=st.sets(st.integers(1, 1000), max_size=60),
    after=st.integers(0, 60),
)
def test_ids_may_change_while_they_are_read(
    there: set[int], gone: set[int], new: set[int], after: int
) -> None:
    """What is there all the time is given, once; what never was is not."""
    numbers = Keydir()
    for id in there:
        numbers.swap(id, id)
    ids = numbers.ids()
    found = [id for _, id in zip(range(after), ids, strict=False)]
    for id in gone:
        numbers.swap(id, 0)
    for id in new:
        numbers.swap(id, id)
    found += ids
    assert found == sorted(set(found))
    assert there - gone <= set(found) <= there | new
