"""The operations: methods and paths, what they need, and the functions that do them."""

from collections.abc import Callable
from dataclasses import dataclass

from pexschedd.sandbox.graph.calls import (
    answering_events,
    calendar_delta,
    changing_events,
    changing_messages,
    mailbox_settings,
    message_delta,
    reading_events,
    reading_messages,
)
from pexschedd.sandbox.graph.calls.graph_call import GraphCall
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer

_READ_MAIL = ("Mail.ReadBasic",)
_WRITE_MAIL = ("Mail.ReadWrite",)
_READ_CALENDAR = ("Calendars.Read",)
_WRITE_CALENDAR = ("Calendars.ReadWrite",)


@dataclass(frozen=True)
class GraphOperation:
    """One operation: its name in faults and counts, and what it needs."""

    name: str
    method: str
    path: tuple[str, ...]
    roles: tuple[str, ...]
    """Any of these is enough."""
    run: Callable[[GraphCall], GraphAnswer]

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the variable segments of a path that fits; None if it does not."""
        if len(segments) != len(self.path):
            return None
        found = {}
        for pattern, segment in zip(self.path, segments, strict=True):
            if pattern.startswith("{"):
                found[pattern[1:-1]] = segment
            elif pattern.lower() != segment.lower():
                return None
        return found


def _table() -> list[GraphOperation]:
    table: list[GraphOperation] = []

    def add(
        line: str, roles: tuple[str, ...], run: Callable[[GraphCall], GraphAnswer]
    ) -> None:
        name, method, *paths = line.split()
        for path in paths:
            whole = ("users", "{user}", *(path.split("/") if path != "." else ()))
            table.append(GraphOperation(name, method, whole, roles, run))

    messages, changes = reading_messages, changing_messages
    folder = "mailFolders/{folder}"
    one = ("messages/{message}", f"{folder}/messages/{{message}}")
    add("ListMailFolders GET mailFolders", _READ_MAIL, messages.list_folders)
    add(f"GetMailFolder GET {folder}", _READ_MAIL, messages.get_folder)
    add(f"UpdateMailFolder PATCH {folder}", _WRITE_MAIL, messages.update_folder)
    add(
        f"DeltaMessages GET {folder}/messages/delta",
        _READ_MAIL,
        message_delta.delta_messages,
    )
    add(
        f"ListMessages GET messages {folder}/messages",
        _READ_MAIL,
        messages.list_messages,
    )
    add(f"GetMessage GET {' '.join(one)}", _READ_MAIL, messages.get_message)
    contents = " ".join(f"{each}/$value" for each in one)
    add(f"GetMessageContent GET {contents}", _READ_MAIL, messages.get_content)
    add(f"UpdateMessage PATCH {' '.join(one)}", _WRITE_MAIL, changes.update_message)
    add(f"DeleteMessage DELETE {' '.join(one)}", _WRITE_MAIL, changes.delete_message)
    moves = " ".join(f"{each}/move" for each in one)
    add(f"MoveMessage POST {moves}", _WRITE_MAIL, changes.move_message)
    purges = " ".join(f"{each}/permanentDelete" for each in one)
    add(
        f"PermanentDeleteMessage POST {purges}",
        _WRITE_MAIL,
        changes.permanently_delete_message,
    )
    add("SendMail POST sendMail", ("Mail.Send",), changes.send_mail)

    reading, writing, answers = reading_events, changing_events, answering_events
    roots = ("", "calendar/", "calendars/{calendar}/")
    lists = " ".join(f"{root}events" for root in roots)
    views = " ".join(f"{root}calendarView" for root in roots)
    event = tuple(f"{root}events/{{event}}" for root in roots)
    add("ListCalendars GET calendars", _READ_CALENDAR, reading.list_calendars)
    add(
        "GetCalendar GET calendar calendars/{calendar}",
        _READ_CALENDAR,
        reading.get_calendar,
    )
    add(f"ListEvents GET {lists}", _READ_CALENDAR, reading.list_events)
    add(
        f"DeltaCalendarView GET {' '.join(f'{root}/delta' for root in views.split())}",
        _READ_CALENDAR,
        calendar_delta.delta_calendar,
    )
    add(
        f"ListCalendarView GET {views}",
        _READ_CALENDAR,
        reading.view_calendar,
    )
    add(f"GetEvent GET {' '.join(event)}", _READ_CALENDAR, reading.get_event)
    add(
        f"ListInstances GET {' '.join(f'{each}/instances' for each in event)}",
        _READ_CALENDAR,
        reading.list_instances,
    )
    add(f"CreateEvent POST {lists}", _WRITE_CALENDAR, writing.create_event)
    add(f"UpdateEvent PATCH {' '.join(event)}", _WRITE_CALENDAR, writing.update_event)
    add(f"DeleteEvent DELETE {' '.join(event)}", _WRITE_CALENDAR, writing.delete_event)
    for action, name, run in (
        ("accept", "AcceptEvent", answers.accept_event),
        ("decline", "DeclineEvent", answers.decline_event),
        (
            "tentativelyAccept",
            "TentativelyAcceptEvent",
            answers.tentatively_accept_event,
        ),
        ("cancel", "CancelEvent", writing.cancel_event),
        ("permanentDelete", "PermanentDeleteEvent", writing.permanently_delete_event),
    ):
        actions = " ".join(f"{each}/{action}" for each in event)
        add(f"{name} POST {actions}", _WRITE_CALENDAR, run)

    add(
        "GetMailboxSettings GET mailboxSettings",
        ("MailboxSettings.Read",),
        mailbox_settings.get_mailbox_settings,
    )
    add(
        "TranslateExchangeIds POST translateExchangeIds",
        ("Mail.ReadBasic", "Calendars.Read"),
        mailbox_settings.translate_ids,
    )
    return table


OPERATIONS = _table()
"""All operations on mailboxes."""


def find(method: str, segments: list[str]) -> tuple[GraphOperation, dict[str, str]]:
    """Return the operation of a method and a path, and the path's variable segments.

    Raises `GraphError`.
    """
    allowed = False
    for operation in OPERATIONS:
        found = operation.match(segments)
        if found is None:
            continue
        if operation.method == method:
            return operation, found
        allowed = True
    if allowed:
        raise GraphError("BadRequest", f"The method {method} is not allowed here.", 405)
    if segments and segments[0].lower() == "me":
        raise GraphError(
            "BadRequest",
            "/me request is only valid with delegated authentication flow.",
        )
    name = segments[-1] if segments else ""
    raise GraphError(
        "BadRequest", f"Resource not found for the segment '{name[:60]}'.", 400
    )
