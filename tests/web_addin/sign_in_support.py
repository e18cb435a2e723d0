"""A server with the routes of users' sign-in, for a pane and its window."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import treq
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IListeningPort
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from pexschedd.errors import InvalidToken
from pexschedd.history.audit_entries import HeardSignIn
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.integration.connector import Connector
from pexschedd.web.addin.rates import RequestRates
from pexschedd.web.addin.route_groups import PREFIX, AddinRouteGroups
from pexschedd.web.addin.sign_in import UserSignInRoutes
from pexschedd.web.addin.sign_in_pages import UserSignInPages
from pexschedd.web.site import HttpSite
from tests.identity.personal.provider_support import SignInBench
from tests.web_addin.addin_support import Answer

OURS = {"sec-fetch-site": "same-origin"}


class SignInServer:
    """The routes on a port of loopback, with a provider of Azure's kind."""

    def __init__(self, bench: SignInBench, rates: RequestRates) -> None:
        self.bench = bench
        self.counted: list[tuple[str, str]] = []
        self.heard: list[HeardSignIn] = []
        self.cookie = ""
        self.mailed: set[str] = set()
        routes = UserSignInRoutes(
            lambda id: bench.connector if id == 1 else None,
            self.verify,
            self.mailed.__contains__,
            bench.sign_ins,
            UserSignInPages(),
            rates,
            lambda integration, outcome: self.counted.append((integration, outcome)),
            self.heard.append,
        )
        self._site = HttpSite(
            AddinRouteGroups(routes.app.resource(), {}), reactor, None
        )
        self._port: IListeningPort | None = None

    async def verify(self, connector: Connector, token: str) -> VerifiedUser:
        if token != "alice":
            raise InvalidToken("The token's signature is wrong.")
        return VerifiedUser("alice https://mail")

    async def listen(self) -> None:
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        self._port = await endpoint.listen(self._site)

    async def close(self) -> None:
        assert self._port is not None
        await maybeDeferred(self._port.stopListening)

    async def ask(self, method: str, path: str, **headers: str) -> Answer:
        """`path` is relative to the add-in's prefix. The one cookie is kept."""
        headers = {"cookie": self.cookie, **headers}
        assert self._port is not None
        address = self._port.getHost()
        assert isinstance(address, IPv4Address)
        response = await Agent(reactor).request(
            method.encode(),
            f"http://127.0.0.1:{address.port}{PREFIX}/{path}".encode(),
            Headers({name.replace("_", "-"): [text] for name, text in headers.items()}),
        )
        body = await treq.content(response)
        got = {
            name.decode().lower(): values[0].decode()
            for name, values in response.headers.getAllRawHeaders()
        }
        self.cookie = got.get("set-cookie", self.cookie).partition(";")[0]
        return Answer(response.code, got, body)

    async def begin(self, **headers: str) -> dict[str, Any]:
        answer = await self.ask("POST", "1/sign_in", **headers)
        assert answer.status == 200, answer.body
        return dict(answer.json["result"])

    async def progress(self, attempt: str) -> dict[str, Any]:
        answer = await self.ask("GET", "1/sign_in", attempt=attempt)
        assert answer.status == 200
        return dict(answer.json["result"])

    async def open_window(self, begun: dict[str, Any]) -> str:
        """Open the window as the pane does; return the state at the provider."""
        answer = await self.ask("GET", f"1/{begun['start']}", **OURS)
        assert answer.status == 303
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        found = self.bench.attempts.of_pane(1, begun["attempt"])
        assert found is not None
        self.bench.idp.provider = found.provider
        self.bench.idp.nonce = query["nonce"][0]
        return query["state"][0]
