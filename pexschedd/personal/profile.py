"""User records, made of what an identity provider says of a user. Pure.

A record belongs to an address, because rooms do. Two identities are attached to it: the
object at the identity provider, which stays when the address changes, and the Exchange
user, by which the add-in is recognised without another sign-in. They move to the record
that they were last seen with; no sign-in ever removes a record.
"""

import re
from collections.abc import Collection, Iterator

import msgspec
from msgspec.structs import replace

from pexschedd.errors import EmailUnusable, UserElsewhere
from pexschedd.model.end_user import (
    MAX_ADDRESS,
    MAX_EXCHANGE_USER,
    MAX_OID,
    EndUser,
    object_and_origin,
    origin_of,
)
from pexschedd.model.fields.addresses import mail_address
from pexschedd.model.mail_address import passes_for_ascii

_MAX_NAME = 250
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff]+"
)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A user as a verified ID token describes it; the texts are the provider's."""

    email: str
    first_name: str = ""
    last_name: str = ""
    display_name: str = ""
    oid: str = ""
    """`tid:oid` of Entra ID, empty for a provider that has no such key."""
    provider: str = ""
    """The address of the provider: `RoomSettings.identity_provider`."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The records that a sign-in concerns; each may be None, or the same as another."""

    by_email: EndUser | None
    by_oid: EndUser | None
    by_exchange_user: EndUser | None


def usable(profile: Profile) -> Profile:
    """Return a profile with bounded, printable texts.

    Raises `EmailUnusable` if its address or its object id cannot be one.
    """
    email = profile.email.strip()
    if not email or len(email) > MAX_ADDRESS or mail_address(email) is not None:
        raise EmailUnusable(
            "The identity provider gave no usable e-mail address for this user. The "
            f"sign-in needs one, of at most {MAX_ADDRESS} characters."
        )
    if any(map(passes_for_ascii, email)):
        raise EmailUnusable(
            "The user's e-mail address contains a letter that passes for another one, "
            "so it cannot be told from another address."
        )
    if len(profile.oid) > MAX_OID:
        raise EmailUnusable(
            f"The user's object id at the identity provider has over {MAX_OID} "
            "characters."
        )
    return Profile(
        email=email,
        first_name=_name(profile.first_name),
        last_name=_name(profile.last_name),
        display_name=_name(profile.display_name),
        oid=profile.oid,
        provider=profile.provider,
    )


def require_own(user: EndUser, profile: Profile, others: Collection[str]) -> None:
    """Raise `UserElsewhere` if a record is another provider's.

    `others` are the providers of the other integrations. Each of them may say any
    address, so the one that a user has signed in at keeps the user while it is in use;
    a provider that was replaced by another one does not.
    """
    theirs = user.identity_provider
    if theirs in ("", profile.provider) or theirs not in others:
        return
    is_same_server = origin_of(theirs) == origin_of(profile.provider)
    is_same_tenant = _tenant(user.user_oid) == _tenant(profile.oid)
    if is_same_server and profile.oid and is_same_tenant:
        return
    raise UserElsewhere(
        f"The user with this address (end_user {user.id}) signs in at another identity "
        "provider, that of another integration. An administrator who wants to have "
        "the user sign in here deletes that record."
    )


def _tenant(oid: str) -> str:
    return oid.partition(":")[0]


def _name(text: str) -> str:
    return " ".join(_INVISIBLE.sub(" ", text[: 4 * _MAX_NAME]).split())[:_MAX_NAME]


def name_of(user: EndUser) -> str:
    """Return the name that a user is shown by."""
    full = f"{user.first_name} {user.last_name}".strip()
    return user.display_name or full or user.primary_email_address


def is_attachable(exchange_user: str) -> bool:
    """Return True if the id of a token's user is short enough to be kept."""
    return 0 < len(exchange_user) <= MAX_EXCHANGE_USER


def signed_in_records(
    profile: Profile, exchange_user: str, known: Known, id: int, uuid: str
) -> tuple[EndUser, ...]:
    """Return the user's record, and then others that lose an identity, after a sign-in.

    `profile` is `usable`; `exchange_user` may be empty. `id` and `uuid` are for a new
    record. The record of the address is the user's; without one, that of the object,
    whose address has changed then; without either, a new one.
    """
    found = known.by_email or known.by_oid
    if found is None:
        found = EndUser(id=id, uuid=uuid, primary_email_address=profile.email)
    kept = _described(found, profile)
    moved = known.by_oid.exchange_user_id if known.by_oid is not None else ""
    user = replace(
        kept,
        user_oid=profile.oid or kept.user_oid,
        exchange_user_id=exchange_user or moved or kept.exchange_user_id,
        identity_provider=profile.provider or kept.identity_provider,
    )
    return user, *_detached(user, known)


def _described(user: EndUser, profile: Profile) -> EndUser:
    """Return the record with the provider's address and names.

    Names that are there already stay, unless the address has passed to another person.
    """
    passed_on = bool(user.user_oid and profile.oid and user.user_oid != profile.oid)
    names = {
        field: new
        for field in ("first_name", "last_name", "display_name")
        if (new := getattr(profile, field)) and (passed_on or not getattr(user, field))
    }
    email = user.primary_email_address
    if email.casefold() != profile.email.casefold():
        email = profile.email
    if passed_on:
        user = replace(user, exchange_user_id="")
    return replace(user, primary_email_address=email, **names)


def _detached(user: EndUser, known: Known) -> Iterator[EndUser]:
    """Yield the other records without what is the user's now.

    The record that the object had before is at an address that is its own no more: its
    Exchange user would get the rooms of whoever has that address next.
    """
    former, other = known.by_oid, known.by_exchange_user
    if former is not None and former.id != user.id:
        yield replace(former, user_oid="", exchange_user_id="")
        if other is not None and other.id == former.id:
            return
    if other is not None and other.id != user.id:
        yield without_identity(other, user.exchange_user_id)


def without_identity(user: EndUser, id: str) -> EndUser:
    """Return the record without those of its identities that are a token's user."""
    oid, _ = object_and_origin(id)
    return replace(
        user,
        user_oid="" if user.user_oid == oid else user.user_oid,
        exchange_user_id="" if user.exchange_user_id == id else user.exchange_user_id,
    )
