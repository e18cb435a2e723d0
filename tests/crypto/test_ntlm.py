"""NTLMv2 as a server, beside RFC 1320's own values and pyspnego's client."""

from datetime import UTC, datetime
from typing import Any

import pytest
import spnego

from pexschedd.crypto import ntlm

NOW = datetime(2026, 12, 1, tzinfo=UTC)
CHALLENGE = bytes(range(8))


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        ("a", "bde52cb31de33e46245e05fbdbd6fb24"),
        ("message digest", "d9130a8164549fe818874806e1c7014b"),
        (
            "1234567890" * 8,
            "e33b4ddc9c38f2199c3e7b164fcc0536",
        ),
    ],
)
def test_md4(text: str, digest: str) -> None:
    """The digests of RFC 1320, A.5."""
    assert ntlm._md4(text.encode()).hex() == digest


def answered(user: str, password: str, challenge: bytes = CHALLENGE) -> ntlm.NtlmProof:
    """Return what pyspnego's client answers to a challenge."""
    client: Any = spnego.client(
        user, password, hostname="rooms", service="http", protocol="ntlm"
    )
    assert ntlm.is_negotiate_message(client.step())
    token = client.step(ntlm.challenge_message(challenge, "ROOMS", NOW))
    return ntlm.read_proof(token)


@pytest.mark.parametrize("user", ["oak", "EXAMPLE\\Oak", "oak@example.test", "Straße"])
@pytest.mark.parametrize("password", ["secret", "pässwörd €", "x" * 100])
def test_a_client_that_knows_the_password(user: str, password: str) -> None:
    """The proof holds for the password and the challenge, and for no others."""
    message = answered(user, password)
    assert ntlm.is_proven(message, CHALLENGE, password)
    assert not ntlm.is_proven(message, CHALLENGE, f"{password}!")
    assert not ntlm.is_proven(message, bytes(8), password)


def test_the_names_of_an_account() -> None:
    """Domain and user are tried together first, then the user alone."""
    assert answered("EXAMPLE\\oak", "x").names == (
        *("EXAMPLE\\oak", "oak@EXAMPLE", "oak"),
    )
    assert answered("oak", "x").names == ("oak",)


def test_older_answers_and_none() -> None:
    """Only NTLMv2 proves anything: not 24 bytes of NTLMv1, nor an anonymous client."""
    message = answered("oak", "")
    empty = ntlm.NtlmProof("oak", "", b"")
    older = ntlm.NtlmProof("oak", "", message.answer[:24])
    nobody = ntlm.NtlmProof("", "", message.answer)
    assert not any(ntlm.is_proven(m, CHALLENGE, "") for m in (empty, older, nobody))


def test_malformed_messages() -> None:
    """A message that is torn, or points behind its end, is refused as one."""
    client: Any = spnego.client(
        "oak", "secret", hostname="rooms", service="http", protocol="ntlm"
    )
    client.step()
    token = client.step(ntlm.challenge_message(CHALLENGE, "ROOMS", NOW))
    wrong = [token[:n] for n in range(0, 88, 7)]
    wrong += [token[:40] + b"\xff" * 8 + token[48:], token + bytes(9_000), b"x" * 80]
    for each in wrong:
        with pytest.raises(ntlm.NtlmMessageError):
            ntlm.read_proof(each)
