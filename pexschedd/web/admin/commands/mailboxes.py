"""Recovery and maintenance on demand. Under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/recover/    begins a recovery: 202
POST command/v1/ms_exchange_connector/<id>/maintain/   begins a maintenance: 202
POST command/v1/ms_exchange_connector/<id>/stop/       has either one stop: 202
GET  status/v1/exchange_scheduler_recovery/[<id>/]     the last recoveries
GET  status/v1/exchange_scheduler_maintenance/[<id>/]  the last maintenances

The settings are those of `schedulingrecovery` and `schedulingmaintenance`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import InvalidFields, NotFound
from pexschedd.history.actor import current_actor
from pexschedd.management.admin_log import note
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.model.fields.times import format_time, parse_time
from pexschedd.scheduling.upkeep.mailbox_commands import MailboxCommands, MailboxRun
from pexschedd.scheduling.upkeep.mailbox_work import WorkRequest
from pexschedd.scheduling.upkeep.maintenance import MaintenanceRequest
from pexschedd.scheduling.upkeep.recovery import (
    DEFAULT_MESSAGE,
    MESSAGE_LIMIT,
    RecoveryRequest,
)
from pexschedd.store.store import Store
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import ApiAnswer, RequestBody, described
from pexschedd.web.admin.openapi.patterns import TIME
from pexschedd.web.admin.openapi.records import page_of
from pexschedd.web.admin.query_string import whole_answer
from pexschedd.web.admin.records import arguments_of
from pexschedd.web.json_body import decode_object, require_json
from pexschedd.web.routes import Handler, ResponseBody, body_of, json_response

_COMMAND = f"{PREFIX}/command/v1/ms_exchange_connector/<int:connector_id>"


class MailboxCommandKind(msgspec.Struct, frozen=True):
    """One of the two commands, and where its results are."""

    name: str
    status: str
    """The status resource."""
    request: type[WorkRequest]
    """Made of the settings, in their order."""
    settings: Mapping[str, object]
    """The settings beside `dry_run`, with their defaults; None is the time now."""

    @property
    def uri(self) -> str:
        """The list of its last results."""
        return f"{PREFIX}/status/v1/{self.status}/"

    def shown(self, request: WorkRequest) -> dict[str, Any]:
        """Return the settings as they were carried out."""
        values = msgspec.structs.astuple(request)
        return {
            name: format_time(value) if isinstance(value, datetime) else value
            for name, value in zip(self.settings, values, strict=True)
        }


KINDS = (
    MailboxCommandKind(
        "recover",
        "exchange_scheduler_recovery",
        RecoveryRequest,
        {"time_limit": None, "update_message": DEFAULT_MESSAGE},
    ),
    MailboxCommandKind(
        "maintain",
        "exchange_scheduler_maintenance",
        MaintenanceRequest,
        {"inbox_time_limit": None, "calendar_time_limit": None},
    ),
)


_TIME = {"type": "string", "description": "A time, in UTC."}
_NUMBER_OR_NULL = {"type": ["integer", "null"]}
_RESULT = {
    "type": "object",
    "description": "A command, with its settings, and what has become of it.",
    "properties": {
        "id": {"type": "integer"},
        "exchange_connector_id": {"type": "integer"},
        "administrator": {"type": "string", "description": "The one who began it."},
        "correlation_id": {"type": "string"},
        "dry_run": {"type": "boolean"},
        "start_time": _TIME,
        "end_time": {**_TIME, "type": ["string", "null"]},
        "running": {"type": "boolean"},
        "stopped": {"type": "boolean"},
        "progress": {"type": "object"},
        "notes": {"type": "array", "items": {"type": "string"}},
        "counts": {"type": ["object", "null"]},
        "failures": _NUMBER_OR_NULL,
        "reasons": {"type": "array", "items": {"type": "string"}},
        "error": {"type": ["string", "null"]},
        "resource_uri": {"type": "string", "format": "uri-reference"},
    },
    "required": ["id", "dry_run", "start_time", "running", "resource_uri"],
}
_RESULTS = page_of(_RESULT)


def _described(kind: MailboxCommandKind) -> Callable[[Handler], Handler]:
    """The description of a command, with its settings."""
    time = {"type": ["string", "null"], "pattern": TIME, "description": "Until when."}
    message = {"type": ["string", "null"], "maxLength": MESSAGE_LIMIT}
    settings = {
        name: time if default is None else message
        for name, default in kind.settings.items()
    }
    dry_run = {"type": "boolean", "description": "Only says what would be done."}
    body = {
        "type": "object",
        "properties": {**settings, "dry_run": dry_run},
        "additionalProperties": False,
    }
    return described(
        f"Begin to {kind.name} an integration",
        "It goes on after the answer: `Location` is where it can be followed.",
        answers={202: ApiAnswer("It has begun.", _RESULT, headers=("Location",))},
        errors=(409,),
        body=RequestBody(body, required=False),
    )


class MailboxCommandRoutes:
    """The routes of the module's docstring."""

    def __init__(self, store: Store, commands: MailboxCommands, now: Now) -> None:
        self._store = store
        self._commands = commands
        self._now = now

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        for kind in KINDS:
            begin = _described(kind)(partial(self._begin, kind))
            api.add(f"{_COMMAND}/{kind.name}/", post=begin)
            api.add(kind.uri, get=partial(self._list, kind))
            api.add(f"{kind.uri}<int:connector_id>/", get=partial(self._get, kind))
        api.add(f"{_COMMAND}/stop/", post=self._stop)

    def _begin(
        self, kind: MailboxCommandKind, request: Request, connector_id: int
    ) -> ResponseBody:
        with invalid_fields_of(kind.name):
            values, dry_run = _settings(kind, _payload(request), self._now())
        work = kind.request(*values)
        actor = current_actor.get()
        self._commands.begin(connector_id, work, actor, dry_run=dry_run)
        note(
            "mailbox command requested command={command} dry_run={dry_run}",
            connector_id,
            command=kind.name,
            dry_run=dry_run,
        )
        location = f"{kind.uri}{connector_id}/"
        request.responseHeaders.setRawHeaders(b"location", [location.encode()])
        return json_response(request, self._represent(kind, connector_id), 202)

    @described(
        "Stop what is being done with an integration's mailbox",
        answers={202: ApiAnswer("It will stop.", {"type": "object"})},
    )
    def _stop(self, request: Request, connector_id: int) -> ResponseBody:
        self._commands.stop(connector_id)
        note("mailbox command stop requested", connector_id)
        return json_response(request, {}, 202)

    @described(
        "List the last results of each integration",
        answers={200: ApiAnswer("All of them.", _RESULTS)},
    )
    def _list(self, kind: MailboxCommandKind, request: Request) -> ResponseBody:
        objects = [
            self._represent(kind, id_)
            for id_ in self._store.ids(tables.CONNECTOR)
            if self._commands.last(kind.request, id_) is not None
        ]
        return json_response(request, whole_answer(arguments_of(request), objects))

    @described(
        "Read the last result of an integration",
        answers={200: ApiAnswer("The result.", _RESULT)},
    )
    def _get(
        self, kind: MailboxCommandKind, request: Request, connector_id: int
    ) -> ResponseBody:
        return json_response(request, self._represent(kind, connector_id))

    def _represent(self, kind: MailboxCommandKind, id: int) -> dict[str, Any]:
        run = self._commands.last(kind.request, id)
        if run is None or self._store.get(tables.CONNECTOR, id) is None:
            raise NotFound(
                f"There was no {kind.name} of integration {id} since the start."
            )
        return {
            "id": id,
            "exchange_connector_id": id,
            "administrator": run.actor.name,
            "correlation_id": run.actor.correlation_id,
            "dry_run": run.dry_run,
            **kind.shown(run.request),
            **_shown_run(run),
            "resource_uri": f"{kind.uri}{id}/",
        }


