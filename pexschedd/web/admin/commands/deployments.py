"""Checking a deployment of One-Touch Join, and setting Exchange up for its rooms. Under
`/api/admin/`:

POST command/v1/mjx_exchange_deployment/<id>/check/    examines it, and answers then
GET  configuration/v1/mjx_exchange_deployment/<id>/exchange_setup/   PowerShell
"""

from collections.abc import Awaitable, Callable

from twisted.web.server import Request

from pexschedd.doctor.rooms.examination import DeploymentReport
from pexschedd.doctor.setup.rooms import rooms_script
from pexschedd.errors import NotFound
from pexschedd.management.resource import PREFIX
from pexschedd.model import tables
from pexschedd.onetouch.configuration import rooms_by_deployment
from pexschedd.store.store import Store
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.doctor import windows_file
from pexschedd.web.admin.openapi.operation import ApiAnswer, described
from pexschedd.web.routes import ResponseBody, file_response, json_response

_NAME = tables.MJX_EXCHANGE_DEPLOYMENT.name
_CHECK = f"{PREFIX}/command/v1/{_NAME}/<int:deployment_id>/check/"
_SETUP = f"{PREFIX}/configuration/v1/{_NAME}/<int:deployment_id>/exchange_setup/"

Examine = Callable[[int], Awaitable[DeploymentReport]]
"""See `doctor.rooms.examination.RoomsDoctor.examine`."""


class RoomsDoctorRoutes:
    """The routes of a deployment's doctor and set-up script."""

    def __init__(self, store: Store, examine: Examine) -> None:
        self._store = store
        self._examine = examine

    def add_to(self, api: AdminApi) -> None:
        """Add the routes of the module's docstring."""
        api.add(_CHECK, post=self._check)
        api.add(_SETUP, get=self._setup)

    @described(
        "Examine a deployment of One-Touch Join",
        "The examination is finished when the answer comes: it may take a minute.",
        answers={200: ApiAnswer("What was found.", DeploymentReport)},
        id="check_mjx_exchange_deployment",
    )
    async def _check(self, request: Request, deployment_id: int) -> ResponseBody:
        return json_response(request, await self._examine(deployment_id))

    @described(
        "Download the script that sets Exchange up for rooms",
        "The rooms of the deployment's endpoints are in it, as they are now. It is for "
        "Exchange on-premises, or for Microsoft 365 if an application reads the rooms "
        "(APP_PERM) or the EWS URL is there.",
        answers={
            200: ApiAnswer(
                "The script, for PowerShell.",
                {"type": "string"},
                "text/plain",
                headers=("Content-Disposition",),
            )
        },
        id="get_mjx_exchange_deployment_exchange_setup",
    )
    def _setup(self, request: Request, deployment_id: int) -> ResponseBody:
        deployment = self._store.get(tables.MJX_EXCHANGE_DEPLOYMENT, deployment_id)
        if deployment is None:
            raise NotFound(f"There is no {_NAME} {deployment_id}.")
        rooms = rooms_by_deployment(self._store).get(deployment_id, {})
        content = windows_file(rooms_script(deployment, rooms))
        name = f"one-touch-setup-{deployment_id}.ps1"
        return file_response(request, content, "text/plain; charset=utf-8", name)
