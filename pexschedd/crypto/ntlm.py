"""The server's side of NTLMv2: a challenge, and the proof that a client knows a
password. Pure.

MS-NLMP 2.2.1 and 3.3.2. Only NTLMv2 is accepted: the older answers can be reversed. The
session key that NTLM could sign and seal with is not needed over HTTP.
"""

import hmac
import struct
from datetime import UTC, datetime

import msgspec

SIGNATURE = b"NTLMSSP\x00"
CHALLENGE_BYTES = 8
LONGEST_MESSAGE = 8_192

_UNICODE = 0x00000001
_FLAGS = (
    _UNICODE
    | 0x00000004  # the target's name is in the message
    | 0x00000200  # NTLM
    | 0x00008000  # always sign
    | 0x00020000  # the target is a server
    | 0x00080000  # extended session security
    | 0x00800000  # target information
    | 0x02000000  # version
    | 0x20000000  # 128 bits
    | 0x80000000  # 56 bits
)
_VERSION = b"\x0a\x00\x63\x45\x00\x00\x00\x0f"
_COMPUTER, _DOMAIN, _TIME = 1, 2, 7
"""AV pairs: names in NetBIOS, and the time."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_PROOF_BYTES, _SHORTEST_ANSWER = 16, 16 + 28


class NtlmMessageError(Exception):
    """A message that is no NTLM, or malformed."""


class NtlmProof(msgspec.Struct, frozen=True):
    """The client's last message."""

    user: str
    domain: str
    answer: bytes
    """The NtChallengeResponse: the proof, and what it is about."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the account may have here, the most exact first."""
        if not self.domain:
            return (self.user,)
        full = f"{self.domain}\\{self.user}", f"{self.user}@{self.domain}"
        return (*full, self.user)


def is_negotiate_message(token: bytes) -> bool:
    """Return whether a token is the client's first message."""
    return token[:12] == SIGNATURE + b"\x01\x00\x00\x00" and len(token) >= 16


def challenge_message(challenge: bytes, target: str, now: datetime) -> bytes:
    """Return the server's message with a challenge of eight random bytes; `target` is
    the server's name."""
    name = target.encode("utf-16-le")
    ticks = int((now - _EPOCH).total_seconds()) * 10_000_000
    pairs = b"".join(
        struct.pack("<HH", kind, len(value)) + value
        for kind, value in (
            (_DOMAIN, name),
            (_COMPUTER, name),
            (_TIME, struct.pack("<Q", ticks)),
            (0, b""),
        )
    )
    offset = 56
    return (
        SIGNATURE
        + struct.pack("<IHHI", 2, len(name), len(name), offset)
        + struct.pack("<I", _FLAGS)
        + challenge
        + bytes(8)
        + struct.pack("<HHI", len(pairs), len(pairs), offset + len(name))
        + _VERSION
        + name
        + pairs
    )


def read_proof(token: bytes) -> NtlmProof:
    """Return the client's last message; raises `NtlmMessageError`."""
    if token[:12] != SIGNATURE + b"\x03\x00\x00\x00" or len(token) > LONGEST_MESSAGE:
        raise NtlmMessageError("This is not the last message of NTLM.")
    try:
        (flags,) = struct.unpack_from("<I", token, 60)
        encoding = "utf-16-le" if flags & _UNICODE else "latin-1"
        return NtlmProof(
            user=_field(token, 36).decode(encoding),
            domain=_field(token, 28).decode(encoding),
            answer=_field(token, 20),
        )
    except (struct.error, UnicodeDecodeError):
        raise NtlmMessageError("The message is malformed.") from None


def _field(token: bytes, at: int) -> bytes:
    length, _, offset = struct.unpack_from("<HHI", token, at)
    if offset + length > len(token):
        raise NtlmMessageError("The message is malformed.")
    return token[offset : offset + length]


def is_proven(message: NtlmProof, challenge: bytes, password: str) -> bool:
    """Return whether the answer to a challenge was made with the password (NTLMv2).
    It takes as long if not."""
    hashed = _md4(password.encode("utf-16-le", "surrogatepass"))
    proof, about = message.answer[:_PROOF_BYTES], message.answer[_PROOF_BYTES:]
    is_right = False
    for user in _in_upper_case(message.user):
        name = f"{user}{message.domain}".encode("utf-16-le", "surrogatepass")
        key = hmac.digest(hashed, name, "md5")
        expected = hmac.digest(key, challenge + about, "md5")
        is_right |= hmac.compare_digest(proof, expected)
    return is_right and len(message.answer) >= _SHORTEST_ANSWER and bool(message.user)


def _in_upper_case(text: str) -> tuple[str, str]:
    """As Windows has it, where each letter stays one letter, and as other clients."""
    by_letter = "".join(u if len(u := c.upper()) == 1 else c for c in text)
    return by_letter, text.upper()


def _md4(data: bytes) -> bytes:
    """Return the MD4 of RFC 1320, which OpenSSL has no longer."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64)
    padded += struct.pack("<Q", 8 * len(data))
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for at in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, at)
        a, b, c, d = state
        for mix, constant, order, shifts in _ROUNDS:
            for step, index in enumerate(order):
                total = a + mix(b, c, d) + words[index] + constant
                a, b, c, d = d, _rotated(total, shifts[step % 4]), b, c
        state = [
            (old + new) & _MASK for old, new in zip(state, (a, b, c, d), strict=True)
        ]
    return struct.pack("<4I", *state)


_MASK = 0xFFFFFFFF
_ROUNDS = (
    (lambda x, y, z: (x & y) | (~x & z), 0, tuple(range(16)), (3, 7, 11, 19)),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        tuple(4 * (i % 4) + i // 4 for i in range(16)),
        (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
    ),
)


def _rotated(value: int, bits: int) -> int:
    value &= _MASK
    return ((value << bits) | (value >> (32 - bits))) & _MASK