def _shown_run(run: MailboxRun) -> dict[str, Any]:
    outcome = run.outcome
    return {
        "start_time": format_time(run.started),
        "end_time": format_time(run.finished) if run.finished else None,
        "running": run.finished is None,
        "stopped": run.stopped,
        "progress": {"what": run.stage, "done": run.done, "total": run.total},
        "notes": [*run.notes],
        "counts": outcome.counts if outcome else None,
        "failures": outcome.failures if outcome else None,
        "reasons": outcome.reasons if outcome else [],
        "error": run.error,
    }


def _payload(request: Request) -> dict[str, Any]:
    """The settings that are sent; none for an empty body."""
    body = body_of(request)
    if not body.strip():
        return {}
    require_json(request)
    return decode_object(body)


def _settings(
    kind: MailboxCommandKind, payload: Mapping[str, Any], now: datetime
) -> tuple[list[Any], bool]:
    """The values of a command's settings, in order, and whether it is a dry run."""
    problems: dict[str, list[str]] = {}
    known = [*kind.settings, "dry_run"]
    for name in payload:
        if name not in known:
            text = f"There is no such setting; there are {', '.join(known)}."
            problems[name] = [text]
    values = []
    for name, default in kind.settings.items():
        read = _read_time if default is None else _read_message
        try:
            value = payload.get(name)
            values.append(read(value) if value is not None else default or now)
        except ValueError as error:
            problems[name] = [str(error)]
    dry_run = payload.get("dry_run", False)
    if not isinstance(dry_run, bool):
        problems["dry_run"] = ["This must be true or false."]
    if problems:
        raise InvalidFields(problems)
    return values, dry_run


def _read_time(value: object) -> datetime:
    try:
        if isinstance(value, str):
            return parse_time(value)
    except ValueError:
        pass
    raise ValueError("This must be a time: 2026-11-21T09:30:00.")


def _read_message(value: object) -> str:
    if not isinstance(value, str) or len(value) > MESSAGE_LIMIT:
        raise ValueError(f"This must be a text of at most {MESSAGE_LIMIT} characters.")
    return value
