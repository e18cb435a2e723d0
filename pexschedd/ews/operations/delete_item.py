"""DeleteItem: items gone for good, without a word to anybody."""

from collections.abc import Sequence

from pexschedd.ews.envelope import ItemProblem, m, parse, request, results
from pexschedd.ews.operations.parts import item_ids
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
