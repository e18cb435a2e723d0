"""Endpoints that tell that they have lost their meetings.

POST /feedback/<id>/<key>     the URL that was registered with one endpoint

All that it does is to have that endpoint looked at soon. What is posted is not read.
"""

import re
from collections.abc import Callable

from klein import Klein
from twisted.web.server import Request

from pexschedd.errors import NotFound
from pexschedd.web.routes import ResponseBody, register_http_errors, route

Told = Callable[[int, str], bool]
"""Has an endpoint looked at, by its id and key; returns False for another key."""

_ID = re.compile(r"[0-9]{1,15}")


class FeedbackApi:
    """The route of the module's docstring."""

    app = Klein()

    def __init__(self, told: Told) -> None:
        self._told = told

    @route(app, "/feedback/<string:id>/<string:key>", methods=["POST"])
    def feedback(self, request: Request, id: str, key: str) -> ResponseBody:
        """Have the endpoint looked at."""
        if not _ID.fullmatch(id) or not self._told(int(id), key):
            raise NotFound("There is no such address.")
        request.setResponseCode(204)
        return b""

    register_http_errors(app)
