"""UpdateItem: a meeting's body, as its organizer changes it."""

from pexschedd.ews.envelope import ItemProblem, Sid, m, parse, request, results, t
from pexschedd.ews.operations.parts import item_id
from pexschedd.model.meeting import MessageRef


def build_new_body(
    mailbox: str, ref: MessageRef, body: str, body_type: str, sid: Sid
) -> bytes:
    """Nothing but the body, told to all attendees; only if the item is as `ref` has
    it. `body_type` is HTML or Text."""
    item = t("CalendarItem", t("Body", body, BodyType=body_type))
    field = t("SetItemField", t("FieldURI", FieldURI="item:Body"), item)
    operation = m(
        "UpdateItem",
        m("ItemChanges", t("ItemChange", item_id(ref), t("Updates", field))),
        ConflictResolution="NeverOverwrite",
        MessageDisposition="SaveOnly",
        SendMeetingInvitationsOrCancellations="SendToAllAndSaveCopy",
    )
    return request(operation, mailbox, sid)


def parse_new_body(data: bytes) -> ItemProblem | None:
    """None if it is done. Conflicts that the answer counts are none of ours."""
    return results(parse(data), 1)[0].problem
