"""Regular expressions of callers."""

from time import process_time

import pytest

from pexschedd.util.text_pattern import (
    compile_pattern,
    is_found,
    is_found_in_any_case,
)


def test_what_is_found() -> None:
    """Anywhere in the text, unless the pattern is anchored; letters of all kinds."""
    assert is_found("Board room", "oa.d")
    assert not is_found("Board room", "^room")
    assert not is_found("Besprechung Ä", "ä")
    assert is_found_in_any_case("Besprechung Ä", "ä$")
    assert is_found("", "^$")


@pytest.mark.parametrize(
    "pattern", ["(", "a{2,1}", r"(a)\1", "(?<=a)b", "a" * 201, "(a{50}){20}", "\ud800"]
)
def test_what_is_refused(pattern: str) -> None:
    """What RE2 does not know, and what is too large, with a sentence."""
    with pytest.raises(ValueError, match=r"\.$"):
        compile_pattern(pattern)


def test_what_takes_others_for_ever() -> None:
    """A pattern that makes other engines try all ways takes no time to speak of."""
    began = process_time()
    assert not is_found("a" * 10_000 + "!", "^(a+)+$")
    assert not is_found("a" * 10_000 + "!", "(a|aa|a?b)*c")
    assert process_time() - began < 1
