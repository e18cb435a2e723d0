"""The token with which a screen asks for the meetings of one room."""

from datetime import datetime
from typing import Annotated

from pexschedd.model.fields.declaration import Field, Record


class ScreenToken(Record, frozen=True, kw_only=True):
    """A token that reads the meetings of one endpoint's room, and nothing else.

    There is no such resource on the platform.
    """

    name: Annotated[
        str,
        Field(
            label="Name",
            help="What shows the meetings, such as the door sign of a room.",
            min_length=1,
            max_length=100,
        ),
    ]
    mjx_endpoint: Annotated[
        int,
        Field(
            label="Endpoint",
            help="The endpoint whose meetings the token may read. It is deleted with "
            "the endpoint.",
            related="mjx_endpoint",
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
