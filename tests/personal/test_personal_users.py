"""A sign-in makes a user known, and an add-in token finds the user from then on."""

from pathlib import Path

import pytest
import pytest_twisted
from msgspec.structs import replace
from twisted.internet.defer import Deferred, gatherResults

from pexschedd.errors import UnknownUser
from pexschedd.model import tables
from pexschedd.model.end_user import EndUser
from pexschedd.personal.users import Profile
from tests.personal.personal_support import (
    ALICE,
    ALICE_365,
    ALICE_OID,
    BOB,
    BOB_OID,
    CONNECTOR,
    Personal,
)

PROFILE = Profile(
    email="Alice@Example.com",
    first_name="Alice",
    last_name="Archer",
    display_name="Alice Archer",
    oid=ALICE_OID,
)


@pytest_twisted.ensureDeferred
async def test_a_new_user_is_recorded_durably(tmp_path: Path) -> None:
    """The record is there after a restart, with all that the provider said."""
    personal = Personal(tmp_path)
    user = await personal.users.signed_in(CONNECTOR, PROFILE, ALICE)
    await personal.store.close()
    personal = Personal(tmp_path)
    assert personal.every(tables.END_USER) == [user]
    assert user.primary_email_address == "Alice@Example.com"
    assert (user.first_name, user.last_name) == ("Alice", "Archer")
    assert (user.display_name, user.uuid[:8]) == ("Alice Archer", "00000000")
    assert (user.exchange_user_id, user.user_oid) == (ALICE, ALICE_OID)
    await personal.store.close()


@pytest_twisted.ensureDeferred
async def test_a_token_finds_its_user(personal: Personal) -> None:
    """The add-in's user is known by either identity, and nobody by an empty one."""
    user = await personal.users.signed_in(CONNECTOR, PROFILE, ALICE)
    await personal.put(tables.END_USER, EndUser(id=90, primary_email_address="x@y.zz"))
    assert personal.users.of_token(ALICE) == user
    assert personal.users.of_token(ALICE_365) == user
    assert personal.users.of_token(BOB) is None
    assert personal.users.of_token("") is None
    assert personal.users.get(user.id) == user


@pytest_twisted.ensureDeferred
async def test_two_sign_ins_at_once_make_one_record(personal: Personal) -> None:
    """Nobody gets two records, however fast two panes are."""
    both = [
        Deferred.fromCoroutine(personal.users.signed_in(CONNECTOR, PROFILE, ALICE))
        for _ in range(2)
    ]
    first, second = await gatherResults(both)
    assert first == second
    assert personal.every(tables.END_USER) == [first]


@pytest_twisted.ensureDeferred
async def test_unknown_users_may_be_kept_out(personal: Personal) -> None:
    """Without allow_new_users only recorded addresses sign in, whatever their case."""
    closed = replace(CONNECTOR, allow_new_users=False)
    with pytest.raises(UnknownUser, match="new users are not allowed"):
        await personal.users.signed_in(closed, PROFILE, ALICE)
    assert personal.every(tables.END_USER) == []
    made = EndUser(id=5, primary_email_address="alice@example.COM", department="Ops")
    await personal.put(tables.END_USER, made)
    user = await personal.users.signed_in(closed, PROFILE, ALICE)
    assert (user.id, user.department, user.first_name) == (5, "Ops", "Alice")
    assert user.primary_email_address == "alice@example.COM"


@pytest_twisted.ensureDeferred
async def test_integrations_share_users(personal: Personal) -> None:
    """Another integration finds the same record, and makes no second one."""
    first = await personal.users.signed_in(CONNECTOR, PROFILE, ALICE)
    other = replace(CONNECTOR, id=2, uuid="other", allow_new_users=False)
    assert await personal.users.signed_in(other, PROFILE, None) == first


@pytest_twisted.ensureDeferred
async def test_an_address_changes_while_the_object_stays(personal: Personal) -> None:
    """The record follows the object at the provider to its new address."""
    first = await personal.users.signed_in(CONNECTOR, PROFILE, ALICE)
    married = replace(PROFILE, email="alice.baker@example.com", last_name="Baker")
    user = await personal.users.signed_in(
        replace(CONNECTOR, allow_new_users=False), married, ALICE
    )
    assert user == replace(first, primary_email_address="alice.baker@example.com")
    assert personal.every(tables.END_USER) == [user]


