"""Credentials of scripts: API tokens, and the clients of OAuth 2.0."""

from datetime import datetime
from typing import Annotated

from pexschedd.model.fields.declaration import Field, Record

LONGEST_LIFE_DAYS = 366
USUAL_LIFE_DAYS = 90


class ApiToken(Record, frozen=True, kw_only=True):
    """A token that acts for the administrator who made it, until it expires."""

    name: Annotated[
        str,
        Field(
            help="What the token is for, as the log shows it.",
            min_length=1,
            max_length=100,
        ),
    ]
    role: Annotated[
        int,
        Field(
            help="What the token may do: at most what its administrator may, when it "
            "is made and whenever it is used.",
            related="role",
        ),
    ]
    expiration_time: Annotated[
        datetime | None,
        Field(
            help=f"The time from which the token is refused, at most "
            f"{LONGEST_LIFE_DAYS} days ahead. Left out or null: in {USUAL_LIFE_DAYS} "
            "days."
        ),
    ] = None
    administrator: Annotated[
        int,
        Field(
            help="The administrator who made the token.",
            related="administrator",
            readonly=True,
        ),
    ]
    creation_time: Annotated[
        datetime, Field(help="The time at which the token was made.", readonly=True)
    ]
    last_used_time: Annotated[
        datetime | None,
        Field(
            help="The time at which the token was last used, to ten minutes.",
            readonly=True,
        ),
    ] = None
    starts_with: Annotated[
        str, Field(help="The beginning of the token, to know it by.", readonly=True)
    ]
    token_hash: Annotated[str, Field(internal=True)]
    """SHA-256 in hexadecimal: a token is too random to be found by trying."""


class OAuth2Client(Record, frozen=True, kw_only=True):
    """A program that gets access tokens by proving that it has a private key."""

    client_id: Annotated[
        str, Field(help="The name that the client signs in with.", readonly=True)
    ]
    client_name: Annotated[
        str,
        Field(
            help="What the client is for, as the log shows it.",
            min_length=1,
            max_length=100,
            unique=True,
        ),
    ]
    role: Annotated[int, Field(help="What the client may do.", related="role")]
    private_key_jwt: Annotated[
        str,
        Field(
            help="The private key, PEM. It is in the answer that makes the client, and "
            "nowhere else: empty here.",
            readonly=True,
        ),
    ] = ""
    last_used_time: Annotated[
        datetime | None,
        Field(
            help="The time at which an access token of the client was last used, to "
            "ten minutes.",
            readonly=True,
        ),
    ] = None
    public_key: Annotated[str, Field(internal=True)]
    """The public key, PEM, on the curve P-256."""
