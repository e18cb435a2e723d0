"""Backups of the whole state over HTTP."""

import io
from os import urandom
from pathlib import Path
from typing import Any

import pytest_twisted
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.web.client import Agent
from twisted.web.http_headers import Headers

from pexschedd.model import tables
from pexschedd.store.archive.reader import RestoreKeys, restore
from pexschedd.store.fs import RealFileSystem
from tests.web_admin.transfer_support import PASSPHRASE, fill
from tests.web_admin.web_admin_support import API, Server, open_store, serving

STATE = "/api/admin/command/v1/state/"
BACKUP, RESTORE = f"{STATE}backup/", f"{STATE}restore/"
reactor: Any = _reactor


def copies(folder: Path) -> list[Path]:
    return [*(folder / "state" / "backups").iterdir()]


@pytest_twisted.ensureDeferred
async def test_a_backup_is_the_state(server: Server, tmp_path: Path) -> None:
    """The archive of a running installation, restored elsewhere, is an installation
    with the same records, accounts and secrets; nothing is left of the copy."""
    await fill(server)
    answer = await server.client.ask("POST", BACKUP, {"passphrase": PASSPHRASE})
    assert answer.status == 200
    assert answer.headers.getRawHeaders("content-type") == ["application/gzip"]
    (name,) = answer.headers.getRawHeaders("content-disposition")
    assert name == 'attachment; filename="pexschedd-20261121T090000Z.tar.gz"'
    to, data = tmp_path / "elsewhere", answer.body
    keys = RestoreKeys(passphrase=PASSPHRASE)
    archive = io.BytesIO(data)
    fs = RealFileSystem()
    await deferToThread(restore, fs, archive, len(data), to, keys, tables.TABLES)
    restored = open_store(to)
    for table in tables.TABLES:
        assert [*restored.all(table)] == [*server.store.all(table)]
    (connector, _) = restored.all(tables.CONNECTOR)
    context = f"ms_exchange_connector/{connector.uuid}/password"
    assert restored.vault.unseal(connector.password, context)
    await restored.close()
    async with serving(to) as again:
        assert (await again.client.ask("GET", f"{API}/role/")).status == 200
    assert copies(tmp_path) == []


@pytest_twisted.ensureDeferred
async def test_a_token_gets_no_keys(server: Server) -> None:
    """With a token a backup is made, but not the key that opens its secrets."""
    token = {"name": "nightly", "role": 3}
    made = await server.client.ask("POST", f"{API}/api_token/", token)
    headers = {"authorization": f"Bearer {made.json['token']}"}
    for payload, status in ((None, 200), ({"passphrase": PASSPHRASE}, 403)):
        answer = await server.client.ask(
            "POST", BACKUP, payload, headers=headers, auth=None
        )
        assert answer.status == status


@pytest_twisted.ensureDeferred
async def test_a_running_daemon_is_not_restored(server: Server) -> None:
    """The answer says the command."""
    answer = await server.client.ask("POST", RESTORE, body=b"anything")
    assert answer.status == 400
    assert answer.json["code"] == "not_while_running"
    assert "pexschedd-store --config FILE restore" in answer.json["error"]


_MORE_THAN_SOCKETS_TAKE = 40 << 20
"""Bytes that do not get smaller."""


class _Leaving(Protocol):
    """A client that takes the beginning of a body, waits, and goes away."""

    def __init__(self) -> None:
        self.began: Deferred[None] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self.size = 0

    def dataReceived(self, data: bytes) -> None:
        self.size += len(data)
        if not self.began.called:
            assert self.transport is not None
            self.transport.pauseProducing()  # type: ignore[attr-defined]
            self.began.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(None)


@pytest_twisted.ensureDeferred
async def test_a_client_that_takes_nothing_is_waited_for(
    server: Server, tmp_path: Path
) -> None:
    """Memory does not fill with what it does not take, others are answered meanwhile,
    and when it goes away the copy is removed and the next backup can be made."""
    icons = tmp_path / "state" / "icons"
    icons.mkdir()
    (icons / "1.png").write_bytes(urandom(_MORE_THAN_SOCKETS_TAKE))
    url = f"http://127.0.0.1:{server.client.port}{BACKUP}".encode()
    basic = b"Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5"
    response = await Agent(reactor).request(
        b"POST", url, Headers({b"authorization": [basic]})
    )
    client = _Leaving()
    response.deliverBody(client)
    await client.began
    assert (await server.client.ask("GET", f"{API}/role/")).status == 200
    assert len(copies(tmp_path)) == 1
    assert client.transport is not None
    client.transport.loseConnection()
    await client.ended
    whole = await server.client.ask("POST", BACKUP)
    assert client.size < len(whole.body) / 2
    assert copies(tmp_path) == []
