"""The certificate and the key of this service's own `ssl:` endpoints. Pure."""

import re
from pathlib import Path

from cryptography import x509

from pexschedd.crypto.certificates import Certificate, described


def certificate_file(endpoint: str) -> Path | None:
    """The file with the certificate of a Twisted `ssl:` endpoint; None for others.

    By Twisted's rules, it is in the file of `privateKey` if there is no `certKey`, and
    colons in a value are written with a backslash.
    """
    values = _values(endpoint)
    if values is None:
        return None
    return _path(values.get("certKey") or values.get("privateKey"))


def key_file(endpoint: str) -> Path | None:
    """The file with the private key of a Twisted `ssl:` endpoint; None for others."""
    values = _values(endpoint)
    return None if values is None else _path(values.get("privateKey"))


def _values(endpoint: str) -> dict[str, str] | None:
    kind, *parts = re.split(r"(?<!\\):", endpoint)
    if kind != "ssl":
        return None
    return dict(part.split("=", 1) for part in parts if "=" in part)


def _path(name: str | None) -> Path:
    return Path((name or "server.pem").replace("\\", ""))


def own_certificate(pem: bytes) -> Certificate:
    """The first certificate of a server's file, which may hold its key as well.

    Raises ValueError when there is none.
    """
    return described(x509.load_pem_x509_certificates(pem)[0])
