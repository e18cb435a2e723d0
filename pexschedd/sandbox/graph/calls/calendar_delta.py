"""The delta query of a calendar view: its range is fixed by the first request."""

from typing import Any

from msgspec.structs import replace

from pexschedd.sandbox.graph.calls import reading_events
from pexschedd.sandbox.graph.calls.calendar_states import CalendarState
from pexschedd.sandbox.graph.calls.graph_call import GraphCall
from pexschedd.sandbox.graph.entities import delta_tokens, events, item_ids
from pexschedd.sandbox.graph.entities.delta_tokens import DeltaToken
from pexschedd.sandbox.graph.entities.view import EntityView
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.items.records import Item

_PAGE = 10
_RANGE = ("startDateTime", "endDateTime")
_NOT_BEGUN = -1


def delta_calendar(call: GraphCall) -> GraphAnswer:
    """Give the changes in a span of the calendar since the token, or all of it."""
    token, goes_on = delta_tokens.given(call.options)
    folder = call.mailbox.folders["calendar"]
    if token is None:
        for name in ("$select", "$filter", "$orderby", "$expand"):
            if name in call.options:
                raise GraphError(
                    "ErrorInvalidUrlQuery", f"{name} is not supported in this query."
                )
        reading_events.span(call.options)
        kept = {name: call.options[name] for name in _RANGE}
        token = DeltaToken(folder.id, folder.moves, options=kept)
    if token.folder != folder.id:
        raise GraphError("SyncStateInvalid", "The sync state is another's.", 400)
    if token.moves != folder.moves:
        raise GraphError("SyncStateNotFound")
    view = call.view({})
    if call.fault == "empty-page":
        # The next page begins where this one would have begun.
        token = token if goes_on else replace(token, offset=_NOT_BEGUN)
        links = _links(call, token, more=True)
        return call.answer_list([], view, "calendarView", links)
    low, high = reading_events.span(token.options)
    items = {
        item_ids.item_id(item, immutable=True): item
        for item in reading_events.in_view(call, low, high)
    }
    before = _state(call, token)
    if not goes_on or token.offset == _NOT_BEGUN:
        token = _begin(call, token, before, items)
        before = _state(call, token)
    limit = call.page_size or _PAGE
    page = before.changes[token.offset : token.offset + limit]
    token = replace(token, offset=token.offset + len(page))
    documents = [_document(call, each, items, before, view) for each in page]
    if call.fault == "duplicates":
        documents = [each for each in documents for _ in range(2)]
    more = token.offset < len(before.changes)
    return call.answer_list(documents, view, "calendarView", _links(call, token, more))


def _begin(
    call: GraphCall, token: DeltaToken, before: CalendarState, items: dict[str, Item]
) -> DeltaToken:
    """Begin a round: note what the view is now, and what the client has to learn."""
    known = {key: events.etag(item, call.mailbox) for key, item in items.items()}
    gone = {key: before.names[key] for key in before.known if key not in known}
    changed = [key for key, tag in known.items() if before.known.get(key) != tag]
    names = {
        key: item_ids.item_id(item, immutable=False) for key, item in items.items()
    }
    state = CalendarState(known, (*changed, *gone), gone, names)
    number = call.states.keep(call.mailbox.guid, state, call.settings.generations)
    return replace(token, state=number, offset=0)


def _state(call: GraphCall, token: DeltaToken) -> CalendarState:
    if not token.state:
        return CalendarState({}, (), {}, {})
    found = call.states.find(call.mailbox.guid, token.state)
    if found is None:
        raise GraphError("SyncStateNotFound")
    return found


def _document(
    call: GraphCall,
    key: str,
    items: dict[str, Item],
    state: CalendarState,
    view: EntityView,
) -> dict[str, Any]:
    if key not in items:
        name = state.gone.get(key) or state.names[key]
        return {
            "@odata.type": "#microsoft.graph.event",
            "id": key if view.immutable else name,
            "@removed": {"reason": "deleted"},
        }
    document = events.written(items[key], call.mailbox, view)
    return {"@odata.type": "#microsoft.graph.event", **document}


def _links(call: GraphCall, token: DeltaToken, more: bool) -> dict[str, str]:
    if more:
        return {"@odata.nextLink": call.link({"$skiptoken": token.seal()})}
    return {"@odata.deltaLink": call.link({"$deltatoken": token.seal()})}
