"""Faults of one certificate in the chain that a server presents. Pure."""

from cryptography import x509
from service_identity.cryptography import extract_patterns
from service_identity.exceptions import CertificateError, VerificationError
from service_identity.hazmat import ServiceID, verify_service_identity

from pexschedd.crypto.certificates import Certificate, day, described, host_names
from pexschedd.net.errors import ConnectionFailure, FailureKind

_SHOWN_NAMES = 10

# OpenSSL's verification errors, from its x509_vfy.h.
_NOT_YET_VALID = 9
_EXPIRED = 10
_UNKNOWN_ISSUER = (2, 20, 21, 27, 33)
_SELF_SIGNED = (18, 19)
_UNFIT = {
    7: "does not carry a valid signature of its issuer",
    22: "ends a chain that is too long",
    23: "has been revoked",
    24: "has issued another one without being an authority",
    25: "has more authorities below it than it allows",
    26: "is not meant for servers (its key usage does not include it)",
    28: "is explicitly not trusted",
    32: "may not sign certificates (its key usage does not include it)",
    34: "has a critical extension that is not understood",
    47: "is for a name that an authority above it may not certify",
    48: "is for a name that an authority above it may not certify",
    66: "has a key that is too weak",
    67: "has a key that is too weak",
    68: "is signed with a digest that is too weak",
    79: "is an authority's that breaks the rules for authorities",
}


def host_name_failure(
    certificate: x509.Certificate, identity: ServiceID, host: str
) -> ConnectionFailure | None:
    """The failure if the server's own certificate is not for `host`, else None."""
    try:
        verify_service_identity(extract_patterns(certificate), [identity], [])
    except (VerificationError, CertificateError):
        names = ", ".join(host_names(certificate)[:_SHOWN_NAMES])
        return ConnectionFailure(
            FailureKind.WRONG_HOST,
            f"it is for {names or 'no name at all'} and not for {host}",
        )
    return None


def chain_failure(
    certificate: x509.Certificate, error: int, depth: int
) -> ConnectionFailure:
    """The failure for a certificate that OpenSSL refuses.

    `error` is its verification error; `depth` is 0 for the server's own certificate, 1
    for the one that issued it, and so on.
    """
    shown = described(certificate)
    kind, why = _why(shown, error)
    place = (
        "the server's own certificate"
        if depth == 0
        else f"certificate {depth} above the server's own,"
    )
    return ConnectionFailure(
        kind,
        f'{place} "{shown.subject}" {why} (issued by "{shown.issuer}", valid '
        f"{shown.dates}, SHA-256 fingerprint {shown.fingerprint})",
    )


def _why(certificate: Certificate, error: int) -> tuple[FailureKind, str]:
    if error == _EXPIRED:
        return FailureKind.NOT_VALID_NOW, f"expired on {day(certificate.not_after)}"
    if error == _NOT_YET_VALID:
        begins = day(certificate.not_before)
        return FailureKind.NOT_VALID_NOW, f"is valid from {begins} only"
    if error in _SELF_SIGNED:
        return FailureKind.UNTRUSTED, "is self-signed and not known here"
    if error in _UNKNOWN_ISSUER:
        return (
            FailureKind.UNTRUSTED,
            "was issued by an authority not known here",
        )
    if error in _UNFIT:
        return FailureKind.UNFIT, _UNFIT[error]
    return FailureKind.UNFIT, f"was refused (OpenSSL verification error {error})"
