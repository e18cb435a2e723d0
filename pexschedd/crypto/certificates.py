"""PURE: certificates as people know them, and PEM texts read with care.

A PEM text may hold anything between its certificates (comments, bag attributes); it
may not hold a private key.
"""

from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

MOST = 500
"""Certificates in one text; an operating system's whole collection has about 150."""

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_LONGEST_NAME = 500


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator needs to recognise a certificate."""

    subject: str
    """As RFC 4514 writes names, e.g. `CN=mail.example.com,O=Example`."""
    issuer: str
    serial_no: str
    """Hexadecimal."""
    not_before: datetime
    not_after: datetime
    fingerprint: str
    """SHA-256, in pairs of hexadecimal digits with colons between them."""
    names: tuple[str, ...]
    """The hosts it is for: DNS names and IP addresses."""
    is_ca: bool
    """Whether it may issue others."""

    @property
    def dates(self) -> str:
        return f"{day(self.not_before)} to {day(self.not_after)}"


def described(certificate: x509.Certificate) -> Certificate:
    """Raises ValueError for one that cannot be read to its end."""
    return Certificate(
        subject=certificate.subject.rfc4514_string()[:_LONGEST_NAME],
        issuer=certificate.issuer.rfc4514_string()[:_LONGEST_NAME],
        serial_no=f"{certificate.serial_number:X}",
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
        names=tuple(host_names(certificate)),
        is_ca=_is_ca(certificate),
    )


def host_names(certificate: x509.Certificate) -> list[str]:
    """The DNS names and IP addresses that it is for; the common name is none."""
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    ]


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return basic.value.ca


def read_pem(text: str) -> list[x509.Certificate]:
    """The certificates in a text, at least one.

    Raises ValueError that says what is wrong with the text ("it …").
    """
    if "PRIVATE KEY-----" in text:
        raise ValueError(
            "it holds a private key, which has no business here: give certificates only"
        )
    blocks = text.split(_BEGIN)[1:]
    if not blocks:
        raise ValueError(f"it holds no PEM certificate ({_BEGIN})")
    if len(blocks) > MOST:
        raise ValueError(
            f"it holds {len(blocks)} certificates; at most {MOST} are taken"
        )
    return [_read(number, block) for number, block in enumerate(blocks, 1)]


def _read(number: int, block: str) -> x509.Certificate:
    inside, end, _ = block.partition(_END)
    if not end:
        raise ValueError(f"certificate {number} in it has no end ({_END})")
    try:
        pem = f"{_BEGIN}{inside}{_END}\n".encode("ascii")
        certificate = x509.load_pem_x509_certificate(pem)
        described(certificate)
    # cryptography has errors of its own for duplicate and unknown extensions.
    except Exception as error:  # noqa: BLE001 - whatever it is, it cannot be read
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"certificate {number} in it is damaged ({reason})") from None
    return certificate


def to_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
