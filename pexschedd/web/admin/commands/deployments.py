"""Checking a deployment of One-Touch Join, and setting Exchange up for its rooms. Under
`/api/admin/`:

POST command/v1/mjx_exchange_deployment/<id>/check/    examines it, and answers then
GET  configuration/v1/mjx_exchange_deployment/<id>/exchange_setup/   PowerShell
POST command/v1/mjx_graph_deployment/<id>/check/       the same
GET  configuration/v1/mjx_graph_deployment/<id>/exchange_setup/      the same
"""

from collections.abc import Iterable
from typing import Protocol

from twisted.web.server import Request

from pexschedd.doctor.rooms.examination import (
    DeploymentReport,
    GraphDeploymentReport,
)
from pexschedd.doctor.setup.rooms import rooms_script
from pexschedd.doctor.setup.rooms_graph import graph_rooms_script
from pexschedd.errors import NotFound
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.onetouch.configuration import rooms_by_deployment
from pexschedd.onetouch.deployments import ReadDeployment, key_of
from pexschedd.store.store import Store
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.doctor import windows_file
from pexschedd.web.admin.openapi.operation import ApiAnswer, described
from pexschedd.web.routes import ResponseBody, file_response, json_response

_NAME = tables.MJX_EXCHANGE_DEPLOYMENT.name
_CHECK = f"{PREFIX}/command/v1/{_NAME}/<int:deployment_id>/check/"
_SETUP = f"{PREFIX}/configuration/v1/{_NAME}/<int:deployment_id>/exchange_setup/"

_GRAPH_NAME = tables.MJX_GRAPH_DEPLOYMENT.name
_GRAPH_CHECK = f"{PREFIX}/command/v1/{_GRAPH_NAME}/<int:deployment_id>/check/"
_GRAPH_SETUP = (
    f"{PREFIX}/configuration/v1/{_GRAPH_NAME}/<int:deployment_id>/exchange_setup/"
)
_EXAMINED = "The examination is finished when the answer comes: it may take a minute."
_SCRIPT = ApiAnswer(
    "The script, for PowerShell.",
    {"type": "string"},
    "text/plain",
    headers=("Content-Disposition",),
)


class DeploymentExaminer(Protocol):
    """See `doctor.rooms.examination.RoomsDoctor`."""

    async def examine(self, deployment_id: int) -> DeploymentReport:
        """Examine a deployment of Exchange."""

    async def examine_graph(self, deployment_id: int) -> GraphDeploymentReport:
        """Examine a deployment of Graph."""


class RoomsDoctorRoutes:
    """The routes of a deployment's doctor and set-up script."""

    def __init__(self, store: Store, doctor: DeploymentExaminer) -> None:
        self._store = store
        self._doctor = doctor

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(_CHECK, post=self._check)
        api.add(_SETUP, get=self._setup)
        api.add(_GRAPH_CHECK, post=self._check_graph)
        api.add(_GRAPH_SETUP, get=self._setup_graph)

    @described(
        "Examine a deployment of One-Touch Join",
        _EXAMINED,
        answers={200: ApiAnswer("What was found.", DeploymentReport)},
        id="check_mjx_exchange_deployment",
    )
    async def _check(self, request: Request, deployment_id: int) -> ResponseBody:
        return json_response(request, await self._doctor.examine(deployment_id))

    @described(
        "Examine a Graph deployment of One-Touch Join",
        _EXAMINED,
        answers={200: ApiAnswer("What was found.", GraphDeploymentReport)},
        id="check_mjx_graph_deployment",
    )
    async def _check_graph(self, request: Request, deployment_id: int) -> ResponseBody:
        return json_response(request, await self._doctor.examine_graph(deployment_id))

    @described(
        "Download the script that sets Exchange up for rooms",
        "The rooms of the deployment's endpoints are in it, as they are now. It is for "
        "Exchange on-premises, or for Microsoft 365 if an application reads the rooms "
        "(APP_PERM) or the EWS URL is there.",
        answers={200: _SCRIPT},
        id="get_mjx_exchange_deployment_exchange_setup",
    )
    def _setup(self, request: Request, deployment_id: int) -> ResponseBody:
        deployment = self._store.get(tables.MJX_EXCHANGE_DEPLOYMENT, deployment_id)
        if deployment is None:
            raise NotFound(f"There is no {_NAME} {deployment_id}.")
        script = rooms_script(deployment, self._rooms(deployment))
        return _download(request, script, f"one-touch-setup-{deployment_id}.ps1")

    @described(
        "Download the script that sets Microsoft 365 up for rooms over Graph",
        "The rooms of the deployment's endpoints are in it, as they are now. It gives "
        "the application the role Application Calendars.Read for these rooms alone.",
        answers={200: _SCRIPT},
        id="get_mjx_graph_deployment_exchange_setup",
    )
    def _setup_graph(self, request: Request, deployment_id: int) -> ResponseBody:
        deployment = self._store.get(tables.MJX_GRAPH_DEPLOYMENT, deployment_id)
        if deployment is None:
            raise NotFound(f"There is no {_GRAPH_NAME} {deployment_id}.")
        script = graph_rooms_script(deployment, self._rooms(deployment))
        return _download(request, script, f"one-touch-setup-graph-{deployment_id}.ps1")

    def _rooms(self, deployment: ReadDeployment) -> Iterable[str]:
        return rooms_by_deployment(self._store).get(key_of(deployment), {})


def _download(request: Request, script: str, name: str) -> ResponseBody:
    content = windows_file(script)
    return file_response(request, content, "text/plain; charset=utf-8", name)
