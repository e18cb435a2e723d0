"""An identity provider on loopback that plays AD FS and Entra ID, and can mean harm."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import msgspec
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from pexschedd.errors import UnknownUser
from pexschedd.identity.oauth.endpoint import context_of
from pexschedd.identity.openid.provider_documents import ProviderDocuments
from pexschedd.identity.personal.attempts import Attempts, NewAttempt, SignedInUser
from pexschedd.identity.personal.provider_kinds import UserProvider
from pexschedd.identity.personal.sessions import Sessions
from pexschedd.identity.personal.sign_in import UserSignIns, WindowOutcome
from pexschedd.identity.personal.token_client import UserTokenClient
from pexschedd.identity.personal.user_token import UserProfile
from pexschedd.model.integration.connector import Connector
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from pexschedd.store.secrets import SecretVault
from tests.identity.identity_support import Signer, signer

reactor: Any = _reactor

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TENANT = "11111111-2222-3333-4444-555555555555"
OID = "99999999-8888-7777-6666-555555555555"
CLIENT = "141c7f59-790b-46f7-add1-7490ee4b489e"
SECRET = "s3cret-value"
RESOURCE = "https://vc.example.test/personal"
TRUST = "http://adfs.example.test/adfs/services/trust"
UUID = "6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f"
EMAIL = "alice@example.test"

GETTING = "<b>No rooms.</b>"
SIGNING_IN = "<b>Not signed in.</b>"


def jwk(by: Signer, **more: object) -> dict[str, Any]:
    numbers = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(by.key.public_key()))
    names = {"kty": "RSA", "use": "sig", "kid": by.x5t, "x5t": by.x5t}
    return {"n": numbers["n"], "e": numbers["e"], **names, **more}


def claims(provider: UserProvider, issuer: str, **changes: Any) -> dict[str, Any]:
    """The claims of the kind's token; a change of None leaves a claim out."""
    begin = int(NOW.timestamp())
    given: dict[str, Any] = {
        "iss": issuer,
        "aud": provider.resource or provider.client_id,
        "iat": begin,
        "nbf": begin,
        "exp": begin + 3600,
        "email": EMAIL,
    }
    if provider.kind.tenant:
        given |= {"tid": TENANT, "oid": OID, "name": "Alice A", "nonce": "n"}
    else:
        given |= {
            "appid": provider.client_id,
            "first_name": "Alice",
            "last_name": "Adams",
            "display_name": "Alice A",
        }
    given |= changes
    return {name: value for name, value in given.items() if value is not None}


def signed(content: dict[str, Any], *, by: Signer | None = None, **header: Any) -> str:
    by = by or signer()
    return jwt.encode(
        content, by.key, algorithm="RS256", headers={"kid": by.x5t} | header
    )


