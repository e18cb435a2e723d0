"""The people who sign in to the add-in to reach their personal rooms."""

import re
from typing import Annotated

from pexschedd.model.fields import addresses
from pexschedd.model.fields.declaration import Field, Record

MAX_ADDRESS = 100
"""Characters of a user's address, and of a room's owner's."""
MAX_EXCHANGE_USER = 1024
"""Characters of the id that the add-in's token gives a user: see `exchange_user_id`."""
MAX_OID = 255
"""Characters of a tenant's id and an object's id; the two have 73 in Entra."""


_OBJECT = re.compile(r"([0-9a-f-]{36}:[0-9a-f-]{36}) (https?://[^/\s]+)")


def access_token_user(oid: str, published_at: str) -> str:
    """Return the id of an access token's user.

    `oid` is `tid:oid`. Whoever publishes the keys may say any of these, so the origin
    of `published_at`, their address, is part of the id.
    """
    return f"{oid} {origin_of(published_at)}"


def object_and_origin(user_id: str) -> tuple[str, str]:
    """Return the two parts of the id of an access token's user; empty texts for an
    Exchange user's id."""
    found = _OBJECT.fullmatch(user_id)
    return (found[1], found[2]) if found else ("", "")


def origin_of(url: str) -> str:
    """Return the origin of a URL, in lower case."""
    return "/".join(url.lower().split("/")[:3])


class EndUser(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A user of the add-in, known by the address that the identity provider gave."""

    primary_email_address: Annotated[
        str,
        Field(
            label="Primary email address",
            help="The address the user signs in with. The rooms whose "
            "primary_owner_email_address it is are offered to the user; case does not "
            "count.",
            min_length=1,
            max_length=MAX_ADDRESS,
            unique=True,
            checks=(addresses.mail_address,),
        ),
    ]
    first_name: Annotated[str, Field(help="The given name.", max_length=250)] = ""
    last_name: Annotated[str, Field(help="The family name.", max_length=250)] = ""
    display_name: Annotated[
        str, Field(help="The name that the add-in shows.", max_length=250)
    ] = ""
    title: Annotated[str, Field(help="The job title.", max_length=128)] = ""
    department: Annotated[str, Field(help="The department.", max_length=100)] = ""
    telephone_number: Annotated[
        str, Field(help="The telephone number.", max_length=100)
    ] = ""
    mobile_number: Annotated[str, Field(help="The mobile number.", max_length=100)] = ""
    avatar_url: Annotated[
        str,
        Field(
            help="The address of a picture.",
            max_length=255,
            checks=(addresses.http_url,),
        ),
    ] = ""
    description: Annotated[str, Field(help="Notes on the user.", max_length=250)] = ""
    uuid: Annotated[
        str,
        Field(
            help="Identifies the user for ever; left out, one is made.",
            max_length=36,
            unique=True,
        ),
    ] = ""
    sync_tag: Annotated[
        str, Field(help="Set by whatever else maintains this user.", max_length=250)
    ] = ""
    ms_exchange_guid: Annotated[
        str | None,
        Field(
            help="The mailbox's GUID, set by whatever else maintains this user.",
            max_length=255,
        ),
    ] = None
    exchange_user_id: Annotated[
        str,
        Field(
            help="The Exchange user that signed in with this address; while it is "
            "known, the add-in need not ask for a sign-in.",
            readonly=True,
        ),
    ] = ""
    """The user's id in the add-in's token: `msexchuid amurl`, or see
    `access_token_user`."""
    user_oid: Annotated[
        str,
        Field(
            help="The tenant and object id that the identity provider knows the user "
            "by, which outlast a change of the address.",
            readonly=True,
        ),
    ] = ""
    """`tid:oid` of Entra ID; empty for AD FS, which has none."""
    identity_provider: Annotated[
        str,
        Field(
            help="The address of the identity provider that the user has signed in at. "
            "While another integration uses it, no other provider can sign in this "
            "user; delete the record to allow that.",
            readonly=True,
        ),
    ] = ""
    """See `RoomSettings.identity_provider`; empty until somebody has signed in."""
