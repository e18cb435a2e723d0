"""The delta query of a folder's messages."""

from bisect import bisect_right
from typing import Any

from msgspec.structs import replace

from pexschedd.sandbox.graph.calls import reading_messages
from pexschedd.sandbox.graph.calls.graph_call import MESSAGE_KINDS, GraphCall
from pexschedd.sandbox.graph.entities import delta_tokens, item_ids
from pexschedd.sandbox.graph.entities.delta_tokens import DeltaToken
from pexschedd.sandbox.graph.entities.view import EntityView
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata import filters
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.mailboxes.mailbox import LogEntry, MailboxChange, MailboxFolder

_KEPT = ("$select", "$expand", "$filter", "changeType")
_PAGE = 10


def delta_messages(call: GraphCall) -> GraphAnswer:
    """Give the changes in a folder since the token, or all its messages."""
    folder = call.folder_named(call.parameters["folder"])
    token = _token(call, folder)
    view = call.view(token.options)
    reading_messages.check_selected(view, silent=True)
    chosen = _filter(token.options.get("$filter"))
    limit = call.page_size or _PAGE
    if call.fault == "empty-page":
        return _page(call, view, [], token, more=True)
    found: list[dict[str, Any]] = []
    log, start = folder.log, token
    index = bisect_right(log, token.at, key=lambda entry: entry.number)
    while index < len(log) and len(found) < limit:
        entry = log[index]
        document = _change(call, folder, entry, start, view, chosen)
        if document is not None:
            found.append(document)
        token = replace(token, at=entry.number)
        index += 1
    more = any(
        _change(call, folder, entry, token, view, chosen) is not None
        for entry in log[index:]
    )
    if call.fault == "duplicates":
        found = [each for each in found for _ in range(2)]
    return _page(call, view, found, token, more=more)


def _token(call: GraphCall, folder: MailboxFolder) -> DeltaToken:
    token, goes_on = delta_tokens.given(call.options)
    if token is None:
        options = {k: v for k, v in call.options.items() if k in _KEPT}
        wanted = options.get("changeType", "created")
        if wanted not in ("created", "updated", "deleted"):
            raise GraphError("BadRequest", f"changeType: '{wanted}' is not valid.")
        return DeltaToken(folder.id, folder.moves, options=options)
    if token.folder != folder.id:
        raise GraphError("SyncStateInvalid", "The sync state is another folder's.", 400)
    if token.moves != folder.moves:
        raise GraphError("SyncStateNotFound")
    return token if goes_on else replace(token, base=token.at)


def _filter(text: str | None) -> filters.ODataFilter | None:
    if text is None:
        return None
    chosen = filters.parse(text)
    if {path.casefold() for path in chosen.paths} != {"receiveddatetime"}:
        raise GraphError(
            "ErrorInvalidUrlQuery",
            "Only receivedDateTime may be filtered by in change tracking.",
        )
    return chosen


def _change(
    call: GraphCall,
    folder: MailboxFolder,
    entry: LogEntry,
    token: DeltaToken,
    view: EntityView,
    chosen: filters.ODataFilter | None,
) -> dict[str, Any] | None:
    """Return what a line of the log says to the client; None if it says nothing."""
    if not folder.is_current(entry):
        return None
    wanted = token.options.get("changeType")
    if entry.event is MailboxChange.GONE:
        if entry.entered > token.at or wanted not in (None, "deleted"):
            return None
        gone = item_ids.default_id(entry.item)
        if view.immutable:
            gone = item_ids.immutable_id(call.mailbox.guid, entry.birth)
        return {
            "@odata.type": "#microsoft.graph.message",
            "id": gone,
            "@removed": {"reason": "deleted"},
        }
    item = folder.items[entry.item]
    if item.kind not in MESSAGE_KINDS:
        return None
    created = item.entered > token.base
    if wanted is not None and wanted != ("created" if created else "updated"):
        return None
    document = call.write_message(item, view)
    if chosen is not None and not chosen.holds(call.write_message(item, EntityView())):
        return None
    if entry.event is MailboxChange.READ:
        if item.change > entry.number:
            return None
        kept = ("@odata.type", "@odata.etag", "id", "isRead")
        return {name: document[name] for name in kept if name in document}
    return document


def _page(
    call: GraphCall,
    view: EntityView,
    found: list[dict[str, Any]],
    token: DeltaToken,
    *,
    more: bool,
) -> GraphAnswer:
    if more:
        links = {"@odata.nextLink": call.link({"$skiptoken": token.seal()})}
    else:
        links = {"@odata.deltaLink": call.link({"$deltatoken": token.seal()})}
    return call.answer_list(found, view, "mailFolders/messages", links)
