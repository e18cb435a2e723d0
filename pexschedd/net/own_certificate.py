"""PURE: the certificate that this service presents on an `ssl:` endpoint."""

import re
from pathlib import Path

from cryptography import x509

from pexschedd.crypto.certificates import Certificate, described


def certificate_file(endpoint: str) -> Path | None:
    """The file with the certificate of a Twisted `ssl:` endpoint; None for others.

    By Twisted's rules, it is in the file of `privateKey` if there is no `certKey`, and
    colons in a value are written with a backslash.
    """
    kind, *parts = re.split(r"(?<!\\):", endpoint)
    if kind != "ssl":
        return None
    values = dict(part.split("=", 1) for part in parts if "=" in part)
    name = values.get("certKey") or values.get("privateKey") or "server.pem"
    return Path(name.replace("\\", ""))


def own_certificate(pem: bytes) -> Certificate:
    """The first certificate of a server's file, which may hold its key as well.

    Raises ValueError when there is none.
    """
    return described(x509.load_pem_x509_certificates(pem)[0])
