"""SyncFolderItems: what changed in the inbox since last time."""

import msgspec

from pexschedd.ews.envelope import (
    NotSoap,
    child,
    children,
    local_name,
    m,
    only_result,
    parse,
    request,
    text,
)
from pexschedd.ews.operations.item_parts import ItemReader
from pexschedd.ews.operations.parts import (
    CLEAN_GLOBAL_ID,
    INBOX,
    folder,
    item_shape,
    read_ref,
)
from pexschedd.exchange.global_ids import canonical_uid
from pexschedd.model.meeting import MessageRef

MAX_CHANGES = 512
"""The schema's largest page."""


class SyncPage(msgspec.Struct, frozen=True):
    """One page of changes, and the state to ask from next time."""

    arrived: tuple[MessageRef, ...]
    """New and changed items, each once, as the server lists them: newest first."""
    state: str
    """The state at which the next page begins."""
    last: bool


def build_sync(mailbox: str, state: str, most: int = MAX_CHANGES) -> bytes:
    """An empty state asks from the beginning."""
    operation = m(
        "SyncFolderItems",
        item_shape(named=[CLEAN_GLOBAL_ID]),
        m("SyncFolderId", folder(INBOX)),
        *([m("SyncState", state)] if state else []),
        m("MaxChangesReturned", str(most)),
        m("SyncScope", "NormalItems"),
    )
    return request(operation, mailbox)


def parse_sync(data: bytes) -> SyncPage:
    """Read a page of changes; raises `NotSoap` if it has no usable state."""
    result = only_result(parse(data))
    state = text(result, "SyncState")
    last = text(result, "IncludesLastItemInRange").strip()
    if not state or last not in ("true", "false", "1", "0"):
        raise NotSoap("the synchronisation answer has no state")
    arrived: dict[str, MessageRef] = {}
    for change in children(child(result, "Changes")):
        if local_name(change) not in ("Create", "Update"):
            continue
        for item in change:
            ref = read_ref(item)
            if ref is not None:
                uid = canonical_uid(ItemReader(item).binary(CLEAN_GLOBAL_ID))
                arrived[ref.item_id] = msgspec.structs.replace(ref, uid=uid)
    return SyncPage(tuple(arrived.values()), state, last in ("true", "1"))
