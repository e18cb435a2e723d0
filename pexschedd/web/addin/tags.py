"""The add-in's question whose the tags in a meeting's body are.

    POST <prefix>/<connector id>/meeting_tags, with the user's token in a header `token`
    {"tags": ["PXPS:-<uuid>#", ...], "item_id": "AAMk..." | null, "saved": bool | null,
     "start": "2026-12-01T09:00:00Z" | null, "end": ... | null}

    {"status": "success", "result": {
        "tags": {"PXPS:-<uuid>#": {"state": "this", "certain": true}},
        "room_addresses": {"name": "...", "addresses": ["..."]}}}

`room_addresses` is left out where Exchange has not told them.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from twisted.web.server import Request

from pexschedd.scheduling.tag_status import TagQuestion, TagStatuses
from pexschedd.web.addin.callers import (
    FindConnector,
    VerifyToken,
    require_connector,
    success,
    token_of,
)
from pexschedd.web.addin.rates import RequestRates
from pexschedd.web.addin.room_addresses import FindAddresses, add_addresses
from pexschedd.web.json_body import read_json
from pexschedd.web.routes import (
    BadRequest,
    ResponseBody,
    client_network,
    correlation_id_of,
    new_app,
    register_http_errors,
    route,
)

MOST_TAGS = 10

_ITEM_ID = re.compile(r"[0-9A-Za-z+/]{1,2000}={0,3}\Z")
_EWS_ALPHABET = str.maketrans("-_", "/+")


class TagsBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a question, bounded."""

    tags: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=100)]],
        Meta(min_length=1, max_length=MOST_TAGS),
    ]
    item_id: Annotated[str, Meta(max_length=2000)] | None = None
    saved: bool | None = None
    start: datetime | None = None
    end: datetime | None = None


class TagRoutes:
    """Answers `meeting_tags`. `app.resource()` is a group of `AddinRouteGroups`."""

    app = new_app()
    register_http_errors(app)

    def __init__(
        self,
        connectors: FindConnector,
        verify: VerifyToken,
        statuses: TagStatuses,
        room_addresses: FindAddresses,
        rates: RequestRates,
    ) -> None:
        self._connectors = connectors
        self._verify = verify
        self._statuses = statuses
        self._room_addresses = room_addresses
        self._rates = rates

    @route(app, "/<int:connector_id>/meeting_tags", methods=("POST",))
    async def meeting_tags(self, request: Request, connector_id: int) -> ResponseBody:
        """Answer whose the tags are, for the user whose token the request carries."""
        connector = require_connector(self._connectors, connector_id)
        user = await self._verify(connector, token_of(request))
        self._rates.count(user=user.user_id, address=client_network(request))
        statuses = await self._statuses.answer(
            connector,
            user.user_id,
            question_of(read_json(request, TagsBody)),
            correlation_id=correlation_id_of(request),
        )
        result: dict[str, Any] = {"tags": statuses}
        add_addresses(result, self._room_addresses(connector))
        return success(request, result)


def question_of(body: TagsBody) -> TagQuestion:
    """Return the question that a body asks; raises `BadRequest`."""
    return TagQuestion(
        tags=tuple(dict.fromkeys(body.tags)),
        item_id=_ews_id(body.item_id or ""),
        is_new=body.saved is False,
        start=_utc("start", body.start),
        end=_utc("end", body.end),
    )


def _ews_id(text: str) -> str:
    """Return an item's id as EWS has it.

    Some Outlooks name it as REST does, with the two characters that an address cannot
    hold replaced (Office.js, `convertToEwsId`).
    """
    id = text.translate(_EWS_ALPHABET)
    if id and not _ITEM_ID.match(id):
        raise BadRequest(
            "item_id is not the id of an Exchange item: it would consist of letters, "
            "digits and + / = only."
        )
    return id


def _utc(field: str, moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise BadRequest(f"{field} has no time zone: end it with Z, or an offset.")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise BadRequest(f"{field} is no time that a calendar has.") from None
