"""Binding of a sign-in to the TLS connection it happens on (RFC 5929). Pure.

Exchange calls it Extended Protection: a proof that was made for the holder of one
certificate is worthless to a machine in between, which has another.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

_PREFIX = b"tls-server-end-point:"


def channel_binding(certificate: bytes) -> bytes:
    """The application data for the server's certificate (DER).

    The hash is that of the certificate's signature, but SHA-256 in place of MD5, SHA-1
    or none at all (Ed25519). Raises ValueError for what is not a certificate.
    """
    digest = hashes.Hash(_hash_of(x509.load_der_x509_certificate(certificate)))
    digest.update(certificate)
    return _PREFIX + digest.finalize()


def _hash_of(certificate: x509.Certificate) -> hashes.HashAlgorithm:
    try:
        found = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        found = None
    if found is None or isinstance(found, (hashes.MD5, hashes.SHA1)):
        return hashes.SHA256()
    return found
