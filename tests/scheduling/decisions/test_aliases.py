"""Alias numbers are in the integration's form, unique, and compared sensibly."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import Unavailable
from pexschedd.scheduling.decisions.aliases import normalise, pair, pick


def random_digits(length: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(length))


@given(
    st.text("0123456789", min_size=1, max_size=8),
    st.integers(5, 15),
    st.sampled_from(["", "example.test"]),
)
def test_alias_has_the_configured_form(prefix: str, length: int, domain: str) -> None:
    """Prefix, a number of the configured length, and the domain if there is one."""
    made = pick(prefix, length, domain, digits=random_digits, taken=lambda _: False)
    assert made.numeric.startswith(prefix)
    assert len(made.numeric) == len(prefix) + length
    assert made.number == int(made.numeric[len(prefix) :])
    assert made.full == (f"{made.numeric}@{domain}" if domain else made.numeric)
    assert len(made.texts) == (2 if domain else 1)


def test_taken_numbers_are_not_given_again() -> None:
    """A number of which either alias is taken is passed over."""
    draws = iter(["000001", "000002", "000000", "000003"])
    taken = {"555000001", "555000002@example.test"}
    made = pick(
        "555",
        6,
        "example.test",
        digits=lambda _: next(draws),
        taken=taken.__contains__,
    )
    assert made.numeric == "555000003"


def test_used_up_range_says_what_to_change() -> None:
    """When no number is left the error names the field to raise."""
    with pytest.raises(Unavailable, match="scheduled_alias_suffix_length"):
        pick("5", 5, "", digits=random_digits, taken=lambda _: True)


@pytest.mark.parametrize(
    ("dialled", "alias"),
    [
        ("555123456", "555123456"),
        ("sip:555123456@Example.TEST", "555123456@example.test"),
        (" SIPS:555123456@example.test;transport=tls ", "555123456@example.test"),
        ("h323:555123456", "555123456"),
        ("pexip://555123456@example.test", "555123456@example.test"),
        ("tel:+47", "tel:+47"),
        ("", ""),
    ],
)
def test_dialled_forms_are_one_alias(dialled: str, alias: str) -> None:
    """Scheme, case, blanks and parameters make no difference."""
    assert normalise(dialled) == alias


@given(st.text(max_size=300))
def test_normalising_is_idempotent_enough(text: str) -> None:
    """Hostile input is just text: never an error, and case never matters."""
    assert normalise(text) == normalise(text.upper().lower()) or not text.isascii()


def test_pair_without_domain_is_one_alias() -> None:
    """Without a domain both aliases are the same text, listed once."""
    assert pair("5", "00042", "").texts == ("500042",)
