"""Recovery, maintenance and migration on demand. Under `/api/admin/`:

POST command/v1/ms_exchange_connector/<id>/recover/    begins a recovery: 202
POST command/v1/ms_exchange_connector/<id>/maintain/   begins a maintenance: 202
POST command/v1/ms_exchange_connector/<id>/migrate/    begins a migration: 202
POST command/v1/ms_exchange_connector/<id>/stop/       has any of them stop: 202

The settings are those of `schedulingrecovery`, `schedulingmaintenance` and
`pexschedd-check --migrate`. The results are in the status lists
`exchange_scheduler_recovery`, `exchange_scheduler_maintenance` and
`exchange_scheduler_migration`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.errors import InvalidFields
from pexschedd.history.actor import current_actor
from pexschedd.management.admin_log import note
from pexschedd.management.representation import represent_own
from pexschedd.management.resource import PREFIX
from pexschedd.model.fields.times import parse_time
from pexschedd.scheduling.run_requests import MESSAGE_LIMIT
from pexschedd.scheduling.upkeep.mailbox_commands import MailboxCommands
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.names import name_of, refer
from pexschedd.web.admin.openapi.operation import ApiAnswer, RequestBody, described
from pexschedd.web.admin.openapi.patterns import TIME
from pexschedd.web.admin.status.mailbox_runs import KINDS, RunKind, run_status
from pexschedd.web.json_body import decode_object, require_json
from pexschedd.web.routes import Handler, ResponseBody, body_of, json_response

_COMMAND = f"{PREFIX}/command/v1/ms_exchange_connector/<int:connector_id>"


def _described(kind: RunKind) -> Callable[[Handler], Handler]:
    """The description of a command, with its settings."""
    until = "Until when."
    if kind.name == "maintain":
        until = "Until when. A time in the future counts as now, and the notes say so."
    time = {"type": ["string", "null"], "pattern": TIME, "description": until}
    message = {"type": ["string", "null"], "maxLength": MESSAGE_LIMIT}
    settings = {
        name: time if default is None else message
        for name, default in kind.settings.items()
    }
    for name, choices in kind.choices.items():
        settings[name] = {"type": ["string", "null"], "enum": [*choices, None]}
    dry_run = {"type": "boolean", "description": "Only says what would be done."}
    body = {
        "type": "object",
        "properties": {**settings, "dry_run": dry_run},
        "additionalProperties": False,
    }
    return described(
        f"Begin to {kind.name} an integration",
        "It goes on after the answer: `Location` is where it can be followed.",
        answers={
            202: ApiAnswer(
                "It has begun.", refer(name_of(kind.resource)), headers=("Location",)
            )
        },
        errors=(409,),
        body=RequestBody(body, required=False),
    )


class MailboxCommandRoutes:
    """The routes of the module's docstring."""

    def __init__(self, commands: MailboxCommands, now: Now) -> None:
        self._commands = commands
        self._now = now

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        for kind in KINDS:
            begin = _described(kind)(partial(self._begin, kind))
            api.add(f"{_COMMAND}/{kind.name}/", post=begin)
        api.add(f"{_COMMAND}/stop/", post=self._stop)

    def _begin(
        self, kind: RunKind, request: Request, connector_id: int
    ) -> ResponseBody:
        with invalid_fields_of(kind.name):
            values, dry_run = _settings(kind, _payload(request), self._now())
        work = kind.request(*values)
        actor = current_actor.get()
        run = self._commands.begin(connector_id, work, actor, dry_run=dry_run)
        note(
            "mailbox command requested command={command} dry_run={dry_run}",
            connector_id,
            command=kind.name,
            dry_run=dry_run,
        )
        location = kind.resource.uri_of(connector_id)
        request.responseHeaders.setRawHeaders(b"location", [location.encode()])
        shown = represent_own(kind.resource, run_status(kind, connector_id, run))
        return json_response(request, shown, 202)

    @described(
        "Stop what is being done with an integration's mailbox",
        answers={202: ApiAnswer("It will stop.", {"type": "object"})},
    )
    def _stop(self, request: Request, connector_id: int) -> ResponseBody:
        self._commands.stop(connector_id)
        note("mailbox command stop requested", connector_id)
        return json_response(request, {}, 202)


def _payload(request: Request) -> dict[str, Any]:
    """The settings that are sent; none for an empty body."""
    body = body_of(request)
    if not body.strip():
        return {}
    require_json(request)
    return decode_object(body)


def _settings(
    kind: RunKind, payload: Mapping[str, Any], now: datetime
) -> tuple[list[Any], bool]:
    """The values of a command's settings, in order, and whether it is a dry run."""
    problems: dict[str, list[str]] = {}
    known = [*kind.settings, "dry_run"]
    for name in payload:
        if name not in known:
            text = f"There is no such setting; there are {', '.join(known)}."
            problems[name] = [text]
    values = []
    read: Callable[[object], Any]
    for name, default in kind.settings.items():
        read = _read_time if default is None else _read_message
        if name in kind.choices:
            read = partial(_read_choice, kind.choices[name])
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


def _read_choice(choices: Sequence[str], value: object) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"This must be one of {', '.join(choices)}.")
    return value
