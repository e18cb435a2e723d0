"""X.509 certificates: their description for administrators, and PEM. Pure.

A PEM text may contain anything between its certificates (comments, bag attributes),
but no private key.
"""

from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

MOST = 500
"""Certificates in one PEM text; an operating system trusts about 150 altogether."""

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_LONGEST_NAME = 500


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """The properties by which administrators recognise a certificate."""

    subject: str
    """In the notation of RFC 4514, such as `CN=mail.example.com,O=Example`."""
    issuer: str
    serial_no: str
    """In hexadecimal."""
    not_before: datetime
    not_after: datetime
    fingerprint: str
    """SHA-256: pairs of hexadecimal digits, separated by colons."""
    names: tuple[str, ...]
    """The DNS names and IP addresses that the certificate is valid for."""
    is_ca: bool
    """True if the certificate may issue others."""

    @property
    def dates(self) -> str:
        """The days of its validity, such as `2026-01-01 to 2026-12-31`."""
        return f"{day(self.not_before)} to {day(self.not_after)}"


def described(certificate: x509.Certificate) -> Certificate:
    """Describe a certificate. Raises ValueError if a part of it cannot be parsed."""
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
    """Return the DNS names and IP addresses in the subjectAltName.

    The common name is not among them (RFC 9525, section 6.3).
    """
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
    """Parse a PEM text of one certificate or more.

    Raises ValueError with a clause about the text ("it …").
    """
    if "PRIVATE KEY-----" in text:
        raise ValueError(
            "it holds a private key, which must be kept elsewhere: give only the "
            "certificates"
        )
    blocks = text.split(_BEGIN)[1:]
    if not blocks:
        raise ValueError(f"it holds no PEM certificate ({_BEGIN})")
    if len(blocks) > MOST:
        raise ValueError(
            f"it holds {len(blocks)} certificates; at most {MOST} are allowed"
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
    except Exception as error:  # noqa: BLE001 - each means that it is damaged
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"certificate {number} in it is damaged ({reason})") from None
    return certificate


def to_pem(certificate: x509.Certificate) -> str:
    """Return the certificate as PEM text."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def day(moment: datetime) -> str:
    """Return the date of a moment, such as `2026-11-21`."""
    return moment.strftime("%Y-%m-%d")
