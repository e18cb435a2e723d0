"""The settings of a mailbox, and the translation of ids."""

from typing import Any

from pexschedd.sandbox.graph.calls.graph_call import GraphCall
from pexschedd.sandbox.graph.entities import item_ids
from pexschedd.sandbox.graph.entities.view import EntityView
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.graph.odata.graph_request import GraphAnswer
from pexschedd.sandbox.mailboxes.accounts import Processing

_KINDS = ("ewsId", "restId", "restImmutableEntryId")
_MOST = 1000


def get_mailbox_settings(call: GraphCall) -> GraphAnswer:
    """Get the purpose, time zone and language of a mailbox."""
    processing = call.mailbox.account.processing
    purpose = {
        Processing.NONE: "equipment",
        Processing.AUTO_UPDATE: "user",
        Processing.AUTO_ACCEPT: "room",
    }[processing]
    document: dict[str, Any] = {
        "archiveFolder": None,
        "timeZone": "UTC",
        "dateFormat": "M/d/yyyy",
        "timeFormat": "h:mm tt",
        "delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
        "userPurpose": call.mailbox.account.purpose or purpose,
        "language": {"locale": "en-US", "displayName": "English (United States)"},
    }
    return call.answer_one(document, EntityView(), "mailboxSettings")


def translate_ids(call: GraphCall) -> GraphAnswer:
    """Translate ids of one kind into another."""
    document = {key.lower(): value for key, value in call.request.document().items()}
    inputs = document.get("inputids")
    source, target = document.get("sourceidtype"), document.get("targetidtype")
    if not isinstance(inputs, list) or not 0 < len(inputs) <= _MOST:
        raise GraphError("ErrorInvalidRequest", f"InputIds: 1 to {_MOST} ids.")
    lowered = {each.lower(): each for each in _KINDS}
    kinds = [lowered.get(str(kind).lower()) for kind in (source, target)]
    if None in kinds:
        raise GraphError(
            "ErrorInvalidRequest", f"Ids are one of {', '.join(_KINDS)} here."
        )
    found = [_translated(call, str(each), kinds[1] or "") for each in inputs]
    return call.answer_list(found, EntityView(), "translateExchangeIds")


def _translated(call: GraphCall, text: str, target: str) -> dict[str, Any]:
    try:
        item = item_ids.find(call.mailbox, text)
    except GraphError as error:
        details = {"code": error.code, "message": error.message}
        return {"sourceId": text, "targetId": None, "errorDetails": details}
    if target == "ewsId":
        return {"sourceId": text, "targetId": item.id}
    immutable = target == "restImmutableEntryId"
    return {
        "sourceId": text,
        "targetId": item_ids.item_id(item, immutable=immutable),
    }
