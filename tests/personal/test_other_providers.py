"""A user of one integration's identity provider stays with that provider."""

from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.errors import UserElsewhere
from pexschedd.model import tables
from pexschedd.model.end_user import EndUser, access_token_user
from pexschedd.model.integration.connector import Connector
from pexschedd.personal.users import Profile
from tests.personal.personal_support import (
    ALICE,
    ALICE_OID,
    BOB,
    BOB_OID,
    CONNECTOR,
    ENTRA,
    TENANT,
    Personal,
)

ROGUE = "https://login.evil.example"
OTHER_TENANT = "99999999-2222-4333-8444-555555555555"


def integration(id: int, auth_provider: str, endpoint: str) -> Connector:
    return replace(
        CONNECTOR,
        id=id,
        uuid=str(id),
        auth_provider=auth_provider,
        personal_vmr_oauth_auth_endpoint=endpoint,
    )


AZURE = integration(1, "AZURE", f"{ENTRA}/{TENANT}/oauth2/v2.0/authorize")
BY_NAME = integration(2, "AZURE", f"{ENTRA}/contoso.example/oauth2/v2.0/authorize")
ADFS = integration(3, "ADFS", "https://fs.fabrikam.example/adfs/oauth2/authorize")
SAME_ADFS = integration(4, "ADFS", "https://FS.fabrikam.example/adfs/oauth2/authorize/")
OTHER_AZURE = integration(5, "AZURE", f"{ENTRA}/{OTHER_TENANT}/oauth2/v2.0/authorize")
ROGUE_AZURE = integration(6, "AZURE", f"{ROGUE}/{TENANT}/oauth2/v2.0/authorize")
ADDRESS = "alice@example.com"
PROFILE = Profile(email=ADDRESS, oid=ALICE_OID)
FROM_ADFS = Profile(email="ALICE@example.com")


@pytest.mark.parametrize(
    ("first", "second", "profile"),
    [
        (AZURE, ADFS, FROM_ADFS),
        (ADFS, AZURE, PROFILE),
        (AZURE, OTHER_AZURE, replace(PROFILE, oid=f"{OTHER_TENANT}:a")),
        (AZURE, ROGUE_AZURE, PROFILE),
        (AZURE, ROGUE_AZURE, replace(PROFILE, email="mallory@example.com")),
    ],
)
@pytest_twisted.ensureDeferred
async def test_taken_over(
    personal: Personal, first: Connector, second: Connector, profile: Profile
) -> None:
    """While both are in use the other one is refused, with the record's number, and the
    record stays as it is; once it is deleted the other one may have the address."""
    await personal.put(tables.CONNECTOR, first, second)
    own = PROFILE if first.auth_provider == "AZURE" else FROM_ADFS
    user = await personal.users.signed_in(first, own, ALICE)
    assert user.identity_provider == first.identity_provider
    with pytest.raises(
        UserElsewhere, match=rf"end_user {user.id}\) signs in at another"
    ):
        await personal.users.signed_in(second, profile, BOB)
    assert personal.every(tables.END_USER) == [user]
    assert personal.users.of_token(BOB) is None
    with personal.store.transaction() as transaction:
        transaction.delete(tables.END_USER, user.id)
        transaction.commit()
    taken = await personal.users.signed_in(second, profile, BOB)
    assert taken.identity_provider == second.identity_provider


@pytest_twisted.ensureDeferred
async def test_a_token_of_another_server(personal: Personal) -> None:
    """A server that says the same tenant and object in its tokens, as any can, opens
    nobody's rooms and signs nobody out, before and after a sign-in there."""
    await personal.put(tables.CONNECTOR, AZURE, ROGUE_AZURE)
    own, other = (
        access_token_user(ALICE_OID, f"{server}/{TENANT}/v2.0")
        for server in (ENTRA, ROGUE)
    )
    user = await personal.users.signed_in(AZURE, PROFILE, None)
    assert personal.users.of_token(own) == user
    for attached in (None, own):
        user = await personal.users.signed_in(AZURE, PROFILE, attached)
        assert personal.users.of_token(other) is None
        await personal.users.signed_out(other)
        assert personal.users.of_token(own) == user
    await personal.users.signed_out(own)
    assert personal.users.of_token(own) is None


@pytest_twisted.ensureDeferred
async def test_renamed_onto_it(personal: Personal) -> None:
    """A user of the other provider who takes the address there, after signing in with
    another one, is refused as well."""
    await personal.put(tables.CONNECTOR, AZURE, ADFS)
    alice = await personal.users.signed_in(ADFS, FROM_ADFS, ALICE)
    bob = Profile(email="bob@example.com", oid=BOB_OID)
    known = await personal.users.signed_in(AZURE, bob, BOB)
    with pytest.raises(UserElsewhere):
        await personal.users.signed_in(AZURE, replace(bob, email=ADDRESS), BOB)
    assert personal.every(tables.END_USER) == [alice, known]


@pytest.mark.parametrize(
    ("first", "second", "profile"),
    [
        (AZURE, BY_NAME, PROFILE),
        (ADFS, SAME_ADFS, FROM_ADFS),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_same_provider(
    personal: Personal, first: Connector, second: Connector, profile: Profile
) -> None:
    """Integrations of one provider share users, however its address is written."""
    await personal.put(tables.CONNECTOR, first, second)
    user = await personal.users.signed_in(first, profile, ALICE)
    again = await personal.users.signed_in(second, profile, ALICE)
    assert again.id == user.id


@pytest_twisted.ensureDeferred
async def test_a_provider_that_was_replaced(personal: Personal) -> None:
    """An integration's users stay its own when it gets another provider, and when the
    integration of the earlier one has no personal rooms any more."""
    await personal.put(tables.CONNECTOR, ADFS)
    user = await personal.users.signed_in(ADFS, FROM_ADFS, ALICE)
    moved = replace(AZURE, id=ADFS.id)
    await personal.put(tables.CONNECTOR, moved)
    now = await personal.users.signed_in(moved, PROFILE, ALICE)
    assert (now.id, now.identity_provider) == (user.id, moved.identity_provider)
    off: Any = replace(moved, enable_personal_vmrs=False)
    await personal.put(tables.CONNECTOR, off, replace(SAME_ADFS, id=9))
    back = await personal.users.signed_in(replace(SAME_ADFS, id=9), FROM_ADFS, ALICE)
    assert back.id == user.id


@pytest_twisted.ensureDeferred
async def test_a_record_that_nobody_has_used(personal: Personal) -> None:
    """A record that an administrator has made is attached by whichever provider comes
    first, and is that one's from then on."""
    await personal.put(tables.CONNECTOR, AZURE, ADFS)
    made = EndUser(id=5, primary_email_address=ADDRESS)
    await personal.put(tables.END_USER, made)
    user = await personal.users.signed_in(ADFS, FROM_ADFS, ALICE)
    assert (user.id, user.identity_provider) == (5, "https://fs.fabrikam.example/adfs")
    with pytest.raises(UserElsewhere):
        await personal.users.signed_in(AZURE, PROFILE, None)
