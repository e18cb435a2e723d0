"""One call: who asks for what of which mailbox, and how answers are put together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pexschedd.sandbox.graph.entities import (
    events,
    extended,
    folders,
    item_ids,
    messages,
)
from pexschedd.sandbox.graph.entities.view import EntityView, zone_named
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata import query_options
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer, GraphRequest
from pexschedd.sandbox.graph.settings import GraphSettings
from pexschedd.sandbox.graph.signin.applications import GraphApplication
from pexschedd.sandbox.items.records import Item, ItemKind
from pexschedd.sandbox.mailboxes.exchange import Exchange
from pexschedd.sandbox.mailboxes.mailbox import MailboxFolder, SandboxMailbox

if TYPE_CHECKING:
    from pexschedd.sandbox.graph.calls.calendar_states import CalendarStates

MESSAGE_KINDS = frozenset(ItemKind) - {ItemKind.CALENDAR}


@dataclass
class GraphCall:
    """A call of one operation for one mailbox."""

    request: GraphRequest
    exchange: Exchange
    application: GraphApplication
    settings: GraphSettings
    mailbox: SandboxMailbox
    states: "CalendarStates"
    parameters: dict[str, str]
    """The variable segments of the path."""
    answered: Callable[[SandboxMailbox, Item], None]
    """To be told of an event that has been answered."""
    fault: str = ""
    """A fault on demand that the call itself plays: `empty-page`, `duplicates`."""
    late_meetings: timedelta = timedelta(0)
    """The age up to which a filter does not find organizers' events."""

    @property
    def options(self) -> dict[str, str]:
        """The query options of the request."""
        return self.request.options

    def view(self, options: dict[str, str] | None = None) -> EntityView:
        """Return how the client wants to see entities, by these options or those of
        the request. Raises `GraphError`."""
        options = self.options if options is None else options
        preferences, applied = self.request.preferences, {}
        if preferences.get("idtype", "").lower() == "immutableid":
            applied["IdType"] = "ImmutableId"
        kind = preferences.get("outlook.body-content-type", "").lower()
        if kind in ("text", "html"):
            applied["outlook.body-content-type"] = kind
        zone = preferences.get("outlook.timezone", "UTC")
        if zone_named(zone) is None:
            raise GraphError(
                "TimeZoneNotSupportedException",
                f"A valid TimeZone value must be specified: '{zone[:60]}'.",
            )
        if zone != "UTC":
            applied["outlook.timezone"] = zone
        expand = query_options.expansions(options.get("$expand", ""))
        extended.check_number(expand, self.settings.expanded_properties)
        selected = query_options.selection(options.get("$select"))
        return EntityView(
            immutable="IdType" in applied,
            text_bodies=kind == "text",
            zone=zone,
            expand=expand,
            select=selected,
            applied=applied,
        )

    @property
    def page_size(self) -> int | None:
        """The preferred size of a page, if the client has one."""
        text = self.request.preferences.get("odata.maxpagesize", "")
        return min(int(text), 1000) if text.isdecimal() and int(text) > 0 else None

    @cached_property
    def basic(self) -> bool:
        """The application may see only the basic properties of messages."""
        return not self.application.may(("Mail.Read",), self.mailbox)

    def folder(self) -> MailboxFolder | None:
        """Return the folder that the path names; None if it names none.

        Raises `GraphError`.
        """
        text = self.parameters.get("folder")
        return None if text is None else self.folder_named(text)

    def folder_named(self, text: str) -> MailboxFolder:
        """Return a folder by its id or well-known name. Raises `GraphError`."""
        found = folders.named(self.mailbox, text)
        if found.name not in folders.SHOWN and not self.settings.recoverable_items:
            raise GraphError("ErrorAccessDenied")
        return found

    def message(self) -> Item:
        """Return the message that the path names. Raises `GraphError`."""
        item = item_ids.find(self.mailbox, self.parameters["message"])
        folder = self.folder()
        if item.kind not in MESSAGE_KINDS or item.folder not in folders.ALL:
            raise GraphError("ErrorItemNotFound")
        if folder is not None and folder.name != item.folder:
            raise GraphError("ErrorItemNotFound")
        return item

    def event(self) -> Item:
        """Return the event that the path names. Raises `GraphError`."""
        item = item_ids.find(self.mailbox, self.parameters["event"])
        if item.kind is not ItemKind.CALENDAR or item.folder != "calendar":
            raise GraphError("ErrorItemNotFound")
        return item

    def shows(self, item: Item) -> bool:
        """Return whether a filter finds this event already."""
        return (
            not self.late_meetings
            or not item.is_organizer
            or self.exchange.now() - item.created >= self.late_meetings
        )

    def write_message(self, item: Item, view: EntityView) -> dict[str, Any]:
        """Return a message as this application may see it."""
        return messages.written(
            item,
            self.mailbox,
            view,
            basic=self.basic,
            missing_event={} if self.settings.missing_event == "empty" else None,
        )

    def answer_event(
        self, item: Item, view: EntityView, status: HTTPStatus = HTTPStatus.OK
    ) -> GraphAnswer:
        """Return the answer that holds one event."""
        document = events.written(item, self.mailbox, view)
        return self.answer_one(document, view, "events", status)

    def answer_one(
        self,
        document: dict[str, Any],
        view: EntityView,
        what: str,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> GraphAnswer:
        """Return the answer that holds one entity."""
        context = {"@odata.context": f"{self._metadata(what)}/$entity"}
        headers = applied_header(view)
        if "@odata.etag" in document:
            headers["etag"] = document["@odata.etag"]
        return GraphAnswer(status, {**context, **document}, headers=headers)

    def answer_list(
        self,
        documents: list[dict[str, Any]],
        view: EntityView,
        what: str,
        links: dict[str, str] | None = None,
    ) -> GraphAnswer:
        """Return the answer that holds a page of entities."""
        document = {
            "@odata.context": self._metadata(what),
            **(links or {}),
            "value": documents,
        }
        return GraphAnswer(document=document, headers=applied_header(view))

    def link(self, options: dict[str, str]) -> str:
        """Return the address of this resource with these options."""
        query = "&".join(f"{name}={quote(value)}" for name, value in options.items())
        return f"{self.request.base_url}/{self.request.path.strip('/')}?{query}"

    def _metadata(self, what: str) -> str:
        user = quote(self.parameters.get("user", ""), safe="")
        return f"{self.request.base_url}/$metadata#users('{user}')/{what}"


def applied_header(view: EntityView) -> dict[str, str]:
    """Return the Preference-Applied header, if a preference was followed."""
    if not view.applied:
        return {}
    text = ", ".join(f'{name}="{value}"' for name, value in view.applied.items())
    return {"preference-applied": text}


def no_content(status: HTTPStatus = HTTPStatus.NO_CONTENT) -> GraphAnswer:
    """Return an answer without a body."""
    return GraphAnswer(status)
