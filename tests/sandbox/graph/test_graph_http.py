"""Graph over HTTP: headers, controls, and faults of the transport."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from twisted.internet.threads import deferToThread

from tests.sandbox.graph.graph_support import (
    CLIENT,
    EQUIPMENT,
    SECRET,
    TENANT,
    GraphSandbox,
)

INBOX = f"v1.0/users/{EQUIPMENT}/mailFolders/inbox/messages"


class HttpClient:
    """A client of one sandbox."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        url = f"{self._url}/{path}"
        return self._session.request(method, url, timeout=10, **more)

    def sign_in(self, client: str = CLIENT, tenant: str = TENANT) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": SECRET,
            "scope": "https://graph.microsoft.com/.default",
        }
        found = self.ask("POST", f"{tenant}/OAuth2/v2.0/token", data=form)
        token = found.json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        self._session.close()


async def with_client(url: str, work: Callable[[HttpClient], None]) -> None:
    def run() -> None:
        client = HttpClient(url)
        try:
            work(client)
        finally:
            client.close()

    await deferToThread(run)


async def test_headers(graph: GraphSandbox, served: str) -> None:
    """An answer names the request twice, once by the client's own id."""

    def work(client: HttpClient) -> None:
        client.sign_in()
        found = client.ask("GET", INBOX, headers={"client-request-id": "abc-1"})
        assert found.status_code == 200
        assert found.headers["client-request-id"] == "abc-1"
        assert found.headers["request-id"]
        assert found.headers["content-type"].startswith("application/json;odata")
        context = found.json()["@odata.context"]
        assert context.startswith(f"{served}/v1.0/$metadata#users(")

    await with_client(served, work)


async def test_links_lead_back(graph: GraphSandbox, served: str) -> None:
    """The links of an answer are addresses of this very server."""
    graph.invite()

    def work(client: HttpClient) -> None:
        client.sign_in()
        page = client.ask("GET", f"{INBOX}/delta()").json()
        link = page["@odata.deltaLink"]
        assert len(page["value"]) == 1
        assert link.startswith(f"{served}/v1.0/")
        again = client.ask("GET", link.removeprefix(f"{served}/"))
        assert again.json()["value"] == []

    await with_client(served, work)


async def test_controls(graph: GraphSandbox, served: str) -> None:
    """Applications, revocations and settings are controlled over HTTP, and their
    mistakes named; secrets are not shown."""

    def work(client: HttpClient) -> None:
        wanted = {"client_id": "other", "tenant": "t.test", "secret": SECRET}
        found = client.ask("PUT", "sandbox/graph/applications", json=wanted)
        assert found.status_code == 200
        assert '"secret"' not in found.text
        client.sign_in("other", "t.test")
        assert client.ask("GET", INBOX).status_code == 200
        revoked = {"client_id": "other"}
        client.ask("PUT", "sandbox/graph/revocations", json=revoked)
        refused = client.ask("GET", INBOX)
        assert refused.status_code == 401
        assert "insufficient_claims" in refused.headers["www-authenticate"]
        unknown = {"client_id": "unknown"}
        found = client.ask("PUT", "sandbox/graph/revocations", json=unknown)
        assert found.status_code == 404
        settings = {"attendant_delay_s": 2}
        found = client.ask("PUT", "sandbox/graph/settings", json=settings)
        assert found.json()["attendant_delay_s"] == 2
        told = client.ask("PUT", "sandbox/graph/lifecycle", json={"event": "missed"})
        assert told.json() == {"subscriptions": 0}
        assert client.ask("GET", "sandbox/graph/lifecycle").json() == []
        for path, bad in (
            ("lifecycle", {"event": "gone"}),
            ("settings", {"attendant_delay_s": -1}),
            ("settings", {"visible_updates": "Colour"}),
            ("applications", {"client_id": ""}),
            ("applications", {"client_id": "a", "certificate": "no PEM"}),
            ("applications", {"client_id": "a", "grants": [{"role": "Mail.Eat"}]}),
        ):
            found = client.ask("PUT", f"sandbox/graph/{path}", json=bad)
            assert (found.status_code, bool(found.json()["error"])) == (400, True)

    await with_client(served, work)


@pytest.mark.parametrize("kind", ["reset", "close", "truncate"])
async def test_broken_answers(graph: GraphSandbox, served: str, kind: str) -> None:
    """An answer can break off."""
    fault = {"kind": kind, "operation": "GraphListMessages"}
    graph.behaviour.configure({"faults": [fault]})

    def work(client: HttpClient) -> None:
        client.sign_in()
        with pytest.raises(requests.RequestException):
            client.ask("GET", INBOX)
        assert client.ask("GET", INBOX).status_code == 200

    await with_client(served, work)


async def test_slow_answers(graph: GraphSandbox, served: str) -> None:
    """An answer can be slow, and is whole in the end."""
    fault = {"kind": "slow", "bytes_per_s": 10**6}
    graph.behaviour.configure({"faults": [fault]})

    def work(client: HttpClient) -> None:
        client.sign_in()
        found = client.ask("GET", INBOX)
        assert found.json()["value"] == []
        assert found.headers["content-type"].startswith("application/json")

    await with_client(served, work)


async def test_unavailable(graph: GraphSandbox, served: str) -> None:
    """A 503 has nothing in it."""
    graph.behaviour.configure({"faults": [{"kind": "http-503", "retry_after_s": 3}]})

    def work(client: HttpClient) -> None:
        client.sign_in()
        found = client.ask("GET", INBOX)
        assert (found.status_code, found.content) == (503, b"")
        assert found.headers["retry-after"] == "3"

    await with_client(served, work)
