"""Sessions end, belong to one integration, and cannot be made without bound."""

from itertools import count

import pytest

from pexschedd.identity.personal.sessions import LIFETIME, MOST_PER_USER, Sessions


class SteadyClock:
    now = 1000.0

    def seconds(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock()


@pytest.fixture
def opened(clock: SteadyClock) -> Sessions:
    numbers = count()
    return Sessions(clock.seconds, lambda n: f"secret-{next(numbers)}-of-{n}")


def test_a_session_is_its_users(opened: Sessions) -> None:
    """The secret gives the user, and nothing else does."""
    secret = opened.open(1, 7)
    assert opened.user_of(1, secret) == 7
    assert opened.user_of(1, secret + "x") is None
    assert opened.user_of(1, "") is None
    assert opened.user_of(1, "x" * 100_000) is None
    assert opened.user_of(1, "\ud800") is None


def test_another_integrations_session_is_none(opened: Sessions) -> None:
    """A session of one integration gives nobody in another, and is not closed there."""
    secret = opened.open(1, 7)
    assert opened.user_of(2, secret) is None
    opened.close(2, secret)
    assert opened.user_of(1, secret) == 7


def test_a_session_ends_by_itself(opened: Sessions, clock: SteadyClock) -> None:
    """After an hour the session is over, however often it was used."""
    secret = opened.open(1, 7)
    clock.now += LIFETIME - 1
    assert opened.user_of(1, secret) == 7
    clock.now += 1
    assert opened.user_of(1, secret) is None
    opened.open(1, 8)
    assert len(opened) == 1


def test_a_session_is_closed(opened: Sessions) -> None:
    """A closed session is over at once; closing it again does nothing."""
    secret, other = opened.open(1, 7), opened.open(1, 7)
    opened.close(1, secret)
    opened.close(1, secret)
    assert opened.user_of(1, secret) is None
    assert opened.user_of(1, other) == 7


def test_a_user_has_few_sessions(opened: Sessions) -> None:
    """Of too many sessions of one user the oldest ends; other users keep theirs."""
    others = opened.open(1, 8)
    secrets = [opened.open(1, 7) for _ in range(MOST_PER_USER + 1)]
    assert opened.user_of(1, secrets[0]) is None
    assert all(opened.user_of(1, secret) == 7 for secret in secrets[1:])
    assert opened.user_of(1, others) == 8


def test_there_are_not_too_many(clock: SteadyClock) -> None:
    """Of too many sessions in all the oldest one ends."""
    numbers = count()
    opened = Sessions(clock.seconds, lambda _: f"secret-{next(numbers)}", most=3)
    secrets = [opened.open(1, user) for user in range(5)]
    assert len(opened) == 3
    assert [opened.user_of(1, secret) for secret in secrets] == [None, None, 2, 3, 4]
