"""Delays between failed sign-ins."""

import pytest

from pexschedd.identity.sign_in_backoff import (
    FORGOTTEN_AFTER,
    FREE,
    LONGEST_BY_ADDRESS,
    LONGEST_BY_NAME,
    LONGEST_WHEN_KNOWN,
    SignInBackOff,
)

HERE, THERE = "192.0.2.1", "198.51.100.7"


class Gate:
    """A back-off with a clock to move."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.back_off = SignInBackOff()

    def wait(self, name: str = "admin", address: str = HERE) -> float:
        return self.back_off.begin(name, address, self.now)

    def succeed(self, name: str = "admin", address: str = HERE) -> None:
        assert self.wait(name, address) == 0
        self.back_off.succeeded(name, address)


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_a_few_are_free(gate: Gate) -> None:
    """A few failures cost nothing; then each further one costs a longer wait."""
    assert [gate.wait() for _ in range(FREE)] == [0.0] * FREE
    waits = []
    for _ in range(4):
        wait = gate.wait()
        waits.append(wait)
        gate.now += wait
        assert gate.wait() == 0
    assert waits == [1, 2, 4, 8]


def test_refused_attempts_are_not_counted(gate: Gate) -> None:
    """Asking during a delay makes it no longer."""
    for _ in range(FREE):
        gate.wait()
    assert {gate.wait() for _ in range(100)} == {1.0}


def test_attempts_at_once(gate: Gate) -> None:
    """Of many attempts before the first has failed, only the free ones get through."""
    assert sum(gate.wait() == 0 for _ in range(100)) == FREE


def test_longest_delays(gate: Gate) -> None:
    """The delays have an end: for an address with many names, and for a name from many
    addresses."""
    for number in range(60):
        gate.now += gate.wait(f"name{number}")
        gate.wait(f"name{number}")
    assert 0 < gate.wait("another") <= LONGEST_BY_ADDRESS
    other = Gate()
    for number in range(60):
        other.now += other.wait(address=f"192.0.2.{number}")
        other.wait(address=f"192.0.2.{number}")
    assert LONGEST_BY_NAME / 2 < other.wait(address=THERE) <= LONGEST_BY_NAME


def test_an_address_does_not_delay_others(gate: Gate) -> None:
    """Another name from another address is not concerned."""
    for _ in range(FREE):
        gate.wait()
    assert gate.wait("other", THERE) == 0
    assert gate.wait("other", HERE) > 0
    assert gate.wait("admin", THERE) > 0


def test_true_administrators_address(gate: Gate) -> None:
    """However many guess the name elsewhere, the address that has signed in with it
    before is not delayed."""
    gate.succeed()
    for number in range(200):
        gate.wait(address=f"198.51.100.{number}")
    assert gate.wait(address=THERE) > 0
    assert gate.wait() == 0


def test_guessing_from_a_known_address(gate: Gate) -> None:
    """A guesser who shares the administrator's address is slowed down, and the delay
    stays short enough to wait for."""
    gate.succeed()
    for _ in range(30):
        gate.now += gate.wait()
        gate.wait()
    assert gate.wait() == LONGEST_WHEN_KNOWN
    # Strangers are not delayed by what happens there.
    assert gate.wait(address=THERE) == 0


def test_success_ends_the_delay_of_its_address(gate: Gate) -> None:
    """After a right password the address begins anew."""
    for _ in range(FREE):
        gate.wait()
    gate.now += 1
    gate.succeed()
    assert [gate.wait() for _ in range(FREE)] == [0.0] * FREE


def test_success_does_not_help_guessers_elsewhere(gate: Gate) -> None:
    """The administrator's own sign-ins give nobody else free attempts."""
    gate.succeed()
    for number in range(FREE):
        gate.wait(address=f"198.51.100.{number}")
    gate.succeed()
    assert gate.wait(address=THERE) > 0


def test_withdrawn_attempts_do_not_count(gate: Gate) -> None:
    """An attempt that could not be made leaves no trace."""
    for _ in range(50):
        assert gate.wait() == 0
        gate.back_off.withdrawn("admin", HERE)
    assert len(gate.back_off) == 0


def test_failures_are_forgotten(gate: Gate) -> None:
    """After an hour without a failure the free attempts are back."""
    for _ in range(FREE):
        gate.wait()
    gate.now += FORGOTTEN_AFTER
    assert [gate.wait() for _ in range(FREE)] == [0.0] * FREE


def test_ipv6_networks(gate: Gate) -> None:
    """The addresses of one IPv6 network count together; a mapped IPv4 address is an
    IPv4 address."""
    for number in range(FREE):
        gate.wait(f"n{number}", f"2001:db8::{number}")
    assert gate.wait("x", "2001:db8::ffff") > 0
    assert gate.wait("x", "2001:db8:0:1::1") == 0
    for number in range(FREE):
        gate.wait(f"m{number}", f"::ffff:{THERE}")
    assert gate.wait("y", THERE) > 0


def test_memory_is_bounded(gate: Gate) -> None:
    """Any number of names and addresses, however long, fits into a bounded memory."""
    for number in range(30_000):
        name, address = f"{number}" * 50, f"10.{number >> 16}.{number >> 8 & 255}"
        gate.back_off.begin(name, f"{address}.{number & 255}", gate.now)
        if number % 3 == 0:
            gate.back_off.succeeded(name, address)
    assert len(gate.back_off) <= 21_000
    keys = [*gate.back_off._names._failures, *gate.back_off._addresses._failures]
    assert max(map(len, keys)) <= 100
