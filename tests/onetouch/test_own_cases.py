"""Invitations of our own against the usual rules."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.onetouch.onetouch_support import evaluate

CASES: list[dict[str, Any]] = msgspec.toml.decode(
    (Path(__file__).parent / "cases.toml").read_bytes()
)["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_room_dials_what_it_should(case: dict[str, Any]) -> None:
    """A room dials this, with this protocol, or has no button."""
    invitation = {
        name: value
        for name, value in case.items()
        if name in ("location", "text", "html")
    }
    found = evaluate(**invitation)
    details = found.details
    alias = None if details is None else details.alias
    protocol = "SIP" if details is None else details.protocol
    expected = (case.get("alias"), case.get("protocol", "SIP"))
    assert (alias, protocol) == expected, found


def test_cases_are_many_and_told_apart() -> None:
    """There are over a hundred, and each has a name of its own."""
    names = {case["name"] for case in CASES}
    assert len(names) == len(CASES) > 100
