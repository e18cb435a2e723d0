"""Addresses of one mailbox, as far as the directory was asked: whose meeting it is
depends on them."""

import pytest

from pexschedd.scheduling.records.address_book import AddressBook

ALICE = "alice@example.test"
ARCHER = "alice.archer@example.test"
BOB = "bob@example.test"
NOBODY = "nobody@example.test"


@pytest.fixture
def book() -> AddressBook:
    """What integration 1 has looked up; 2 knows of Bob that he was Alice."""
    book = AddressBook()
    for address, primary in (
        (ALICE, ALICE),
        ("Alice.Archer@Example.test", "ALICE@example.test"),
        (BOB, BOB),
        (NOBODY, ""),
        ("gone@example.test", ""),
    ):
        book.learn(1, address, primary)
    book.learn(2, BOB, ALICE)
    book.learn(2, ALICE, ALICE)
    return book


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ALICE, ARCHER, True),
        (ARCHER, "ALICE@EXAMPLE.TEST", True),
        (ALICE, BOB, False),
        (ALICE, ALICE.upper(), True),
        ("new@example.test", "NEW@example.test", True),
        ("new@example.test", "newer@example.test", False),
        (ALICE, "new@example.test", False),
        ("new@example.test", ALICE, False),
        (NOBODY, "gone@example.test", False),
        (NOBODY, NOBODY, True),
        ("", "", False),
        (ALICE, "", False),
        ("", ALICE, False),
    ],
)
def test_addresses_of_one_mailbox(
    book: AddressBook, one: str, other: str, same: bool
) -> None:
    """Those that are alike but for letter case, or have the same primary address; two
    that nobody has are not one."""
    assert book.same_mailbox(1, one, other) is same


def test_look_ups_are_an_integrations_own(book: AddressBook) -> None:
    """What one directory says counts for no other, and is forgotten by itself."""
    assert book.same_mailbox(2, ALICE, BOB)
    assert not book.same_mailbox(3, ALICE, ARCHER)
    assert (book.has(1, ARCHER), book.has(2, ARCHER)) == (True, False)
    book.clear(1)
    assert not book.has(1, ARCHER)
    assert not book.same_mailbox(1, ALICE, ARCHER)
    assert book.same_mailbox(2, ALICE, BOB)
