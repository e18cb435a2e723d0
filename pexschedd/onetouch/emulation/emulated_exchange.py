"""An Exchange server that has one room's calendar for each of its clients. Pure, but
for the subscriptions that it remembers.

A request comes from a client that has signed in for a room; it can ask for this room
only. Everything that is not answered is refused in Exchange's own words, and named, so
that the log can have it.
"""

from collections.abc import Callable

import msgspec

from pexschedd.onetouch.emulation.availability import get_user_availability
from pexschedd.onetouch.emulation.changes import sync_folder_items
from pexschedd.onetouch.emulation.directory import resolve_names
from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.finding import find_item, get_item
from pexschedd.onetouch.emulation.folders import find_folder, get_folder
from pexschedd.onetouch.emulation.soap import (
    Element,
    ExchangeRefusal,
    SoapCall,
    envelope_of,
    fault_of,
    read_call,
)
from pexschedd.onetouch.emulation.subscriptions import EventSubscriptions
from pexschedd.onetouch.emulation.zones import get_server_time_zones

_OPERATIONS: dict[str, Callable[[SoapCall, EmulatedRoom], Element]] = {
    "FindFolder": find_folder,
    "FindItem": find_item,
    "GetFolder": get_folder,
    "GetItem": get_item,
    "GetServerTimeZones": get_server_time_zones,
    "GetUserAvailabilityRequest": get_user_availability,
    "ResolveNames": resolve_names,
    "SyncFolderItems": sync_folder_items,
}

_WRITING = (
    "Create",
    "Update",
    "Delete",
    "Move",
    "Copy",
    "Send",
    "Empty",
    "Mark",
    "Add",
)
"""Beginnings of the operations that change something."""


class EmulatedAnswer(msgspec.Struct, frozen=True):
    """The answer to one request."""

    status: int
    body: bytes
    operation: str
    """The operation's name, empty if the request could not be read."""
    refused: str = ""
    """The reason for the log if the whole request was refused."""


class EmulatedExchange:
    """Answers requests; see the module's docstring."""

    def __init__(self) -> None:
        self.subscriptions = EventSubscriptions()

    def answer(self, body: bytes, room: EmulatedRoom, account: int) -> EmulatedAnswer:
        """Return the answer to a request; `account` is the id of the client's."""
        operation = ""
        try:
            call = read_call(body)
            operation = call.operation
            if call.acting_for and not room.is_own(call.acting_for):
                raise ExchangeRefusal("ErrorImpersonateUserDenied")
            response = self._response(call, room, account)
        except ExchangeRefusal as refusal:
            return refused_answer(refusal, operation)
        return EmulatedAnswer(200, envelope_of(response), operation)

    def _response(self, call: SoapCall, room: EmulatedRoom, account: int) -> Element:
        answer = _OPERATIONS.get(call.operation)
        if answer is not None:
            return answer(call, room)
        match call.operation:
            case "Subscribe":
                return self.subscriptions.subscribe(call, room, account)
            case "GetEvents":
                return self.subscriptions.get_events(call, room, account)
            case "Unsubscribe":
                return self.subscriptions.unsubscribe(call, room, account)
        if call.operation.startswith(_WRITING):
            raise ExchangeRefusal("ErrorAccessDenied", "The calendar can only be read.")
        raise ExchangeRefusal(
            "ErrorInvalidOperation",
            f"The operation {call.operation} is not supported here.",
        )


def refused_answer(refusal: ExchangeRefusal, operation: str = "") -> EmulatedAnswer:
    """Return the SOAP fault of a refusal."""
    return EmulatedAnswer(500, fault_of(refusal), operation, str(refusal))
