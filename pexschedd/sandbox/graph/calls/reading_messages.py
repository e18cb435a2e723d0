"""Mail folders and messages: lists, and single ones; properties of folders."""

from typing import Any

from pexschedd.sandbox.graph.calls.graph_call import MESSAGE_KINDS, GraphCall
from pexschedd.sandbox.graph.entities import extended, folders, messages, mime
from pexschedd.sandbox.graph.entities.view import EntityView
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata import filters, query_options
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.items.records import Item
from pexschedd.sandbox.mailboxes.mailbox import MailboxFolder

_MOST = 1000
_PLAIN = EntityView(select=tuple(messages.PROPERTIES | messages.DERIVED))
"""The properties that filters and orders may look at."""


def list_folders(call: GraphCall) -> GraphAnswer:
    """List the mail folders."""
    view = call.view()
    found = [_folder(call.mailbox.folders[name], view) for name in folders.SHOWN]
    return call.answer_list(found, view, "mailFolders")


def get_folder(call: GraphCall) -> GraphAnswer:
    """Get one mail folder."""
    view = call.view()
    folder = call.folder_named(call.parameters["folder"])
    return call.answer_one(_folder(folder, view), view, "mailFolders")


def _folder(folder: MailboxFolder, view: EntityView) -> dict[str, Any]:
    document = query_options.pick(folders.written(folder), view.select)
    properties = extended.of_folder(folder, view)
    if properties:
        document[extended.NAME] = properties
    return document


def update_folder(call: GraphCall) -> GraphAnswer:
    """Set extended properties of a mail folder."""
    document = call.request.document()
    for name in document:
        if name != extended.NAME and "@" not in name:
            raise GraphError(
                "ErrorInvalidPropertySet", f"The property '{name}' cannot be changed."
            )
    folder = call.folder_named(call.parameters["folder"])
    if extended.NAME in document:
        properties = extended.read(document[extended.NAME])
        call.mailbox.change_folder(folder, {**folder.extended, **properties})
    return get_folder(call)


def get_message(call: GraphCall) -> GraphAnswer:
    """Get one message."""
    view = call.view()
    return call.answer_one(call.write_message(call.message(), view), view, "messages")


def get_content(call: GraphCall) -> GraphAnswer:
    """Get the MIME content of a message."""
    item = call.message()
    if call.basic:
        raise GraphError("ErrorAccessDenied")
    return GraphAnswer(raw=mime.written(item), content_type="text/plain")


def list_messages(call: GraphCall) -> GraphAnswer:
    """List the messages of a folder, or of all, newest first."""
    options = call.options
    view = call.view()
    check_selected(view)
    chosen = filters.parse(options["$filter"]) if "$filter" in options else None
    if chosen is not None and "$orderby" in options:
        _check_order(chosen.paths, options["$orderby"])
    items = _items(call)
    top = query_options.number(options, "$top", call.page_size or 10, _MOST)
    skip = query_options.number(options, "$skip", 0, 10**9)
    if chosen is not None:
        items = [item for item in items if chosen.holds(_plain(call, item, chosen))]
    if "$orderby" in options:
        items = _ordered(call, items, options["$orderby"])
    page = items[skip : skip + top]
    links: dict[str, Any] = {}
    if options.get("$count", "").lower() == "true":
        links["@odata.count"] = len(items)
    if skip + top < len(items):
        links["@odata.nextLink"] = call.link({**options, "$skip": str(skip + top)})
    documents = [call.write_message(item, view) for item in page]
    return call.answer_list(documents, view, "messages", links)


def check_selected(view: EntityView, *, silent: bool = False) -> None:
    """Refuse properties that messages do not have: those of meeting messages need a
    cast, except in delta queries, which leave them out without a word."""
    for name in view.select or ():
        plain = name.rpartition("/")[2]
        if plain in messages.PROPERTIES:
            continue
        if plain in messages.DERIVED and (silent or "/" in name):
            continue
        raise query_options.parse_error(
            f"Could not find a property named '{plain}' on type "
            "'Microsoft.OutlookServices.Message'."
        )


def _items(call: GraphCall) -> list[Item]:
    folder = call.folder()
    searched = [call.mailbox.folders[name] for name in folders.SHOWN]
    if folder is not None:
        searched = [folder]
    found = [
        item
        for each in searched
        for item in reversed(each.items.values())
        if item.kind in MESSAGE_KINDS
    ]
    return sorted(found, key=lambda item: item.received, reverse=True)


def _plain(
    call: GraphCall, item: Item, chosen: filters.ODataFilter | None = None
) -> dict[str, Any]:
    """Return a message with what filters and orders may look at."""
    document = messages.written(item, call.mailbox, _PLAIN, basic=call.basic)
    if chosen is not None and chosen.extended:
        values = extended.written(item, call.mailbox, chosen.extended)
        asked = {extended.read_id(each)[1]: each for each in chosen.extended}
        document[extended.NAME] = [
            {**each, "id": asked.get(each["id"], each["id"])} for each in values
        ]
    return document


def _ordered(call: GraphCall, items: list[Item], text: str) -> list[Item]:
    documents = [
        {**_plain(call, item), "@number": number} for number, item in enumerate(items)
    ]
    found = query_options.ordered(documents, text)
    return [items[each["@number"]] for each in found]


def _check_order(paths: list[str], order: str) -> None:
    """Properties of $orderby must come first in $filter, in the same order."""
    wanted = [part.split()[0].casefold() for part in query_options.split(order)]
    have: list[str] = []
    for path in paths:
        if path.casefold() not in have:
            have.append(path.casefold())
    if have[: len(wanted)] != wanted:
        raise GraphError(
            "InefficientFilter",
            "The restriction or sort order is too complex for this operation.",
        )
