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
    """The same with `Connection: close`, as proxies do that cannot do NTLM."""


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An installation's settings."""

    methods: tuple[Method, ...] = ("Basic",)
    channel_binding: ChannelBindingPolicy = ChannelBindingPolicy.NONE
    """Extended Protection: over TLS only."""
    single_request: bool = False
    """IIS's authPersistSingleRequest: every request is a new handshake."""
    closing: HandshakeClosing = HandshakeClosing.NEVER
    closing_times: int | None = None
    """So many handshakes are closed; None: all."""
    silent: bool = False
    """401 without WWW-Authenticate."""
