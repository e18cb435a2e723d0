"""A check of one endpoint of One-Touch Join. Under `/api/admin/`:

POST command/v1/mjx_endpoint/check/   {"mjx_endpoint": …}

It visits a Cisco endpoint, or a device through Webex, now, sends it its meetings, and
answers what is wrong.
"""

import msgspec
from twisted.web.server import Request

from pexschedd.errors import InvalidFields
from pexschedd.management.admin_log import note
from pexschedd.management.references import parse_reference
from pexschedd.management.resource import PREFIX, uri_of
from pexschedd.onetouch.endpoint_checks import EndpointCheck, EndpointChecks
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import ApiAnswer, RequestBody, described
from pexschedd.web.admin.request_keys import refuse_request_key
from pexschedd.web.json_body import read_json
from pexschedd.web.routes import ResponseBody, json_response

COMMAND = f"{PREFIX}/command/v1/mjx_endpoint/check/"


class EndpointToCheck(msgspec.Struct, forbid_unknown_fields=True):
    """The endpoint that is to be checked."""

    mjx_endpoint: str | int | float
    """Its address in the management API, or its id."""


_REFERENCE = {
    "anyOf": [
        {
            "type": "string",
            "pattern": rf"^({uri_of('mjx_endpoint', 0)[:-2]})?[1-9][0-9]{{0,17}}/?$",
        },
        {"type": "integer", "minimum": 1},
    ],
    "description": "Its address in the management API, or its id.",
}
_BODY = {
    "type": "object",
    "properties": {"mjx_endpoint": _REFERENCE},
    "required": ["mjx_endpoint"],
    "additionalProperties": False,
}


class EndpointCheckRoutes:
    """The route of the module's docstring."""

    def __init__(self, checks: EndpointChecks) -> None:
        self._checks = checks

    def add_to(self, api: AdminApi) -> None:
        """Add the route of the module's docstring."""
        api.add(COMMAND, post=self._check)

    @described(
        "Check an endpoint that is sent its meetings",
        "Visits it now, whatever happened before, and sends it its meetings. The check "
        "is finished when the answer comes: it may take a minute.",
        answers={200: ApiAnswer("What was found.", EndpointCheck)},
        errors=(409,),
        body=RequestBody(_BODY),
        id="check_mjx_endpoint",
    )
    async def _check(self, request: Request) -> ResponseBody:
        refuse_request_key(request)
        with invalid_fields_of("check"):
            sent = read_json(request, EndpointToCheck)
            endpoint_id = _id_of(sent.mjx_endpoint)
            found = await self._checks.check(endpoint_id)
        note(
            "endpoint checked id={id} is_ok={is_ok} kind={kind}",
            id=endpoint_id,
            is_ok=found.is_ok,
            kind=found.problem_kind,
        )
        return json_response(request, found)


def _id_of(value: str | float) -> int:
    try:
        return parse_reference("mjx_endpoint", value)
    except ValueError as error:
        raise InvalidFields({"mjx_endpoint": [str(error)]}) from None
