"""A place that is in order from the host names to the add-in, all on loopback and real
sockets; tests then break one thing of it."""

import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import reactor as _reactor
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import Site

from pexschedd.doctor.case import AddinState
from pexschedd.doctor.doctor import Doctor
from pexschedd.doctor.observations import DiskState
from pexschedd.doctor.report import DoctorReport, ReportLine
from pexschedd.errors import MailboxRefused
from pexschedd.ews.auth import Authenticator
from pexschedd.ews.auth.bearer import BearerAuthenticator
from pexschedd.ews.transport.account import EwsAccount
from pexschedd.ews.transport.connection import ConnectionLimits
from pexschedd.ews.transport.factory import open_transport
from pexschedd.ews.transport.transport import Transport
from pexschedd.graph.client import GraphClient
from pexschedd.model import tables
from pexschedd.model.alarm import Alarm
from pexschedd.model.integration.connector import Connector, ExchangeDomain
from pexschedd.model.integration.manifest_history import ManifestsInUse
from pexschedd.net.network import Network
from pexschedd.net.proxy import Proxy
from pexschedd.net.tls import Trust
from pexschedd.sandbox import Account, Sandbox
from pexschedd.sandbox.mailboxes.accounts import Processing
from tests.net.net_support import DAY, NOW, Authority, Server, dns

reactor: Any = _reactor

SECRET = "s3cr-et p4ssw0rd"
MAIL, ADDIN = "mail.example.test", "addin.example.test"
EQUIPMENT, ALICE, SVC = (
    "pexipmeeting@example.test",
    "alice@example.test",
    "svc@example.test",
)
OWN_PANE = b"<html><script src='../pane-bundle.js'></script>ours</html>"

INTERNAL = Authority("Example internal CA")
PUBLIC = Authority("A public CA")
_GOOD_MAIL = INTERNAL.server(dns(MAIL), common_name=MAIL, expires=NOW + 90 * DAY)
_GOOD_ADDIN = PUBLIC.server(dns(ADDIN), common_name=ADDIN, expires=NOW + 90 * DAY)


def accounts() -> list[Account]:
    return [
        Account(ALICE, "Alice Archer", "alice"),
        Account(SVC, "Scheduling Service", SECRET, impersonates=("*",)),
        Account(
            EQUIPMENT,
            "Pexip Meeting",
            processing=Processing.NONE,
            aliases=("meetings@example.test",),
        ),
    ]


class Records:
    """What the doctor reads of a store."""

    def __init__(self) -> None:
        self._held: dict[str, dict[int, Any]] = {}

    def put(self, table: Any, record: Any) -> None:
        self._held.setdefault(table.name, {})[record.id] = record

    def clear(self, table: Any) -> None:
        self._held.pop(table.name, None)

    def get(self, table: Any, id: int) -> Any:
        return self._held.get(table.name, {}).get(id)

    def all(self, table: Any) -> Iterable[Any]:
        return list(self._held.get(table.name, {}).values())

    def find_each(self, index: Any, key: Any) -> Iterable[Any]:
        return (each for each in self.all(index.table) if index.key(each) == key)


class Names:
    """A resolver that knows the hosts of `example.test` and nothing else."""

    known = (MAIL, ADDIN)

    def resolveHostName(self, receiver: Any, host: str, *args: Any, **more: Any) -> Any:
        port = more.get("portNumber", args[0] if args else 0)
        receiver.resolutionBegan(self)
        if host in self.known or host in ("127.0.0.1", "localhost"):
            receiver.addressResolved(IPv4Address("TCP", "127.0.0.1", port))
        receiver.resolutionComplete()
        return receiver


