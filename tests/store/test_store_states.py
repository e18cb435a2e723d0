"""Every crash of every short workload. See `store_states.py` for what that means."""

from collections.abc import Callable

import pytest

from tests.store.store_states import Enumeration, Failed, enumerate_all
from tests.thorough import THOROUGH

pytestmark = pytest.mark.timeout(900)  # much work: a busy machine takes its time for it

SOME = 1 if THOROUGH else 7
"""Of so many of the longest workloads one is tried. There are eight operations: with
one less, each two of them come together in each two places of three."""


def test_every_state_of_three_operations_is_recovered(
    record_property: Callable[[str, object], None], kept: int
) -> None:
    """Nothing acknowledged is lost and nothing is half there, whatever a crash leaves
    of any three operations, and of the recovery from it. Unless the tests are to be
    thorough: of any two, and in memory of a seventh of those of three."""
    operations = 3 if kept or THOROUGH else 2
    counts = enumerate_all(operations, longest=SOME if operations == 3 else 1)
    record_property(f"crashes, {_where(kept)}", str(counts))
    assert counts.workloads > (500 // SOME if operations == 3 else 50)
    assert counts.states > (20_000 // SOME if operations == 3 else 2_000)


def test_every_cut_of_an_operation_is_recovered(
    record_property: Callable[[str, object], None], kept: int
) -> None:
    """The same with each write cut at every byte. Two operations with all their cuts
    are for thorough tests: those above have had the first before the second."""
    counts = enumerate_all(2 if THOROUGH else 1, every_byte=True)
    record_property(f"crashes, {_where(kept)}, cut at every byte", str(counts))
    assert counts.states > (4_500 if THOROUGH else 600)


def _where(kept: int) -> str:
    return "in memory" if kept else "on the disk"


@pytest.mark.parametrize(
    ("call", "operation"),
    [("datasync", "put"), ("sync", "document"), ("sync_dir", "roll")],
)
def test_a_missing_sync_is_found(call: str, operation: str) -> None:
    """The enumeration is not blind: on a disk that only pretends one kind of sync,
    some state of a single operation is lost."""
    with pytest.raises(Failed):
        Enumeration(broken=call).run((operation,))


def test_half_a_transaction_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it blind to atomicity: without the mark that joins its lines a
    transaction is found half applied."""
    from pexschedd.store.journal import line  # noqa: PLC0415 - beside its use

    put, delete = line.put, line.delete
    monkeypatch.setattr(line, "put", lambda seq, tx, *rest: put(seq, None, *rest))
    monkeypatch.setattr(line, "delete", lambda seq, tx, *rest: delete(seq, None, *rest))
    with pytest.raises(Failed):
        Enumeration().run(("transaction",))
