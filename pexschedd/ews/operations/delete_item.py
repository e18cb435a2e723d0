"""DeleteItem and MoveItem: items gone for good, or into the deleted items."""

from collections.abc import Sequence

from pexschedd.ews.envelope import ItemProblem, m, parse, request, results
from pexschedd.ews.operations.parts import DELETED_ITEMS, folder, item_ids
from pexschedd.model.meeting import MessageRef


def build_delete(mailbox: str, refs: Sequence[MessageRef]) -> bytes:
    """Build a DeleteItem that deletes items for good and tells nobody."""
    operation = m(
        "DeleteItem",
        item_ids(MessageRef(ref.item_id) for ref in refs),
        DeleteType="HardDelete",
        SendMeetingCancellations="SendToNone",
        SuppressReadReceipts="true",
    )
    return request(operation, mailbox)


def parse_delete(data: bytes, expected: int) -> list[ItemProblem | None]:
    """None for each item that was deleted."""
    return [result.problem for result in results(parse(data), expected)]


def build_discard(mailbox: str, refs: Sequence[MessageRef]) -> bytes:
    """Build a MoveItem into the deleted items."""
    operation = m(
        "MoveItem",
        m("ToFolderId", folder(DELETED_ITEMS)),
        # Without a change key: it does not matter what else happened to them.
        item_ids(MessageRef(ref.item_id) for ref in refs),
        m("ReturnNewItemIds", "false"),
    )
    return request(operation, mailbox)


def parse_discard(data: bytes, expected: int) -> list[ItemProblem | None]:
    """None for each message that was moved."""
    return [result.problem for result in results(parse(data), expected)]
