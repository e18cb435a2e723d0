"""The server's side of NTLM, alone or within SPNEGO, with pyspnego.

The message layout is MS-NLMP 2.2.1; channel bindings are the tls-server-end-point of
RFC 5929.
"""

import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

_SIGNATURE = b"NTLMSSP\x00"
_AUTHENTICATE = _SIGNATURE + b"\x03\x00\x00\x00"
_UNICODE = 1
_NO_USER = ":nobody:"
"""A line for pyspnego's file of users while no user is known."""
_CHANNEL_BINDINGS = 10
"""MsvAvChannelBindings, an AV pair."""


class ChannelBindingPolicy(StrEnum):
    """The channel bindings that Extended Protection demands over TLS."""

    NONE = "none"
    ALLOW = "allow"
    """A client that sends one has to send the right one."""
    REQUIRED = "required"


class NtlmRefused(Exception):
    """A handshake that has failed; the message says why, for the sandbox's own log."""


class NtlmHandshake:
    """One handshake on one connection. `find` returns the mailbox for a user name."""

    def __init__(
        self,
        token: bytes,
        find: Callable[[str], SandboxMailbox | None],
        binding: ChannelBindingPolicy,
        certificate: x509.Certificate | None,
    ) -> None:
        plain = token.startswith(_SIGNATURE)
        self._find = find
        self._binding = (
            binding if certificate is not None else ChannelBindingPolicy.NONE
        )
        self._bindings = (
            None if certificate is None else channel_bindings_of(certificate)
        )
        with _users(_NO_USER):
            self._context = spnego.server(
                hostname="localhost",
                service="http",
                protocol="ntlm" if plain else "negotiate",
                options=spnego.NegotiateOptions.use_ntlm,
            )

    def step(self, token: bytes) -> tuple[bytes, SandboxMailbox | None]:
        """Return the answer to a message, and the caller's mailbox once that is known.

        Raises `NtlmRefused`.
        """
        authenticate = AuthenticateMessage.find(token)
        mailbox, bindings, line = None, None, _NO_USER
        if authenticate is not None:
            mailbox, line = self._account(authenticate)
            bindings = self._wanted(authenticate)
        try:
            with _users(line):
                answer = self._context.step(token, channel_bindings=bindings)
        except (SpnegoError, ValueError, struct.error, IndexError) as error:
            raise NtlmRefused(str(error)) from None
        if not self._context.complete:
            return answer or b"", None
        if mailbox is None:
            raise NtlmRefused("the handshake has ended without authentication")
        return answer or b"", mailbox

    def _account(
        self, authenticate: "AuthenticateMessage"
    ) -> tuple[SandboxMailbox, str]:
        domain, user = authenticate.domain, authenticate.user
        mailbox = self._find(f"{domain}\\{user}" if domain else user)
        password = None if mailbox is None else mailbox.account.password
        if mailbox is None or password is None or not mailbox.account.can_sign_in:
            raise NtlmRefused(f"no account {user!r} that can sign in")
        line = f"{domain}:{user}:{password}"
        if line.count(":") != 2 or len(line.splitlines()) != 1:
            raise NtlmRefused(
                "the user name or password does not fit into pyspnego's file of users"
            )
        return mailbox, line

    def _wanted(self, authenticate: "AuthenticateMessage") -> GssChannelBindings | None:
        sent = authenticate.bindings
        if self._binding is ChannelBindingPolicy.NONE or not (
            sent or self._binding is ChannelBindingPolicy.REQUIRED
        ):
            return None
        if not sent:
            raise NtlmRefused("no channel bindings")
        return self._bindings


def starts_handshake(token: bytes) -> bool:
    """Return whether a token begins a handshake: NTLM's first message, or SPNEGO's
    NegTokenInit (RFC 4178)."""
    return token.startswith((_SIGNATURE + b"\x01\x00\x00\x00", b"\x60"))


class AuthenticateMessage:
    """The third message of NTLM."""

    def __init__(self, message: bytes) -> None:
        (flags,) = struct.unpack_from("<I", message, 60)
        encoding = "utf-16-le" if flags & _UNICODE else "latin-1"
        self.domain = _field(message, 28).decode(encoding, "replace")
        self.user = _field(message, 36).decode(encoding, "replace")
        self.bindings = _av_pair(_field(message, 20)[44:], _CHANNEL_BINDINGS)
        """b"" if there are none, or only zeros."""

    @classmethod
    def find(cls, token: bytes) -> "AuthenticateMessage | None":
        """Return the message within a token, alone or within SPNEGO; None if it is
        another.

        Raises `NtlmRefused` if it is malformed.
        """
        start = token.find(_AUTHENTICATE)
        if start < 0:
            return None
        try:
            return cls(token[start:])
        except struct.error:
            raise NtlmRefused("a malformed message") from None


def channel_bindings_of(certificate: x509.Certificate) -> GssChannelBindings:
    """Return the tls-server-end-point bindings of a server's certificate."""
    digest: Any = certificate.signature_hash_algorithm
    if digest is None or isinstance(digest, hashes.MD5 | hashes.SHA1):
        digest = hashes.SHA256()
    hashed = hashes.Hash(digest)
    hashed.update(certificate.public_bytes(Encoding.DER))
    data = b"tls-server-end-point:" + hashed.finalize()
    return GssChannelBindings(application_data=data)


def _field(message: bytes, at: int) -> bytes:
    length, _, offset = struct.unpack_from("<HHI", message, at)
    return message[offset : offset + length]


def _av_pair(pairs: bytes, wanted: int) -> bytes:
    while len(pairs) >= 4:
        kind, length = struct.unpack_from("<HH", pairs)
        if kind == wanted:
            return pairs[4 : 4 + length].strip(b"\x00")
        if kind == 0:
            break
        pairs = pairs[4 + length :]
    return b""


@contextmanager
def _users(line: str) -> Iterator[None]:
    """Give pyspnego its users: it takes them only from a file that an environment
    variable names.

    Both exist only while it looks, with the one user that it looks for; nothing else
    runs on this thread meanwhile, and other threads do not use them.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".ntlm", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        before = os.environ.get("NTLM_USER_FILE")
        os.environ["NTLM_USER_FILE"] = file.name
        try:
            yield
        finally:
            if before is None:
                del os.environ["NTLM_USER_FILE"]
            else:
                os.environ["NTLM_USER_FILE"] = before
