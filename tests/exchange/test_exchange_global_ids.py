"""The ids that name a meeting everywhere."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.exchange.global_ids import (
    canonical_uid,
    clean_global_id,
    occurrence_date,
    readable_uid,
)

PREFIX = bytes.fromhex("040000008200E00074C5B7101A82E008")


def global_id(day: bytes = bytes(4), data: bytes = b"\xab" * 16) -> bytes:
    return PREFIX + day + bytes(16) + len(data).to_bytes(4, "little") + data


def test_an_exchange_meeting() -> None:
    """Its UID is the clean id in hexadecimal, for the series and its occurrences."""
    uid = global_id().hex().upper()
    assert canonical_uid(global_id()) == uid
    assert canonical_uid(global_id(bytes.fromhex("07EA0C07"))) == uid
    assert clean_global_id(uid) == global_id()


def test_a_foreign_meeting() -> None:
    """Its UID is the one that the foreign calendar gave."""
    known = global_id(data=b"vCal-Uid\x01\x00\x00\x00abc@google.com\x00")
    assert canonical_uid(known) == "abc@google.com"
    assert clean_global_id("abc@google.com") == known


def test_occurrence_dates() -> None:
    """Only the id of an occurrence has a date, and only a possible one."""
    assert occurrence_date(global_id(bytes.fromhex("07EA0C07"))) == date(2026, 12, 7)
    assert occurrence_date(global_id(bytes.fromhex("07EA0D07"))) is None
    assert occurrence_date(global_id()) is None
    assert occurrence_date(b"short") is None


@pytest.mark.parametrize("other", [b"", b"\x04", PREFIX, bytes(60)])
def test_other_bytes(other: bytes) -> None:
    """What is no global object id gives no UID."""
    assert canonical_uid(other) == ""


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    """Whatever the data says, a UID comes out, and the same one each time."""
    uid = canonical_uid(global_id(data=data))
    assert uid == canonical_uid(global_id(data=data)) == readable_uid(uid)


@given(st.text(min_size=1, max_size=60))
def test_there_and_back(uid: str) -> None:
    """The id made for a foreign UID gives that UID again."""
    uid = readable_uid(uid.replace("\0", ""))
    if uid and not any("\ud800" <= c <= "\udfff" for c in uid):
        assert canonical_uid(clean_global_id(uid)) == uid
