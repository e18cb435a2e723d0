"""Certificates, as administrators recognise them."""

from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from pexschedd.crypto.certificates import (
    MOST,
    described,
    host_names,
    read_pem,
    to_pem,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def certificate(*extensions: x509.ExtensionType) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Example"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example.test"),
        ]
    )
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(0xABC)
        .not_valid_before(BEGIN)
        .not_valid_after(BEGIN + timedelta(days=364))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, SHA256())


NAMES = x509.SubjectAlternativeName(
    [x509.DNSName("mail.example.test"), x509.IPAddress(ip_address("192.0.2.1"))]
)


def test_a_servers_certificate() -> None:
    """Names, numbers and dates are there, in the usual notations."""
    found = described(certificate(NAMES))
    assert found.subject == "CN=mail.example.test,O=Example"
    assert found.issuer == found.subject
    assert found.serial_no == "ABC"
    assert found.dates == "2026-01-01 to 2026-12-31"
    assert found.names == ("mail.example.test", "192.0.2.1")
    assert len(found.fingerprint) == 32 * 3 - 1
    assert not found.is_ca


@pytest.mark.parametrize("ca", [True, False])
def test_an_authoritys_certificate(*, ca: bool) -> None:
    """It says itself that it may issue others."""
    basic = x509.BasicConstraints(ca=ca, path_length=None)
    assert described(certificate(basic)).is_ca is ca


def test_the_common_name_is_no_host_name() -> None:
    """A certificate without subjectAltName is for no host."""
    assert host_names(certificate()) == []


def test_a_text_with_several() -> None:
    """All come in their order; what stands between them does not matter."""
    both = [certificate(NAMES), certificate()]
    text = "# comment\n" + "\nfriendlyName: x\n".join(map(to_pem, both))
    assert read_pem(text) == both


PEM = to_pem(certificate())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it holds no PEM certificate"),
        (PEM + "-----BEGIN EC PRIVATE KEY-----\n", "it holds a private key"),
        (PEM + PEM[:-20], "certificate 2 in it has no end"),
        (PEM.replace("MII", "MIA", 1), "certificate 1 in it is damaged"),
        (PEM.replace("MII", "MÏI", 1), "certificate 1 in it is damaged"),
        (PEM * (MOST + 1), f"it holds {MOST + 1} certificates; at most {MOST}"),
    ],
    ids=["none", "key", "cut off", "damaged", "no base64", "too many"],
)
def test_texts_that_are_refused(text: str, problem: str) -> None:
    """One clause says what is wrong with the text."""
    with pytest.raises(ValueError, match=problem) as caught:
        read_pem(text)
    assert "\n" not in str(caught.value)
