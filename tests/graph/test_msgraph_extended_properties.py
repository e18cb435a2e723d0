"""Extended properties: how they are asked for, and what they hold."""

import pytest

from pexschedd.graph.entities.events import EVENT_EXPAND
from pexschedd.graph.entities.extended_properties import (
    APPOINTMENT_SEQUENCE,
    CLEAN_GLOBAL_ID,
    MESSAGE_CLASS,
    OWNER_CRITICAL_CHANGE,
    ExtendedProperties,
    ExtendedProperty,
)
from pexschedd.graph.entities.messages import MESSAGE_EXPAND


@pytest.mark.parametrize(
    "spelling",
    [
        "Integer {00062002-0000-0000-c000-000000000046} Id 0x8201",
        "Integer {00062002-0000-0000-C000-000000000046} Id 0x008201",
        "integer  {00062002-0000-0000-C000-000000000046}  id 0X8201",
    ],
)
def test_ids_in_other_spellings(spelling: str) -> None:
    """An id is what it says, not how it is written."""
    found = ExtendedProperties([ExtendedProperty(spelling, " 7 ")])
    assert found.number(APPOINTMENT_SEQUENCE) == 7


def test_values_that_are_none() -> None:
    """What is missing, null, too long or of another kind reads as empty."""
    found = ExtendedProperties(
        [
            ExtendedProperty(APPOINTMENT_SEQUENCE, "-1"),
            ExtendedProperty(OWNER_CRITICAL_CHANGE, "0001-01-01T00:00:00Z"),
            ExtendedProperty(CLEAN_GLOBAL_ID, "!"),
            ExtendedProperty("String {x} Name y", "z"),
            ExtendedProperty(None, "z"),
            ExtendedProperty(MESSAGE_CLASS, None),
        ]
    )
    assert found.number(APPOINTMENT_SEQUENCE) == 0
    assert found.moment(OWNER_CRITICAL_CHANGE) is None
    assert found.binary(CLEAN_GLOBAL_ID) == b""
    assert found.uid == ""
    assert found.text(MESSAGE_CLASS) == ""


def test_what_is_asked_for() -> None:
    """Every property is asked for once, in one expansion."""
    for text in (MESSAGE_EXPAND, EVENT_EXPAND):
        ids = text.removeprefix("singleValueExtendedProperties($filter=")[:-1]
        asked = [each.removeprefix("id eq ") for each in ids.split(" or ")]
        assert len(set(asked)) == len(asked) > 5
        assert all(each.startswith("'") and each.endswith("'") for each in asked)
