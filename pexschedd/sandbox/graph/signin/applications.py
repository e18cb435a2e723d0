"""Applications: what proves who they are, what they are granted, and their tokens."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt
import msgspec
from cryptography import x509

from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.mailboxes.mailbox import SandboxMailbox

ROLES = (
    *("Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite", "Mail.Send"),
    *("Calendars.Read", "Calendars.ReadWrite"),
    *("MailboxSettings.Read", "MailboxSettings.ReadWrite"),
)
_IMPLIED = {
    "Mail.ReadWrite": ("Mail.Read", "Mail.ReadBasic"),
    "Mail.Read": ("Mail.ReadBasic",),
    "Calendars.ReadWrite": ("Calendars.Read",),
    "MailboxSettings.ReadWrite": ("MailboxSettings.Read",),
}


class MailboxGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A role that an application has: in Entra for all mailboxes, or by Exchange's RBAC
    for Applications for some."""

    role: str
    mailboxes: tuple[str, ...] | None = None
    """Addresses; None: a consent in Entra, for all, which the token names."""


class GraphApplication(msgspec.Struct, forbid_unknown_fields=True):
    """An application that may get tokens."""

    client_id: str
    tenant: str = "sandbox.example"
    secret: str | None = None
    certificate: str | None = None
    """PEM, of the key that signs assertions."""
    grants: tuple[MailboxGrant, ...] = tuple(MailboxGrant(role) for role in ROLES)
    token_lifetime_s: int = 3600

    def check(self) -> None:
        """Raise ValueError unless the application makes sense."""
        if not self.client_id or not self.tenant:
            raise ValueError("client_id, tenant: must not be empty")
        for grant in self.grants:
            if grant.role not in ROLES:
                raise ValueError(
                    f"grants.role {grant.role!r}: must be one of {', '.join(ROLES)}"
                )
        if self.certificate is not None:
            self.parsed_certificate()

    def parsed_certificate(self) -> x509.Certificate | None:
        """Return the certificate, if there is one. Raises ValueError."""
        if self.certificate is None:
            return None
        try:
            return x509.load_pem_x509_certificate(self.certificate.encode())
        except ValueError:
            raise ValueError("certificate: is no PEM certificate") from None

    def may(self, roles: tuple[str, ...], mailbox: SandboxMailbox) -> bool:
        """Return whether the application has one of the roles for a mailbox."""
        account = mailbox.account
        mine = {each.casefold() for each in (account.address, *account.aliases)}
        for grant in self.grants:
            has = (grant.role, *_IMPLIED.get(grant.role, ()))
            if not set(has) & set(roles):
                continue
            if grant.mailboxes is None:
                return True
            if mine & {each.casefold() for each in grant.mailboxes}:
                return True
        return False


@dataclass
class _Token:
    application: str
    expires: datetime
    number: int
    answers_challenge: bool


class GraphApplications:
    """The applications by client id, and the tokens that were given to them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._known: dict[str, GraphApplication] = {}
        self._tokens: dict[str, _Token] = {}
        self._key = secrets.token_bytes(32)
        self._issued = 0
        self._revoked: dict[str, int] = {}
        """The number of the last token before the revocation, by client id."""

    def __len__(self) -> int:
        return len(self._known)

    def add(self, application: GraphApplication) -> None:
        """Add an application, or replace the one with its id. Raises ValueError."""
        application.check()
        self._known[application.client_id.casefold()] = application

    def find(self, client_id: str) -> GraphApplication | None:
        """Return the application with this id, if there is one."""
        return self._known.get(client_id.casefold())

    def all(self) -> list[GraphApplication]:
        """Return the applications."""
        return list(self._known.values())

    def issue(
        self, application: GraphApplication, audience: str, *, claims: bool
    ) -> str:
        """Return a new token; with `claims` it answers a challenge for them."""
        now = self._now()
        expires = now + timedelta(seconds=application.token_lifetime_s)
        self._issued += 1
        roles = sorted({g.role for g in application.grants if g.mailboxes is None})
        content = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{application.tenant}/",
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(expires.timestamp()),
            "appid": application.client_id,
            "tid": application.tenant,
            "uti": secrets.token_urlsafe(16),
            "idtyp": "app",
            **({"roles": roles} if roles else {}),
        }
        token = jwt.encode(content, self._key, algorithm="HS256")
        key = application.client_id.casefold()
        self._tokens[token] = _Token(key, expires, self._issued, claims)
        return token

    def revoke(self, client_id: str) -> None:
        """Refuse an application's tokens from now on, with a challenge for claims; a
        new token has to be asked for with them. Raises KeyError."""
        key = client_id.casefold()
        if key not in self._known:
            raise KeyError(client_id)
        self._revoked[key] = self._issued

    def owner(self, authorization: str) -> GraphApplication:
        """Return the application of an Authorization header. Raises `GraphError`."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise refused("Access token is empty.")
        known = self._tokens.get(token.strip())
        application = None if known is None else self._known.get(known.application)
        if known is None or application is None:
            raise refused("IDX10511: Signature validation failed.")
        if known.expires <= self._now():
            raise refused("Lifetime validation failed, the token is expired.")
        before = self._revoked.get(known.application)
        if before is not None:
            if known.number <= before or not known.answers_challenge:
                raise self._challenge()
            del self._revoked[known.application]
        return application

    def _challenge(self) -> GraphError:
        wanted = {
            "access_token": {
                "nbf": {"essential": True, "value": str(int(self._now().timestamp()))}
            }
        }
        claims = base64.b64encode(msgspec.json.encode(wanted)).decode()
        return GraphError(
            "InvalidAuthenticationToken",
            "Continuous access evaluation resulted in challenge with result: "
            "InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
            headers={
                "www-authenticate": 'Bearer realm="", authorization_uri='
                '"https://login.microsoftonline.com/common/oauth2/authorize", '
                f'error="insufficient_claims", claims="{claims}"'
            },
        )


def refused(message: str) -> GraphError:
    """Return the error of a token that is not valid."""
    return GraphError(
        "InvalidAuthenticationToken",
        message,
        headers={"www-authenticate": 'Bearer realm="", error="invalid_token"'},
    )
