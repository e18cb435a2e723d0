"""Differences between two versions of a record, as the history keeps them."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pexschedd.history.field_changes import (
    LONGEST_VALUE,
    REMOVED,
    REPLACED,
    SET,
    field_changes,
    name_of,
    shortened,
)
from pexschedd.model.accounts.administrator import Administrator
from pexschedd.model.conference import Conference
from pexschedd.model.configuration_change import FieldChange
from pexschedd.model.integration.connector import Connector
from tests.scheduling.upkeep.upkeep_support import CONNECTOR

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ANNA = Administrator(
    id=2, name="anna", password="scrypt$x", role=2, created=NOW, known_addresses=("x",)
)


def never(field: str, old: str, new: str) -> bool:
    return False


def test_a_new_record() -> None:
    """The fields that are not at their defaults, without what is internal."""
    assert field_changes(None, ANNA, never) == (
        FieldChange("name", None, "anna"),
        FieldChange("password", None, SET),
        FieldChange("role", None, 2),
        FieldChange("created", None, "2026-11-21T09:00:00.000000"),
    )
    assert field_changes(ANNA, None, never) == (
        FieldChange("name", "anna", None),
        FieldChange("password", None, REMOVED),
        FieldChange("role", 2, None),
        FieldChange("created", "2026-11-21T09:00:00.000000", None),
    )


def test_a_changed_record() -> None:
    """Only what differs; an address that was noted is no change."""
    assert field_changes(ANNA, ANNA, never) == ()
    assert field_changes(ANNA, replace(ANNA, known_addresses=()), never) == ()
    other = replace(ANNA, role=3, password="scrypt$y")
    assert field_changes(ANNA, other, never) == (
        FieldChange("password", None, REPLACED),
        FieldChange("role", 2, 3),
    )


def test_pins_are_secrets() -> None:
    """What not every role may see has no values either."""
    room = Conference(id=1, name="x", creation_time=NOW)
    closed = replace(room, pin="4815")
    assert field_changes(room, closed, never) == (FieldChange("pin", None, SET),)
    assert field_changes(closed, room, never) == (FieldChange("pin", None, REMOVED),)


def test_the_same_secret_sealed_again() -> None:
    """It is no change; what is asked is whether the two texts are of one secret."""
    asked = []

    def always(field: str, old: str, new: str) -> bool:
        asked.append((field, old, new))
        return True

    before = replace(CONNECTOR, password="sealed:v1:a")
    after = replace(before, password="sealed:v1:b")
    assert field_changes(before, after, always) == ()
    assert asked == [("password", "sealed:v1:a", "sealed:v1:b")]
    assert field_changes(before, after, never) == (
        FieldChange("password", None, REPLACED),
    )


def test_names() -> None:
    """A record is named by the first field that it is known by, at most 250 letters."""
    assert name_of(ANNA) == "anna"
    assert len(name_of(replace(ANNA, name="x" * 300))) == 250
    assert isinstance(CONNECTOR, Connector)


LONG = st.text(alphabet="ab", max_size=30).map(lambda text: text * 100)


@given(LONG, LONG)
def test_long_texts_are_short(text: str, other: str) -> None:
    """Whatever the texts, each part is bounded, and two that differ look different."""
    one, two = shortened(text, other), shortened(other, text)
    assert max(len(one), len(two)) <= LONGEST_VALUE
    assert (one == two) == (text == other)
