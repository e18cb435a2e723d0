"""Exchange's user identity tokens, and the document that they are verified with."""

import base64
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import jwt

from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox
from pexschedd.sandbox.mailboxes.token_certificate import TokenCertificate

METADATA_PATH = "/autodiscover/metadata/json/1"
LIFETIME = 28_800
"""Seconds that Exchange lets such a token live."""
_EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"


def mint(
    certificate: TokenCertificate,
    mailbox: SandboxMailbox,
    *,
    audience: str,
    base_url: str,
    now: datetime,
    lifetime: int = LIFETIME,
    metadata_url: str | None = None,
) -> str:
    """Return the identity token that Outlook would get for the user of a mailbox.

    `base_url` is this server's, without a slash at its end. With a negative lifetime
    (in seconds) the token has expired that long ago. `metadata_url` is for servers that
    do not know their own name.
    """
    realm = mailbox.account.domain
    host = base_url.partition("://")[2].partition(":")[0]
    end = now + timedelta(seconds=lifetime)
    begin = min(now, end - timedelta(seconds=LIFETIME))
    context = {
        "msexchuid": f"{mailbox.guid}@{host}",
        "version": "ExIdTok.V1",
        "amurl": metadata_url or base_url + METADATA_PATH,
    }
    claims = {
        "aud": audience,
        "iss": f"{_EXCHANGE}@{realm}",
        "nbf": int(begin.timestamp()),
        "exp": int(end.timestamp()),
        "appctxsender": f"{_EXCHANGE}@{realm}",
        "isbrowserhostedapp": "true",
        "appctx": json.dumps(context),
    }
    headers = {"kid": certificate.thumbprint.hex().upper(), "x5t": certificate.x5t}
    return jwt.encode(claims, certificate.key, algorithm="RS256", headers=headers)


def metadata(
    certificate: TokenCertificate, realm: str, base_url: str
) -> dict[str, Any]:
    """Return the document at `METADATA_PATH`."""
    issuer = f"{_EXCHANGE}@{realm}"
    return {
        "id": f"_{uuid.uuid5(uuid.NAMESPACE_URL, base_url)}",
        "version": "1.0",
        "name": "Exchange",
        "realm": realm,
        "serviceName": _EXCHANGE,
        "issuer": issuer,
        "allowedAudiences": [issuer],
        "keys": [
            {
                "usage": "signing",
                "keyinfo": {"x5t": certificate.x5t},
                "keyvalue": {
                    "type": "x509Certificate",
                    "value": base64.b64encode(certificate.der).decode(),
                },
            }
        ],
        "endpoints": [
            {
                "location": base_url + METADATA_PATH,
                "protocol": "OAuth2",
                "usage": "metadata",
            }
        ],
    }
