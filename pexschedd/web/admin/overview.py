"""Overviews of what is below each address of the management API, `/api/admin/`:

GET  (nothing)             the kinds of resources
GET  openapi.json          the OpenAPI document of all operations: see `openapi/`
GET  schema/               all resources of all kinds, for people
GET  <kind>/               the version of a kind
GET  <kind>/v1/            the resources of a kind
GET  command/v1/           the groups of commands
GET  command/v1/<group>/   the commands of a group

Clients read the groups `conference`, `participant` and `platform` before they do
anything else. Their commands are for calls, which only conferencing nodes have: the
groups are there, and empty.
"""

from collections.abc import Iterator, Mapping

import msgspec
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.management.access.permissions import may
from pexschedd.management.access.role_views import resources_for
from pexschedd.management.computed.resources import COMPUTED
from pexschedd.management.resource import PREFIX
from pexschedd.management.resources import BY_KIND
from pexschedd.model.accounts.principal import acting_principal
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.openapi.operation import (
    ApiAnswer,
    ApiOperation,
    Segments,
    described,
    described_each,
)
from pexschedd.web.routes import ResponseBody, json_response

OPENAPI = f"{PREFIX}/openapi.json"
_COMMANDS = f"{PREFIX}/command/v1/"
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "administrator": ("change_password",),
    "configuration": ("export", "import", "import_from"),
    "conference": (),
    "csv": ("personal_rooms", "users"),
    "mjx_endpoint": ("check",),
    "mjx_exchange_deployment": ("check", "sign_in"),
    "mjx_graph_deployment": ("check",),
    "mjx_meeting_processing_rule": ("test",),
    "ms_exchange_connector": (
        "audit",
        "check",
        "maintain",
        "make_certificate",
        "migrate",
        "recover",
        "sign_in",
        "stop",
    ),
    "participant": (),
    "platform": (),
    "state": ("backup", "restore"),
}
"""The commands, by their group: `<group>/<id>/<command>/`."""
WITHOUT_RECORD = (
    "administrator",
    "configuration",
    "csv",
    "mjx_endpoint",
    "mjx_meeting_processing_rule",
    "state",
)
"""The groups whose commands are for no record: `<group>/<command>/`."""


class ListedResource(msgspec.Struct, frozen=True):
    """The addresses of a resource."""

    list_endpoint: str
    """The address of its list."""
    schema: str
    """The address of its description."""


Addresses = dict[str, str]
Listed = dict[str, ListedResource]


def _of_kinds(method: str) -> Iterator[tuple[Segments, ApiOperation]]:
    answer = ApiAnswer("The address of each version.", Addresses)
    for kind in (*BY_KIND, "command"):
        yield {"kind": kind}, _listing("versions", kind, answer)


def _of_resources(method: str) -> Iterator[tuple[Segments, ApiOperation]]:
    answer = ApiAnswer("The resources, by name.", Listed)
    for kind in BY_KIND:
        yield {"kind": kind}, _listing("resources", kind, answer)


def _of_groups(method: str) -> Iterator[tuple[Segments, ApiOperation]]:
    answer = ApiAnswer("The address of each command.", Addresses)
    for group in COMMANDS:
        yield {"group": group}, _listing("commands", group, answer)


def _listing(what: str, of: str, answer: ApiAnswer) -> ApiOperation:
    return ApiOperation(
        summary=f"List the {what} of {of}",
        answers={200: answer},
        id=f"list_{of}_{what}",
        tag="overview",
    )


class OverviewRoutes:
    """The routes of the module's docstring."""

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(f"{PREFIX}/", get=self._kinds)
        api.add(f"{PREFIX}/schema/", get=self._everything)
        api.add(f"{PREFIX}/<string:kind>/", get=self._versions)
        api.add(f"{PREFIX}/<string:kind>/v1/", get=self._resources)
        api.add(_COMMANDS, get=self._groups)
        api.add(f"{_COMMANDS}<string:group>/", get=self._commands)

    @described(
        "List the kinds of resources",
        answers={200: ApiAnswer("The address of each kind.", Addresses)},
        id="list_kinds",
    )
    def _kinds(self, request: Request) -> ResponseBody:
        kinds = {kind: f"{PREFIX}/{kind}/v1/" for kind in (*BY_KIND, "command")}
        return json_response(request, {**kinds, "openapi": OPENAPI})

    @described(
        "List all resources of all kinds",
        answers={200: ApiAnswer("The resources, by kind.", dict[str, Listed])},
        id="list_everything",
    )
    def _everything(self, request: Request) -> ResponseBody:
        return json_response(request, {kind: _entries(kind) for kind in BY_KIND})

    @described_each(_of_kinds)
    def _versions(self, request: Request, kind: str) -> ResponseBody:
        if kind != "command":
            _entries(kind)
        return json_response(request, {"v1": f"{PREFIX}/{kind}/v1/"})

    @described_each(_of_resources)
    def _resources(self, request: Request, kind: str) -> ResponseBody:
        return json_response(request, _entries(kind))

    @described(
        "List the groups of commands",
        answers={200: ApiAnswer("The address of each group.", Addresses)},
        id="list_command_groups",
    )
    def _groups(self, request: Request) -> ResponseBody:
        groups = {group: f"{_COMMANDS}{group}/" for group in COMMANDS}
        return json_response(request, groups)

    @described_each(_of_groups)
    def _commands(self, request: Request, group: str) -> ResponseBody:
        if group not in COMMANDS:
            known = ", ".join(COMMANDS)
            raise NotFound(f"There are no commands for {group!r}; try {known}.")
        record = "" if group in WITHOUT_RECORD else "<id>/"
        commands = {
            name: f"{_COMMANDS}{group}/{record}{name}/" for name in COMMANDS[group]
        }
        return json_response(request, commands)


def _entries(kind: str) -> Listed:
    """The addresses of a kind's resources and of what describes them."""
    if kind not in BY_KIND:
        known = ", ".join((*BY_KIND, "command"))
        raise NotFound(f"There is nothing called {kind!r}; try {known}.")
    principal = acting_principal.get()
    resources = [*resources_for(principal, kind).values()]
    if kind == "status":
        resources += [
            each.resource
            for name, each in COMPUTED.items()
            if may(principal.level, "GET", f"status/{name}")
        ]
    return {
        resource.name: ListedResource(resource.uri, f"{resource.uri}schema/")
        for resource in resources
    }
