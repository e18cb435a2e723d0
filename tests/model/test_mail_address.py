"""Mail addresses as they are compared."""

import pytest

from pexschedd.model.mail_address import folded


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Alice@Example.Test", "alice@example.test", True),
        ("ÖRN@example.test", "örn@example.test", True),
        ("mi\u212ae@example.test", "mike@example.test", False),
        ("bo\u017f\u017f@example.test", "boss@example.test", False),
        ("alice@stra\xdfe.test", "alice@strasse.test", False),
        ("alice@o\ufb03ce.test", "alice@office.test", False),
    ],
)
def test_addresses_that_are_the_same(one: str, other: str, same: bool) -> None:
    """Case makes no difference; a letter that passes for others does."""
    assert (folded(one) == folded(other)) is same