@pytest_twisted.ensureDeferred
async def test_identities_move_to_the_record_of_the_address(personal: Personal) -> None:
    """An administrator's record of the new address is used, and the old one gives
    nobody access any more."""
    old = await personal.users.signed_in(CONNECTOR, PROFILE, ALICE)
    await personal.put(
        tables.END_USER, EndUser(id=77, primary_email_address="new@example.com")
    )
    moved = replace(PROFILE, email="new@example.com")
    user = await personal.users.signed_in(CONNECTOR, moved, None)
    assert (user.id, user.user_oid, user.exchange_user_id) == (77, ALICE_OID, ALICE)
    left = personal.users.get(old.id)
    assert left == replace(old, user_oid="", exchange_user_id="")


@pytest_twisted.ensureDeferred
async def test_an_address_passes_to_another_person(personal: Personal) -> None:
    """The former holder's Exchange user does not get the rooms of the new one."""
    await personal.users.signed_in(CONNECTOR, PROFILE, ALICE)
    successor = replace(PROFILE, first_name="Alison", oid=BOB_OID)
    user = await personal.users.signed_in(CONNECTOR, successor, None)
    assert (user.first_name, user.user_oid) == ("Alison", BOB_OID)
    assert personal.users.of_token(ALICE) is None
    assert personal.users.of_token(ALICE_365) is None


@pytest_twisted.ensureDeferred
async def test_an_exchange_user_has_one_record(personal: Personal) -> None:
    """Signing in as somebody else moves the Exchange user along."""
    first = await personal.users.signed_in(CONNECTOR, PROFILE, ALICE)
    board = Profile(email="board@example.com")
    user = await personal.users.signed_in(CONNECTOR, board, ALICE)
    assert personal.users.of_token(ALICE) == user
    assert personal.users.get(first.id) == replace(first, exchange_user_id="")


@pytest_twisted.ensureDeferred
async def test_signing_out_forgets_the_exchange_user(personal: Personal) -> None:
    """The record stays, but the token does not find it, and other users' does."""
    await personal.users.signed_in(CONNECTOR, PROFILE, ALICE)
    bob = Profile(email="bob@example.com", oid=BOB_OID)
    other = await personal.users.signed_in(CONNECTOR, bob, BOB)
    await personal.users.signed_out(ALICE)
    await personal.users.signed_out("")
    assert personal.users.of_token(ALICE) is None
    assert personal.users.of_token(ALICE_365) is not None
    await personal.users.signed_out(ALICE_365)
    assert personal.users.of_token(ALICE_365) is None
    assert personal.users.of_token(BOB) == other


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (Profile(email=""), "no usable e-mail address"),
        (Profile(email="alice"), "no usable e-mail address"),
        (Profile(email="a@b.zz\nx@y.zz"), "no usable e-mail address"),
        (Profile(email="a" * 60 + "@" + "b" * 50 + ".zz"), "no usable e-mail"),
        (Profile(email="\u212aarl@example.com"), "passes for another"),
        (Profile(email="\u017fue@example.com"), "passes for another"),
        (Profile(email="a@b.zz", oid="t:" + "o" * 254), "object id"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_unusable_profiles_are_refused(
    personal: Personal, profile: Profile, reason: str
) -> None:
    """Nobody becomes a user, or another user, by an odd address or id."""
    await personal.put(
        tables.END_USER, EndUser(id=3, primary_email_address="karl@example.com")
    )
    with pytest.raises(UnknownUser, match=reason):
        await personal.users.signed_in(CONNECTOR, profile, ALICE)
    assert personal.users.of_token(ALICE) is None
    assert len(personal.every(tables.END_USER)) == 1


@pytest_twisted.ensureDeferred
async def test_hostile_names_are_bounded(personal: Personal) -> None:
    """Names are cut, and come to one line without controls or hidden marks."""
    profile = Profile(
        email=" eve@example.com ",
        first_name="E" * 1_000_000,
        last_name="\u202eeve\x00\r\nRe:\ud800 admin",
        display_name="\ufeff<b>Eve</b>",
    )
    user = await personal.users.signed_in(CONNECTOR, profile, "x" * 5_000)
    assert user.primary_email_address == "eve@example.com"
    assert user.first_name == "E" * 250
    assert (user.last_name, user.display_name) == ("eve Re: admin", "<b>Eve</b>")
    assert user.exchange_user_id == ""
