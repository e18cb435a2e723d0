"""A place where an integration reaches its mailbox by Microsoft Graph, and all is in
order: tokens, permissions, mailbox; over TLS and real sockets."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import uuid4

from twisted.web.server import Site

from pexschedd.composition.graph.graph_connections import PROBE_LIMITS
from pexschedd.doctor.report import DoctorReport
from pexschedd.doctor.text import text
from pexschedd.graph.client import GraphClient
from pexschedd.graph.error_messages import GraphTarget
from pexschedd.graph.transport import GraphTransport
from pexschedd.identity.oauth.application_tokens import ApplicationTokens
from pexschedd.identity.oauth.endpoint import TokenEndpoint
from pexschedd.identity.oauth.settings import graph_settings_of
from pexschedd.model.integration.connector import Connector
from pexschedd.net.network import Network
from pexschedd.sandbox import Account, Sandbox
from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin.applications import GraphApplication, MailboxGrant
from pexschedd.sandbox.mailboxes.accounts import Processing
from pexschedd.store.secrets import SecretVault
from tests.doctor.doctor_support import (
    ALICE,
    EQUIPMENT,
    INTERNAL,
    MAIL,
    Clinic,
    Page,
    reactor,
)
from tests.net.net_support import DAY, NOW, dns

TENANT, CLIENT = "contoso.test", "11111111-2222-4333-8444-555555555555"
GRAPH_SECRET = "gr4ph s3cret"
MAILBOX_ROLES = (
    "Mail.ReadWrite",
    "Calendars.ReadWrite",
    "MailboxSettings.Read",
    "Mail.Send",
)


class OpenVault:
    """Secrets that are "sealed:" and themselves."""

    def unseal(self, sealed: str, _context: str) -> str:
        return sealed.removeprefix("sealed:")


def grants(*, without: Sequence[str] = ()) -> tuple[MailboxGrant, ...]:
    """Roles scoped to the equipment mailbox, and to Alice's calendar."""
    mine = (MailboxGrant(r, (EQUIPMENT,)) for r in MAILBOX_ROLES if r not in without)
    theirs = MailboxGrant("Calendars.ReadWrite", (ALICE,))
    return (*mine, theirs) if "organizers" not in without else tuple(mine)


class GraphClinic(Clinic):
    """An integration over Graph; everything is in order."""

    def __init__(self) -> None:
        super().__init__()
        self.application()
        self.account(EQUIPMENT, processing=Processing.AUTO_UPDATE, purpose="equipment")
        self.application()
        self.change(
            mailbox_protocol="GRAPH",
            oauth_client_id=CLIENT,
            oauth_client_secret="sealed:" + GRAPH_SECRET,
        )

    def application(self, *given: MailboxGrant, **more: Any) -> None:
        """Replace the application; by default it has every role that it needs."""
        fields = {"client_id": CLIENT, "tenant": TENANT, "secret": GRAPH_SECRET, **more}
        made = GraphApplication(grants=given or grants(), **fields)
        self.sandbox.graph.applications.add(made)

    def certificate(self, tls: Any) -> None:
        """Graph and its token endpoint show another certificate."""
        port = self.listen(self.sandbox.site(), tls)
        self.at(port)

    def at(self, port: int) -> None:
        """Graph is expected at this port."""
        self.change(
            graph_api_domain=f"{MAIL}:{port}",
            oauth_token_endpoint=f"https://{MAIL}:{port}/{TENANT}/oauth2/v2.0/token",
        )

    def settings(self, **fields: Any) -> None:
        self.sandbox.graph.settings = GraphSettings(**fields)

    def made_sandbox(self, accounts: list[Account], **more: Any) -> Sandbox:
        return Sandbox(
            now=lambda: datetime.now(UTC), clock=reactor, accounts=accounts, **more
        )

    def invite(self, **more: Any) -> Any:
        """Alice invites the equipment mailbox."""
        start = datetime.now(UTC) + timedelta(days=1)
        fields: dict[str, Any] = {
            "subject": "Weekly",
            "body": "<p>Agenda</p>",
            "required": [EQUIPMENT],
        }
        fields |= {"start": start, "end": start + timedelta(hours=1), **more}
        return self.sandbox.exchange.schedule(ALICE, **fields)

    def graph_client(self, connector: Connector, network: Network) -> GraphClient:
        endpoint = TokenEndpoint(
            lambda _: network.http_client(),
            cast(SecretVault, OpenVault()),
            reactor,
            now=lambda: self.now(),
            uuid4=lambda: str(uuid4()),
        )
        settings = graph_settings_of(connector)
        tokens = ApplicationTokens(
            settings,
            partial(endpoint.authenticated, connector, settings),
            endpoint,
            reactor,
            {},
        )
        domain = connector.graph_api_domain
        transport = GraphTransport(
            domain, network=network, clock=reactor, limits=PROBE_LIMITS
        )
        target = GraphTarget(domain, connector.mailbox_address, CLIENT, 1)
        return GraphClient(transport, tokens, target)


Arrange = Callable[[GraphClinic], object]
_GOOD = INTERNAL.server(dns(MAIL), expires=NOW + 90 * DAY)


def page(status: int, body: bytes = b"") -> Arrange:
    def arrange(c: GraphClinic) -> None:
        c.at(c.listen(Site(Page(body, status)), _GOOD))

    return arrange


_OF_EWS = ("EWS URL", "ApplicationImpersonation", "-AutomateProcessing None", "/EWS")


def speaks_of_graph_alone(report: DoctorReport) -> None:
    """Nothing in a report is about EWS, and no secret is in it."""
    shown = text(report)
    for words in (*_OF_EWS, "Get-WebServices", "ExchangeCertificate", "Throttling-"):
        assert words not in shown, words
    assert GRAPH_SECRET not in shown
