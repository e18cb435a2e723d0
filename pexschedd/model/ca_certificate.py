"""Certificates that the installation trusts in addition to the system's."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec.structs import replace

from pexschedd.crypto.certificates import described, read_pem, to_pem
from pexschedd.model.fields.declaration import Field, Record

_UNKNOWN = datetime.min.replace(tzinfo=UTC)
MAX_LENGTH = 32 * 1024
"""Characters of one certificate; usual ones have about two thousand."""


def one_certificate(value: str) -> str | None:
    """Check that a text is exactly one PEM certificate: a `fields.Check`."""
    try:
        found = read_pem(value)
    except ValueError as error:
        return f"This is not a certificate: {error}."
    if len(found) > 1:
        return f"This must be one certificate here, not {len(found)}."
    return None


def apart(value: str) -> list[str]:
    """Split a text into one PEM text per certificate; return an unreadable text as it
    is."""
    try:
        found = read_pem(value)
    except ValueError:
        return [value]
    return [to_pem(certificate) for certificate in found]


class CaCertificate(Record, frozen=True, kw_only=True):
    """A trusted certificate: an authority's, or the own certificate of one server."""

    certificate: Annotated[
        str,
        Field(
            label="Certificate",
            help="PEM text. Usually an authority's; a server's own certificate may be "
            "trusted for that server alone. A new record may be given several "
            "certificates at once and becomes as many records. No private key.",
            min_length=1,
            max_length=MAX_LENGTH,
            multiline=True,
            unique=True,
            checks=(one_certificate,),
        ),
    ]
    trusted_intermediate: Annotated[
        bool,
        Field(
            help="A note for clients: every certificate here is trusted by itself, an "
            "intermediate authority's as well."
        ),
    ] = False
    subject: Annotated[
        str, Field(help="Whose it is, as RFC 4514 writes names.", readonly=True)
    ] = ""
    issuer: Annotated[str, Field(help="Who issued it.", readonly=True)] = ""
    serial_no: Annotated[
        str, Field(help="Its number at the issuer, hexadecimal.", readonly=True)
    ] = ""
    start_date: Annotated[
        datetime, Field(help="When it becomes valid.", readonly=True)
    ] = _UNKNOWN
    end_date: Annotated[datetime, Field(help="When it expires.", readonly=True)] = (
        _UNKNOWN
    )
    fingerprint: Annotated[
        str, Field(help="SHA-256 of the certificate.", readonly=True)
    ] = ""
    is_ca: Annotated[
        bool,
        Field(
            help="Whether it is an authority's. If not, it is trusted for the server "
            "whose own certificate it is, and for nobody else.",
            readonly=True,
        ),
    ] = False


def filled_in(record: CaCertificate) -> CaCertificate:
    """Return the record with its read-only fields filled in from the certificate."""
    (certificate,) = read_pem(record.certificate)
    shown = described(certificate)
    return replace(
        record,
        certificate=to_pem(certificate),
        subject=shown.subject,
        issuer=shown.issuer,
        serial_no=shown.serial_no,
        start_date=shown.not_before,
        end_date=shown.not_after,
        fingerprint=shown.fingerprint,
        is_ca=shown.is_ca,
    )


def fingerprint_of(record: CaCertificate) -> str:
    """Return the certificate's SHA-256 fingerprint, computed if the record is not
    filled in yet."""
    return record.fingerprint or filled_in(record).fingerprint
