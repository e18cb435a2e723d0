"""Settings of an installation: how its clients sign in."""

from enum import StrEnum
from typing import Literal

import msgspec

from pexschedd.sandbox.signin.ntlm import ChannelBindingPolicy

Method = Literal["Basic", "NTLM", "Negotiate", "Bearer"]


class HandshakeClosing(StrEnum):
    """The point at which the server ends the connection of a handshake."""

    NEVER = "never"
    SECOND_LEG = "second-leg"
    """After its challenge, without saying so."""
    CHALLENGE = "challenge"
    """After its challenge with `Connection: close`, as some proxies do."""


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An installation's settings."""

    methods: tuple[Method, ...] = ("Basic",)
    channel_binding: ChannelBindingPolicy = ChannelBindingPolicy.NONE
    """Extended Protection: over TLS only."""
    single_request: bool = False
    """IIS's authPersistSingleRequest: every request is a new handshake."""
    closing: HandshakeClosing = HandshakeClosing.NEVER
    closing_times: int | None = None
    """The number of handshakes that are closed; None: all."""
    silent: bool = False
    """The 401 has no WWW-Authenticate."""
