"""An integration whose service account is in the test realm."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import reactor as _reactor
from twisted.internet.threads import deferToThread

from pexschedd.composition.authentication import AuthenticatorFactory, KerberosSupport
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.model.integration.connector import Connector
from pexschedd.net.network import Network
from pexschedd.net.tls import Trust
from tests.net.net_support import Authority
from tests.peers.apache import Apache
from tests.peers.kdc import REALM, Kdc

reactor: Any = _reactor


def now() -> datetime:
    return datetime.now(UTC)


class Office:
    """Its settings, and what `ews_mailbox` makes of them."""

    def __init__(
        self, state: Path, server: Apache, realm: Kdc, authority: Authority
    ) -> None:
        self._state = state
        self.server = server
        self._authority = authority
        self.connector = Connector(
            id=7,
            uuid="3d8f1a3c-0000-4000-8000-000000000007",
            name="office",
            addin_server_domain="addin.example.test",
            authentication_method="KERBEROS",
            username="svc",
            kerberos_realm=REALM,
            kerberos_kdc=realm.address,
        )
        self.now = now

    def account(
        self,
        kind: str = "kerberos",
        *,
        password: str = "right",
        connections: int = 2,
        **changed: Any,
    ) -> dict[str, Any]:
        url = self.server.url(kind)
        connector = msgspec.structs.replace(self.connector, url=url, **changed)
        kerberos = KerberosSupport(
            self._state,
            lambda: [connector],
            authorities=lambda: self._authority.pem,
            in_thread=deferToThread,
            now=self.now,
        )
        factory = AuthenticatorFactory(kerberos=kerberos)
        return {
            "url": url,
            "username": connector.username,
            "authenticator": factory.authenticator(connector, password),
            "method": "KERBEROS",
            "network": Network(reactor, Trust([("test", self._authority.pem)])),
            "limits": ConnectionLimits(connections=connections),
        }
