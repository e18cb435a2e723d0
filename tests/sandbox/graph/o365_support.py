"""python-o365, unmodified, talking to a sandbox on a real socket."""

from collections.abc import Callable
from typing import Any, TypeVar

import requests
from O365 import Account as O365Account
from O365 import MSGraphProtocol
from O365.utils.token import MemoryTokenBackend
from twisted.internet.threads import deferToThread

from tests.sandbox.graph.graph_support import CLIENT, SECRET, TENANT

T = TypeVar("T")


class GraphAccounts:
    """An application's accounts at one sandbox, signed in with its own token: the
    library itself signs in nowhere but at Microsoft's address."""

    def __init__(self, url: str) -> None:
        self.url = url
        form = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scope": "https://graph.microsoft.com/.default",
        }
        endpoint = f"{url}/{TENANT}/oauth2/v2.0/token"
        answer = requests.post(endpoint, data=form, timeout=10)
        answer.raise_for_status()
        self.token = answer.json()["access_token"]
        self._open: list[requests.Session] = []

    def account(self, address: str) -> Any:
        """The account of a mailbox."""
        protocol: Any = type(
            "SandboxProtocol",
            (MSGraphProtocol,),
            {"_protocol_url": f"{self.url}/"},
        )
        account = O365Account(
            (CLIENT, SECRET),
            protocol=protocol(default_resource=f"users/{address}", timezone="UTC"),
            auth_flow_type="credentials",
            tenant_id=TENANT,
            token_backend=MemoryTokenBackend(),
            request_retries=0,
            main_resource=f"users/{address}",
        )
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.token}"
        account.con.session = session
        self._open.append(session)
        return account

    def close(self) -> None:
        for session in self._open:
            session.close()


async def in_thread(url: str, work: Callable[[GraphAccounts], T]) -> T:
    """Runs blocking work beside the reactor."""

    def run() -> T:
        accounts = GraphAccounts(url)
        try:
            return work(accounts)
        finally:
            accounts.close()

    result: T = await deferToThread(run)
    return result