class Page(Resource):
    """Answers every request in one way."""

    isLeaf = True

    def __init__(
        self,
        body: bytes = b"",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.body, self.status, self.headers = body, status, headers or {}

    def render(self, request: Any) -> bytes:
        request.setResponseCode(self.status)
        for name, value in self.headers.items():
            request.setHeader(name, value)
        return self.body


class Tokens:
    """See `exchange.token_source.TokenSource`."""

    def __init__(self, give: Callable[[], str]) -> None:
        self._give = give

    async def token(self) -> str:
        return self._give()

    def rejected(self, token: str) -> None:
        pass


class Clinic:
    """An Exchange, an add-in server and an integration; everything is in order."""

    def __init__(self) -> None:
        self._ports: list[Any] = []
        self._ids = itertools.count(1)
        self.now = lambda: datetime.now(UTC)
        self.trusted = INTERNAL.pem
        self.proxy: Proxy | None = None
        self.disk = DiskState("/var/lib/pexschedd", 50 * 2**30, 100 * 2**30)
        self.pane: bytes | None = OWN_PANE
        self.good_addin = _GOOD_ADDIN
        self.authenticator: Authenticator | None = None
        self.password = SECRET
        self.user = ALICE
        self.records = Records()
        self.sandbox = self.made_sandbox(accounts())
        self.exchange_port = self.listen(self.sandbox.site(), _GOOD_MAIL)
        self.addin_port = self.listen(Site(Page(OWN_PANE)), _GOOD_ADDIN)
        self.change(
            Connector(
                id=1,
                uuid="c0000000-0000-4000-8000-000000000001",
                name="Head office",
                url=f"https://{MAIL}:{self.exchange_port}/EWS/Exchange.asmx",
                username=SVC,
                password="sealed:" + SECRET,
                room_mailbox_name="Pexip Meeting",
                room_mailbox_email_address=EQUIPMENT,
                addin_server_domain=f"{ADDIN}:{self.addin_port}",
                scheduled_alias_prefix="555",
                scheduled_alias_domain="example.test",
            )
        )
        self.domains(f"{MAIL}:{self.exchange_port}")

    def listen(self, site: Any, tls: Server | None = None) -> int:
        port = (
            reactor.listenTCP(0, site, interface="127.0.0.1")
            if tls is None
            else reactor.listenSSL(0, site, tls, interface="127.0.0.1")
        )
        self._ports.append(port)
        return int(port.getHost().port)

    @property
    def connector(self) -> Connector:
        found: Connector = self.records.get(tables.CONNECTOR, 1)
        return found

    def change(self, connector: Connector | None = None, **fields: Any) -> None:
        changed = msgspec.structs.replace(connector or self.connector, **fields)
        self.records.put(tables.CONNECTOR, changed)

    def domains(self, *domains: str) -> None:
        self.records.clear(tables.EXCHANGE_DOMAIN)
        for number, domain in enumerate(domains, 1):
            record = ExchangeDomain(id=number, exchange_connector=1, domain=domain)
            self.records.put(tables.EXCHANGE_DOMAIN, record)

    def alarm(self, name: str, details: str) -> None:
        alarm = Alarm(
            id=next(self._ids),
            name=name,
            instance="Head office",
            details=details,
            time_raised=datetime.now(UTC),
        )
        self.records.put(tables.ALARM, alarm)

    def exchange(self, page: Page, tls: Server | None = _GOOD_MAIL) -> None:
        """Another server where Exchange is expected."""
        port = self.listen(Site(page), tls)
        self.change(url=f"https://{MAIL}:{port}/EWS/Exchange.asmx")

    def certificate(self, tls: Server) -> None:
        """Exchange shows another certificate."""
        port = self.listen(self.sandbox.site(), tls)
        self.change(url=f"https://{MAIL}:{port}/EWS/Exchange.asmx")

    def addin(self, page: Page, tls: Server | None = _GOOD_ADDIN) -> None:
        port = self.listen(Site(page), tls)
        self.change(addin_server_domain=f"{ADDIN}:{port}")

    def account(self, address: str, **fields: Any) -> None:
        """Changes an account of the Exchange; everything else there starts over."""
        changed = [
            msgspec.structs.replace(each, **fields) if each.address == address else each
            for each in self.sandbox.exchange.accounts
        ]
        self.fresh(changed)

    def fresh(self, changed: list[Account], **more: Any) -> None:
        self.sandbox = self.made_sandbox(changed, **more)
        self.certificate(_GOOD_MAIL)

    def made_sandbox(self, accounts: list[Account], **more: Any) -> Sandbox:
        now = lambda: datetime.now(UTC)  # noqa: E731
        return Sandbox(now=now, clock=Clock(), accounts=accounts, **more)

    def misbehave(self, **fault: Any) -> None:
        self.sandbox.behaviour.configure({"faults": [{"times": None, **fault}]})

    def clock_off(self, minutes: float) -> None:
        """Exchange's clock is ahead."""
        self.sandbox.behaviour.configure({"clock_skew_s": minutes * 60})

    def bearer(self, give: Callable[[], str]) -> None:
        self.authenticator = BearerAuthenticator(Tokens(give))

    def doctor(self) -> Doctor:
        network = Network(reactor, Trust([("internal", self.trusted)]), self.proxy)

        def poster(connector: Connector) -> Transport:
            return open_transport(
                EwsAccount(
                    url=connector.url,
                    username=connector.username,
                    network=network.direct() if connector.disable_proxy else network,
                    password=self.password,
                    authenticator=self.authenticator,
                    limits=ConnectionLimits(connections=3, deadline=10.0, connect=5.0),
                )
            )

        return Doctor(
            self.records,
            network,
            poster,
            lambda connector: self.graph_client(connector, network),
            state_dir=Path("/var/lib/pexschedd"),
            now=lambda: self.now(),
            pane=lambda _: self.pane,
            addin=lambda _: AddinState(manifests=ManifestsInUse(1, 1, NOW)),
            disk=lambda _: self.disk,
            public=Network(reactor, Trust([("public", PUBLIC.pem)])),
        )

    def graph_client(self, connector: Connector, network: Network) -> GraphClient:
        raise MailboxRefused("there is no Graph here")

    async def examine(self) -> DoctorReport:
        return await self.doctor().examine(1, self.user)

    async def close(self) -> None:
        for port in self._ports:
            await port.stopListening()


def line(report: DoctorReport, check: str) -> ReportLine:
    """The line of a check, or of its only kind ("metadata")."""
    found = [
        each
        for each in report.lines
        if each.check == check or each.check.partition(":")[0] == check
    ]
    assert len(found) == 1, [each.check for each in report.lines]
    return found[0]
