"""An attempt's secrets are good for one step of one attempt, and for ten minutes."""

from itertools import count

import pytest

from pexschedd.errors import TooManyRequests
from pexschedd.identity.personal.attempts import (
    LIFETIME,
    MOST_PER_ADDRESS,
    AttemptFailure,
    Attempts,
    NewAttempt,
    Phase,
    SignedInUser,
)


class SteadyClock:
    now = 1000.0

    def seconds(self) -> float:
        return self.now


@pytest.fixture
def clock() -> SteadyClock:
    return SteadyClock()


@pytest.fixture
def attempts(clock: SteadyClock) -> Attempts[str]:
    numbers = count()
    return Attempts(clock.seconds, lambda n: f"random-{next(numbers)}-of-{n}")


def begin(attempts: Attempts[str], address: str = "192.0.2.1") -> NewAttempt:
    return attempts.begin(1, "idp", exchange_user="alice", address=address)


def test_the_whole_way(attempts: Attempts[str]) -> None:
    """An attempt is begun, started, comes back and is done, for its pane only."""
    new = begin(attempts)
    found = attempts.of_pane(1, new.attempt)
    assert found is not None
    assert (found.phase, found.provider) == (Phase.NEW, "idp")
    assert found.exchange_user == "alice"
    started = attempts.start(1, new.start)
    assert started is not None
    assert started[0] is found
    assert attempts.returned(started[1]) is found
    assert found.phase is Phase.EXCHANGING
    attempts.done(found, SignedInUser(7, "Alice", "alice@example.test"))
    again = attempts.of_pane(1, new.attempt)
    assert again is not None
    assert again.phase is Phase.DONE


def test_all_secrets_differ(attempts: Attempts[str]) -> None:
    """No secret of an attempt serves as another one of it."""
    new = begin(attempts)
    started = attempts.start(1, new.start)
    assert started is not None
    attempt, state = started
    secrets = [new.attempt, new.start, state, attempt.nonce, attempt.verifier]
    assert len(set(secrets)) == 5
    assert attempts.of_pane(1, new.start) is None
    assert attempts.of_pane(1, state) is None
    assert attempts.start(1, new.attempt) is None
    assert attempts.returned(new.attempt) is None


def test_a_start_code_is_used_once(attempts: Attempts[str]) -> None:
    """The second use of a start code finds nothing; looking does not use it up."""
    new = begin(attempts)
    assert attempts.waiting_to_start(1, new.start) is not None
    assert attempts.start(1, new.start) is not None
    assert attempts.waiting_to_start(1, new.start) is None
    assert attempts.start(1, new.start) is None


def test_a_state_is_used_once(attempts: Attempts[str]) -> None:
    """The second use of a state finds nothing."""
    started = attempts.start(1, begin(attempts).start)
    assert started is not None
    assert attempts.returned(started[1]) is not None
    assert attempts.returned(started[1]) is None


def test_another_integrations_attempt_is_none(attempts: Attempts[str]) -> None:
    """Secrets of one integration's attempt are worth nothing at another."""
    new = begin(attempts)
    assert attempts.of_pane(2, new.attempt) is None
    assert attempts.start(2, new.start) is None
    attempts.cancel(2, new.attempt)
    assert attempts.of_pane(1, new.attempt) is not None


def test_attempts_end(attempts: Attempts[str], clock: SteadyClock) -> None:
    """After ten minutes none of the secrets is valid, and the memory is free again."""
    new, other = begin(attempts), begin(attempts)
    started = attempts.start(1, other.start)
    assert started is not None
    clock.now += LIFETIME
    assert attempts.of_pane(1, new.attempt) is None
    assert attempts.start(1, new.start) is None
    assert attempts.returned(started[1]) is None
    assert not attempts.is_under_way(started[0])
    begin(attempts)
    assert len(attempts) == 1


def test_a_cancelled_attempt_is_over(attempts: Attempts[str]) -> None:
    """Whoever comes back for an attempt that was cancelled finds nothing."""
    new = begin(attempts)
    started = attempts.start(1, new.start)
    assert started is not None
    attempts.cancel(1, new.attempt)
    attempts.cancel(1, new.attempt)
    assert attempts.of_pane(1, new.attempt) is None
    assert attempts.returned(started[1]) is None
    assert not attempts.is_under_way(started[0])


def test_an_address_has_a_bound(attempts: Attempts[str], clock: SteadyClock) -> None:
    """One address cannot begin attempts without end; others still can, and so can it
    when its first ones have ended."""
    for _ in range(MOST_PER_ADDRESS):
        begin(attempts)
    with pytest.raises(TooManyRequests, match="Wait a minute"):
        begin(attempts)
    begin(attempts, "192.0.2.2")
    clock.now += LIFETIME
    begin(attempts)


def test_there_are_not_too_many(clock: SteadyClock) -> None:
    """Of too many attempts the oldest is given up, with all its secrets."""
    numbers = count()
    attempts: Attempts[str] = Attempts(
        clock.seconds, lambda _: f"random-{next(numbers)}", most=2
    )
    first = begin(attempts)
    started = attempts.start(1, first.start)
    assert started is not None
    begin(attempts)
    begin(attempts)
    assert len(attempts) == 2
    assert attempts.of_pane(1, first.attempt) is None
    assert attempts.returned(started[1]) is None


def test_a_failure_is_kept_for_the_pane(attempts: Attempts[str]) -> None:
    """The pane learns why its attempt failed."""
    new = begin(attempts)
    started = attempts.start(1, new.start)
    assert started is not None
    failure = AttemptFailure("sign_in_failed", "<b>No</b>", "Refused.", "1-2")
    attempts.failed(started[0], failure)
    found = attempts.of_pane(1, new.attempt)
    assert found is not None
    assert (found.phase, found.failure) == (Phase.FAILED, failure)


def test_no_secret_in_a_log(attempts: Attempts[str]) -> None:
    """What a log might print of an attempt shows none of its secrets."""
    new = begin(attempts)
    found = attempts.of_pane(1, new.attempt)
    assert found is not None
    for shown in (repr(new), repr(found)):
        assert "random" not in shown