class IdentityProvider(Resource):
    """Answers by path with what `answers` has: a status and JSON, or a function."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.nonce = ""
        self.provider: Any = None
        self.signer = signer()
        self.answers: dict[str, Any] = {}
        self.forms: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.changes: dict[str, Any] = {}
        self.proof: Callable[[dict[str, Any]], str] = lambda content: signed(content)
        self.issued = 0
        self._open: list[Request] = []

    def play(self, kind: str) -> None:
        """Publish the documents of "AZURE" or "ADFS", or of "ADFS2012"."""
        self.kind = kind
        keys = (200, {"keys": [jwk(self.signer)]})
        if kind == "AZURE":
            base = f"/{TENANT}"
            self.issuer = f"{self.url}{base}/v2.0"
            self.answers[f"{base}/v2.0/.well-known/openid-configuration"] = (
                200,
                {
                    "issuer": self.issuer,
                    "jwks_uri": f"{self.url}{base}/discovery/v2.0/keys",
                },
            )
            self.answers[f"{base}/discovery/v2.0/keys"] = keys
            self.token_path = f"{base}/oauth2/v2.0/token"
            self.auth_path = f"{base}/oauth2/v2.0/authorize"
        else:
            self.issuer = TRUST
            self.token_path = "/adfs/oauth2/token"
            self.auth_path = "/adfs/oauth2/authorize"
        if kind == "ADFS":
            self.answers["/adfs/.well-known/openid-configuration"] = (
                200,
                {
                    "issuer": f"{self.url}/adfs",
                    "access_token_issuer": TRUST,
                    "jwks_uri": f"{self.url}/adfs/discovery/keys",
                },
            )
            self.answers["/adfs/discovery/keys"] = keys
        if kind == "ADFS2012":
            self.answers["/FederationMetadata/2007-06/FederationMetadata.xml"] = (
                200,
                federation_metadata(self.signer),
            )
        self.answers[self.token_path] = self.token_answer

    def token_answer(self, form: dict[str, str]) -> tuple[int, object]:
        self.issued += 1
        content = claims(self.provider, self.issuer, **self.changes)
        if "nonce" in content and "nonce" not in self.changes:
            content["nonce"] = self.nonce
        proof = self.proof(content)
        answer = {"token_type": "Bearer", "expires_in": 3600}
        if self.kind == "AZURE":
            return 200, answer | {"id_token": proof, "access_token": "for-graph"}
        return 200, answer | {"access_token": proof}

    def render_GET(self, request: Request) -> bytes | int:
        return self._answer(request)

    def render_POST(self, request: Request) -> bytes | int:
        assert request.content is not None
        form = parse_qs(request.content.read().decode(), strict_parsing=True)
        self.forms.append({name: value for name, (value,) in form.items()})
        return self._answer(request)

    def _answer(self, request: Request) -> bytes | int:
        path = request.path.decode()
        self.asked.append(path)
        answer = self.answers.get(path, (404, {}))
        if callable(answer):
            answer = answer(self.forms[-1] if self.forms else {})
        if answer is NEVER or answer is ENDLESS:
            request.notifyFinish().addErrback(lambda _: None)
            if answer is ENDLESS:
                request.write(b" " * 1024 * 1024)
            self._open.append(request)
            return int(NOT_DONE_YET)
        status, body, *location = answer
        request.setResponseCode(status)
        if location:
            request.setHeader(b"location", location[0].encode())
        return body if isinstance(body, bytes) else json.dumps(body).encode()


NEVER, ENDLESS = object(), object()


def federation_metadata(by: Signer, entity: str = TRUST) -> bytes:
    """Federation metadata in the shape of AD FS 3.0."""
    certificate = by.entry["keyvalue"]["value"]

    def descriptor(use: str, value: str) -> str:
        return (
            f'<KeyDescriptor use="{use}"><KeyInfo '
            'xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>'
            f"<X509Certificate>{value}</X509Certificate></X509Data></KeyInfo>"
            "</KeyDescriptor>"
        )

    return (
        '<?xml version="1.0"?><EntityDescriptor ID="_1" '
        f'entityID="{entity}" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">'
        '<IDPSSODescriptor protocolSupportEnumeration="x">'
        + descriptor("encryption", "AAAA")
        + descriptor("signing", certificate)
        + "</IDPSSODescriptor></EntityDescriptor>"
    ).encode()


class Records:
    """The records of users; `known` is None if everybody may come."""

    def __init__(self) -> None:
        self.came: list[tuple[UserProfile, str]] = []
        self.left: list[tuple[int | None, str]] = []
        self.allowed = True
        self.problem: UnknownUser = UnknownUser("There is no user record.")

    async def signed_in(
        self,
        connector: Connector,
        profile: UserProfile,
        exchange_user: str,
        correlation_id: str,
    ) -> SignedInUser:
        if not self.allowed:
            raise self.problem
        self.came.append((profile, exchange_user))
        return SignedInUser(7, profile.display_name, profile.email)

    async def signed_out(self, user: int | None, exchange_user: str) -> None:
        self.left.append((user, exchange_user))


class SignInBench:
    """Integration 1, the sign-in of its users, and their provider."""

    def __init__(self, idp: IdentityProvider, vault: SecretVault) -> None:
        self.idp = idp
        self.vault = vault
        self.clock = Clock()
        self.clock.advance(1000)
        self.records = Records()
        self.secrets: list[tuple[int, str]] = []
        self.number = 0
        self.port: Any = None
        self.connector: Connector | None = None
        network = Network(reactor, Trust())
        clients = {d: network.http_client() for d in (False, True)}
        self.attempts: Attempts[UserProvider] = Attempts(
            self.clock.seconds, self.random
        )
        self.sessions = Sessions(self.clock.seconds, self.random)
        self.sign_ins = UserSignIns(
            lambda id: self.connector if id == 1 else None,
            self.attempts,
            self.sessions,
            ProviderDocuments(clients.__getitem__, self.clock),
            UserTokenClient(clients.__getitem__, vault, self.clock),
            self.records,
            now=self.now,
            secret_answered=lambda c, text: self.secrets.append((c.id, text)),
        )

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.clock.seconds() - 1000)

    def random(self, length: int) -> str:
        self.number += 1
        return f"r{self.number:042d}"

    def play(self, kind: str, **changes: Any) -> None:
        """Have the provider be of a kind, and integration 1 use it."""
        idp = self.idp
        idp.play(kind)
        values: dict[str, Any] = {
            "auth_provider": kind.removesuffix("2012"),
            "personal_vmr_oauth_auth_endpoint": idp.url + idp.auth_path,
            "personal_vmr_oauth_token_endpoint": idp.url + idp.token_path,
            "personal_vmr_oauth_client_id": CLIENT,
            "personal_vmr_adfs_relying_party_trust_identifier": RESOURCE,
        }
        connector = connector_with(**values | changes)
        context = context_of(connector, "personal_vmr_oauth_client_secret")
        sealed = self.vault.seal(SECRET, context)
        self.connector = msgspec.structs.replace(
            connector, personal_vmr_oauth_client_secret=sealed
        )

    @property
    def known(self) -> Connector:
        assert self.connector is not None
        return self.connector

    def begin(self, exchange_user: str = "alice https://mail") -> NewAttempt:
        return self.sign_ins.begin(
            self.known, exchange_user=exchange_user, address="192.0.2.1"
        )

    def start(self, new: NewAttempt) -> dict[str, str]:
        """Open the window; return what the provider is asked."""
        url = self.sign_ins.start(self.known, new.start)
        asked = parse_qs(urlsplit(url).query, strict_parsing=True)
        query = {name: value for name, (value,) in asked.items()}
        found = self.attempts.of_pane(1, new.attempt)
        assert found is not None
        self.idp.provider = found.provider
        self.idp.nonce = query.get("nonce", "")
        return query

    async def come_back(self, state: str, **answer: str) -> WindowOutcome:
        given = {"state": state, "code": "the-code"} | answer
        return await self.sign_ins.finish(given, "req-1")

    async def whole_way(self, **answer: str) -> tuple[NewAttempt, WindowOutcome]:
        new = self.begin()
        query = self.start(new)
        return new, await self.come_back(query["state"], **answer)

    async def close(self) -> None:
        stopped: Deferred[None] = maybeDeferred(self.port.stopListening)
        await stopped


def connector_with(**values: Any) -> Connector:
    return Connector(
        **{
            "id": 1,
            "uuid": UUID,
            "name": "Head office",
            "addin_server_domain": "vc.example.test",
            "enable_personal_vmrs": True,
            "addin_pane_personal_vmr_error_getting_message": GETTING,
            "addin_pane_personal_vmr_error_signing_in_message": SIGNING_IN,
            **values,
        }
    )


def bench_with(vault: SecretVault) -> SignInBench:
    idp = IdentityProvider()
    bench = SignInBench(idp, vault)
    bench.port = reactor.listenTCP(0, Site(idp), interface="127.0.0.1")
    idp.url = f"http://127.0.0.1:{bench.port.getHost().port}"
    return bench
