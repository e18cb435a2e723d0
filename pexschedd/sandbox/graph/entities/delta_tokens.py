"""Tokens of delta queries: the progress of a client, opaque to it."""

import base64
import binascii
import zlib
from typing import Self

import msgspec

from pexschedd.sandbox.graph.errors import GraphError


class DeltaToken(msgspec.Struct, frozen=True, omit_defaults=True):
    """The progress of a client in a folder, and the options of its first request."""

    folder: str
    """The id of the folder."""
    moves: int = 0
    """The moves of the mailbox when the token was made."""
    base: int = 0
    """The number of the change up to which the client knew all before this round."""
    at: int = 0
    """The number of the last change that it was given."""
    options: dict[str, str] = {}
    state: int = 0
    """Calendar views: the number of a state that the server keeps."""
    offset: int = 0
    """Calendar views: the number of changes of that state that were given."""

    def seal(self) -> str:
        """Return the token as a text."""
        raw = msgspec.json.encode(self)
        checked = zlib.crc32(raw).to_bytes(4, "big") + raw
        return base64.urlsafe_b64encode(checked).decode().rstrip("=")

    @classmethod
    def unseal(cls, text: str) -> Self:
        """Return the token in a text. Raises `GraphError`."""
        try:
            checked = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            raw = checked[4:]
            if zlib.crc32(raw).to_bytes(4, "big") != checked[:4]:
                raise ValueError(text)
            return msgspec.json.decode(raw, type=cls)
        except (binascii.Error, ValueError):
            raise GraphError(
                "SyncStateInvalid", "The sync state is invalid.", 400
            ) from None


def given(options: dict[str, str]) -> tuple[DeltaToken | None, bool]:
    """Return the token of a request's options, and whether a round goes on with it."""
    for name, goes_on in (("$skiptoken", True), ("$deltatoken", False)):
        if name in options:
            return DeltaToken.unseal(options[name]), goes_on
    return None, False
