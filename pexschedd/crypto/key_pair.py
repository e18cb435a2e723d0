"""A certificate and the private key that belongs to it. Pure."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pexschedd.crypto.certificates import read_pem


def pair_problem(certificate: str, private_key: str) -> str:
    """Return what is wrong with a certificate and an RSA key, both as PEM texts; empty
    if they belong together."""
    try:
        (first, *others) = read_pem(certificate)
    except ValueError as error:
        return f"This must be a certificate as PEM text; {error}."
    if others:
        return f"This must be one certificate, and not {len(others) + 1}."
    try:
        key = load_pem_private_key(private_key.encode("ascii"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "Its private key is not an RSA key as PEM text without a passphrase."
    if not isinstance(key, RSAPrivateKey):
        return "Its private key is not an RSA key."
    if first.public_key() != key.public_key():
        return "The private key belongs to another certificate."
    return ""
