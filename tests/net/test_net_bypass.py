"""Which hosts are reached without the proxy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.net.bypass import bypassed, problem

MATCHES: list[tuple[str, str, bool]] = [
    # pattern              host                   is reached directly
    ("mail.example.test", "mail.example.test", True),
    ("mail.example.test", "MAIL.example.test.", True),
    ("mail.example.test", "mail2.example.test", False),
    ("mail.example.test", "a.mail.example.test", False),
    ("*.example.test", "mail.example.test", True),
    ("*.example.test", "a.b.example.test", True),
    ("*.example.test", "example.test", False),
    ("*.example.test", "badexample.test", False),
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("10.0.0.0/8", "ten.example.test", False),
    ("10.0.0.0/8", "::ffff:10.1.2.3", True),
    ("10.1.2.3", "10.1.2.3", True),
    ("fd00::/8", "[fd00::1]", True),
    ("fd00::/8", "fe80::1", False),
    ("[fd00::1]", "fd00::1", True),
]


@pytest.mark.parametrize(("pattern", "host", "direct"), MATCHES)
def test_patterns(pattern: str, host: str, direct: bool) -> None:
    """Names match whole or from a dot on; addresses match networks."""
    assert problem(pattern) is None
    assert bypassed(host, [pattern]) is direct
    assert bypassed(host, ["other.test", pattern]) is direct


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.8.9.1", "::1", "[::1]"]
)
def test_this_machine(host: str) -> None:
    """A proxy is never asked for this machine itself."""
    assert bypassed(host, [])


WRONG = [
    "*",
    "*.",
    "*example.test",
    "a.*.test",
    "10.0.0.1/8",
    "10.0.0.0/33",
    "1.2.3",
    "http://a.test",
    "a.test:80",
    "-a.test",
    "ä.test",
]


@pytest.mark.parametrize("pattern", ["", " ", "a b", "x" * 300, *WRONG])
def test_wrong_patterns(pattern: str) -> None:
    """What could never match, or matches more than one thinks, is an error."""
    said = problem(pattern)
    assert said is not None
    assert repr(pattern)[:20] in said


@given(st.text(max_size=30), st.text(max_size=30))
def test_nothing_raises(host: str, pattern: str) -> None:
    """Whatever is asked, there is an answer."""
    problem(pattern)
    bypassed(host, [pattern])
