"""A sandbox with an application, and a bare client of Graph that checks all it sees."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pexschedd.sandbox import Account, Exchange, Processing, Sandbox
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer, GraphRequest
from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin.applications import GraphApplication, MailboxGrant
from tests.sandbox.graph import entity_types

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MEETING = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALICE, BOB = "alice@example.test", "bob@example.test"
EQUIPMENT, SILENT = "pexipmeeting@example.test", "none@example.test"
TENANT, CLIENT, SECRET = "contoso.test", "11111111-2222-3333-4444-555555555555", "s3"
GOID = "Binary {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x3"
CLEAN_GOID = "Binary {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x23"
SEQUENCE = "Integer {00062002-0000-0000-C000-000000000046} Id 0x8201"
IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}
BASE = "https://graph.microsoft.com/v1.0"
Document = dict[str, Any]


def accounts() -> list[Account]:
    return [
        Account(ALICE, "Alice Archer", "alice"),
        Account(BOB, "Bob Baker", "bob"),
        Account(EQUIPMENT, "Pexip Meeting", purpose="equipment"),
        Account(SILENT, "Silent", processing=Processing.NONE),
    ]


class GraphSandbox(Sandbox):
    """A sandbox in memory, with a clock of its own."""

    def __init__(self, exchange: Exchange | None = None) -> None:
        self.moment = START
        self.clock = Clock()
        super().__init__(
            now=lambda: self.moment,
            clock=self.clock,
            accounts=accounts(),
            exchange=exchange,
        )
        self.add()

    def add(self, *grants: MailboxGrant, **more: Any) -> GraphApplication:
        """Adds the application, by default with all roles for all mailboxes."""
        if grants:
            more["grants"] = grants
        more = {"client_id": CLIENT, "tenant": TENANT, "secret": SECRET, **more}
        application = GraphApplication(**more)
        self.graph.applications.add(application)
        return application

    def organisation(self, **settings: Any) -> None:
        """Sets the settings of the organisation."""
        wanted = GraphSettings(**settings)
        wanted.check()
        self.graph.settings = wanted

    def later(self, **span: float) -> None:
        """Lets time pass, by the wall clock and for timers."""
        self.moment += timedelta(**span)
        self.clock.advance(timedelta(**span).total_seconds())

    def token(self, **form: str) -> Document:
        """Asks the token endpoint; gives its answer."""
        body = {
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "scope": "https://graph.microsoft.com/.default",
            **form,
        }
        answer = self.graph.token(
            form.pop("tenant", TENANT),
            f"https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token",
            "application/x-www-form-urlencoded",
            urlencode({k: v for k, v in body.items() if v}).encode(),
        )
        document: Document = msgspec.json.decode(answer.body)
        return document

    def invite(self, *required: str, **more: Any) -> Any:
        """Alice invites; by default the equipment mailbox."""
        fields: Document = {
            "subject": "Weekly",
            "body": "<p>Agenda</p>",
            "start": MEETING,
            "end": MEETING + HOUR,
            **more,
        }
        people = list(required or (EQUIPMENT,))
        return self.exchange.schedule(ALICE, required=people, **fields)

    def client(self) -> "GraphClient":
        return GraphClient(self)


class GraphClient:
    """A client without any opinions. What it sends and gets is checked by the table of
    entity types, except bodies that are wrong on purpose (`check=False`)."""

    def __init__(self, sandbox: GraphSandbox) -> None:
        self.sandbox = sandbox
        self.authorization = f"Bearer {sandbox.token()['access_token']}"
        self.last = GraphAnswer()

    def start(
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> "Deferred[GraphAnswer]":
        path, _, query = url.removeprefix(BASE).partition("?")
        given = {"authorization": self.authorization}
        given |= {name.lower(): value for name, value in (headers or {}).items()}
        data = body if isinstance(body, bytes) else b""
        if body is not None and not isinstance(body, bytes):
            given.setdefault("content-type", "application/json")
            data = msgspec.json.encode(body)
        request = GraphRequest(method, path.lstrip("/"), query, given, data)
        return Deferred.fromCoroutine(self.sandbox.graph.serve(request))

    def ask(
        self,
        method: str,
        url: str,
        body: Any = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        check: bool = True,
    ) -> Document:
        if check and isinstance(body, dict):
            wrong = entity_types.request_faults(method, url, body)
            assert not wrong, wrong
        results: list[GraphAnswer] = []
        self.start(method, url, body, headers).addCallback(results.append)
        assert results, "no answer yet"
        self.last = results[0]
        document = msgspec.json.decode(self.last.body or b"null")
        assert self.last.status == status, (self.last.status, document)
        wrong = entity_types.answer_faults(int(self.last.status), document)
        assert not wrong, wrong
        return document or {}

    def get(self, url: str, **more: Any) -> Document:
        return self.ask("GET", url, **more)

    def code(self, method: str, url: str, body: Any = None, **more: Any) -> str:
        """The code of the error that a request must be answered with."""
        found = self.ask(method, url, body, **more)
        code: str = found["error"]["code"]
        return code

    def inbox(self, user: str = EQUIPMENT, **more: Any) -> list[Document]:
        """The messages of an inbox, newest first."""
        found: list[Document] = self.get(
            f"/users/{user}/mailFolders/inbox/messages", **more
        )["value"]
        return found

    def one(self, user: str = EQUIPMENT, expand: str = "", **more: Any) -> Document:
        """The only message of an inbox, by itself."""
        (found,) = self.inbox(user, **more)
        return self.get(f"{message_url(found, user)}{expand}", **more)

    def events(self, user: str = EQUIPMENT, **more: Any) -> list[Document]:
        found: list[Document] = self.get(f"/users/{user}/events", **more)["value"]
        return found

    def round(self, url: str, **more: Any) -> tuple[list[Document], str]:
        """All pages of a delta query, and the link for the next round."""
        found: list[Document] = []
        for _ in range(100):
            page = self.get(url, **more)
            found += page["value"]
            if "@odata.deltaLink" in page:
                return found, page["@odata.deltaLink"]
            url = page["@odata.nextLink"]
        raise AssertionError("pages without an end")


def message_url(message: Document, user: str = EQUIPMENT) -> str:
    return f"/users/{user}/messages/{quote(message['id'], safe='')}"


def event_url(event: Document, user: str = EQUIPMENT) -> str:
    return f"/users/{user}/events/{quote(event['id'], safe='')}"


WITH_EVENT = "?$expand=microsoft.graph.eventMessage/event"


def answers(client: GraphClient) -> dict[str, str]:
    """What each attendee has said, as Alice sees it."""
    (event,) = client.events(ALICE)
    return {
        each["emailAddress"]["address"]: each["status"]["response"]
        for each in event["attendees"]
    }
