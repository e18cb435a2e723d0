"""How often rooms may be booked."""

from collections import Counter

import pytest
from twisted.internet.task import Clock

from pexschedd.errors import TooManyRequests
from pexschedd.util.token_bucket import Rate
from pexschedd.web.addin.rates import NO_BOUND, RequestRates


def test_a_user_with_a_script() -> None:
    """Is refused after a few rooms, and told how long to wait; others book on."""
    clock, refused = Clock(), Counter[str]()
    rates = RequestRates(
        Rate(3, 60), NO_BOUND, clock.seconds, lambda bound: refused.update([bound])
    )
    for _ in range(3):
        rates.count(user="alice", address="192.0.2.1")
    with pytest.raises(TooManyRequests) as caught:
        rates.count(user="alice", address="192.0.2.2")
    assert caught.value.retry_after == 1
    rates.count(user="bob", address="192.0.2.1")
    clock.advance(1)
    rates.count(user="alice", address="192.0.2.1")
    assert refused == {"user": 1}


def test_many_users_from_one_address() -> None:
    """An address has a bound of its own; a Unix socket has no address."""
    clock = Clock()
    rates = RequestRates(NO_BOUND, Rate(2, 60), clock.seconds)
    rates.count(user="a", address="192.0.2.1")
    rates.count(user="b", address="192.0.2.1")
    with pytest.raises(TooManyRequests):
        rates.count(user="c", address="192.0.2.1")
    for user in "defgh":
        rates.count(user=user, address="")
