"""An administrator names a KDC of their own, for somebody else's stored password."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from pexschedd.clock import system_now
from pexschedd.composition.authentication import KerberosSupport
from pexschedd.errors import MailboxUnreachable
from pexschedd.ews.auth import kerberos_tickets
from pexschedd.model.integration.connector import Connector
from tests.ews.ews_auth_support import REQUEST, ScriptedConnection

pytestmark = pytest.mark.skipif(
    not kerberos_tickets.installed(), reason="the extra kerberos is not installed"
)


def integration(id: int, username: str, kdc: str) -> Connector:
    return Connector(
        id=id,
        uuid=str(id),
        name=username,
        url="http://127.0.0.1/EWS/Exchange.asmx",
        authentication_method="KERBEROS",
        username=username,
        addin_server_domain="px.example.test",
        kerberos_realm="EXAMPLE.TEST",
        kerberos_kdc=kdc,
    )


async def in_place(work: Callable[[], Any]) -> Any:
    return work()


@pytest_twisted.ensureDeferred
async def test_kdc_of_another_integration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A KDC that another integration names for the same realm is not asked about an
    account, not even when the account's own KDC is away."""
    monkeypatch.setenv("KRB5_CONFIG", "/nowhere")
    with socket.create_server(("127.0.0.1", 0)) as gone:
        away = f"127.0.0.1:{gone.getsockname()[1]}"
    with socket.create_server(("127.0.0.1", 0)) as evil:
        here = f"127.0.0.1:{evil.getsockname()[1]}"
        connectors = [integration(1, "svc", away), integration(2, "mallory", here)]
        support = KerberosSupport(
            tmp_path,
            lambda: connectors,
            authorities=lambda: b"",
            in_thread=in_place,
            now=system_now,
        )
        victim = support.authenticator(connectors[0], "secret")
        with pytest.raises(MailboxUnreachable, match="no KDC"):
            await victim.send(REQUEST, ScriptedConnection([]))
        evil.setblocking(False)
        with pytest.raises(BlockingIOError):
            evil.accept()
