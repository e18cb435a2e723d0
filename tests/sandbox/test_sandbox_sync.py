"""Synchronisation: a client that follows the changes ends up with the folder."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pexschedd.sandbox import Item, SandboxMailbox
from pexschedd.sandbox.mailboxes import synchronisation
from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    HOUR,
    MEETING,
    NS,
    SVC,
    CheckedSandbox,
    item_shape,
    text,
)
from tests.thorough import examples


def sync_request(state: str = "", limit: int = 512, folder: str = "inbox") -> str:
    before = f"<m:SyncState>{state}</m:SyncState>" if state else ""
    shape = item_shape("IdOnly", "item:Subject", "message:IsRead")
    return (
        f"<m:SyncFolderItems>{shape}"
        f'<m:SyncFolderId><t:DistinguishedFolderId Id="{folder}"/></m:SyncFolderId>'
        f"{before}"
        f"<m:MaxChangesReturned>{limit}</m:MaxChangesReturned></m:SyncFolderItems>"
    )


class Follower:
    """A client's copy of an inbox, kept by SyncFolderItems alone."""

    def __init__(self, sandbox: CheckedSandbox, limit: int) -> None:
        self._sandbox = sandbox
        self._limit = limit
        self.state = ""
        self.known: dict[str, tuple[str, str]] = {}
        """Subject and read flag of each item."""
        self.events: list[str] = []

    def page(self) -> bool:
        """One call; True if it was the last for now."""
        answer = self._sandbox.ask(BOB, sync_request(self.state, self._limit))
        self.state = text(answer, ".//m:SyncState")
        changes = answer.find(".//m:Changes", NS)
        assert changes is not None
        assert len(changes) <= self._limit
        for change in changes:
            kind = etree.QName(change).localname
            self.events.append(kind)
            found = change.find(".//t:ItemId", NS)
            assert found is not None
            item_id = str(found.get("Id"))
            if kind == "Delete":
                self.known.pop(item_id, None)
            elif kind == "ReadFlagChange":
                subject, _ = self.known[item_id]
                self.known[item_id] = (subject, text(change, "t:IsRead"))
            else:
                subject = change.findtext(".//t:Subject", "", NS)
                self.known[item_id] = (subject, text(change, ".//t:IsRead"))
        return text(answer, ".//m:IncludesLastItemInRange") == "true"

    def catch_up(self) -> None:
        while not self.page():
            pass


def arrive(sandbox: CheckedSandbox, mailbox: SandboxMailbox, number: int) -> None:
    del mailbox
    sandbox.exchange.send_message(ALICE, to=[BOB], subject=f"m{number}")


def pick(mailbox: SandboxMailbox, number: int) -> Item | None:
    items = mailbox.items("inbox")
    return items[number % len(items)] if items else None


def rename(sandbox: CheckedSandbox, mailbox: SandboxMailbox, number: int) -> None:
    del sandbox
    if (item := pick(mailbox, number)) is not None:
        item.subject = f"renamed {number}"
        mailbox.changed(item)


def toggle(sandbox: CheckedSandbox, mailbox: SandboxMailbox, number: int) -> None:
    del sandbox
    if (item := pick(mailbox, number)) is not None:
        mailbox.mark_read(item, not item.is_read)


def leave(sandbox: CheckedSandbox, mailbox: SandboxMailbox, number: int) -> None:
    if (item := pick(mailbox, number)) is not None:
        sandbox.exchange.take_away(item)


def come_back(sandbox: CheckedSandbox, mailbox: SandboxMailbox, number: int) -> None:
    del sandbox
    items = mailbox.items("deleteditems")
    if items:
        mailbox.move(items[number % len(items)], "inbox")


ACTIONS: list[Callable[[CheckedSandbox, SandboxMailbox, int], None]] = [
    *(arrive, arrive, rename, toggle, leave, come_back)
]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from([*range(len(ACTIONS)), -1, -1]), st.integers(0, 99)),
        min_size=15,
        max_size=60,
    ),
    limit=st.integers(1, 3),
)
@settings(max_examples=examples(150))
def test_a_follower_ends_up_with_the_folder(
    steps: list[tuple[int, int]], limit: int
) -> None:
    """Whatever happens between (and within) the pages, in the end both are equal."""
    sandbox = CheckedSandbox()
    bob = sandbox.exchange.mailbox(BOB)
    follower = Follower(sandbox, limit)
    for action, number in steps:
        if action < 0:
            follower.page()
        else:
            ACTIONS[action](sandbox, bob, number)
    follower.catch_up()
    assert follower.known == {
        item.id: (item.subject, "true" if item.is_read else "false")
        for item in bob.items("inbox")
    }
    follower.events.clear()
    follower.catch_up()
    assert follower.events == []
    assert not sandbox.wrong


def test_newest_first(sandbox: CheckedSandbox) -> None:
    """The first page of a full folder holds what came last."""
    for number in range(5):
        arrive(sandbox, sandbox.exchange.mailbox(BOB), number)
    follower = Follower(sandbox, 2)
    assert not follower.page()
    assert [subject for subject, _ in follower.known.values()] == ["m4", "m3"]


def test_kinds_of_change(sandbox: CheckedSandbox) -> None:
    """Each change has its own element; what came and went is never mentioned."""
    bob = sandbox.exchange.mailbox(BOB)
    arrive(sandbox, bob, 1)
    arrive(sandbox, bob, 2)
    follower = Follower(sandbox, 512)
    follower.catch_up()
    first, second = bob.items("inbox")
    bob.mark_read(first)
    second.subject = "new"
    bob.changed(second)
    arrive(sandbox, bob, 3)
    sandbox.exchange.take_away(bob.items("inbox")[-1])
    follower.events.clear()
    follower.catch_up()
    assert follower.events == ["Update", "ReadFlagChange"]
    bob.remove(first)
    follower.events.clear()
    follower.catch_up()
    assert follower.events == ["Delete"]


@pytest.mark.parametrize("damage", ["nonsense", "cut", "other folder"])
def test_a_bad_state_is_refused(sandbox: CheckedSandbox, damage: str) -> None:
    """Neither invented, nor damaged, nor another folder's."""
    follower = Follower(sandbox, 10)
    follower.catch_up()
    state, folder = follower.state, "inbox"
    if damage == "nonsense":
        state = "H4sIAAAAAAAEAO29B2AcSZYl"
    elif damage == "cut":
        state = state[:-4]
    else:
        folder = "calendar"
    request = sync_request(state, folder=folder)
    assert sandbox.codes(BOB, request) == ["ErrorInvalidSyncStateData"]


@pytest.mark.parametrize("limit", [0, 513])
def test_the_page_size_has_bounds(sandbox: CheckedSandbox, limit: int) -> None:
    """1 to 512, as the schema says."""
    assert sandbox.fault(BOB, sync_request(limit=limit)) == "ErrorSchemaValidation"


def test_a_state_survives_a_restart(sandbox: CheckedSandbox) -> None:
    """After a restore the same state gives only what is new."""
    exchange = sandbox.exchange
    arrive(sandbox, exchange.mailbox(BOB), 1)
    follower = Follower(sandbox, 512)
    follower.catch_up()
    sandbox.exchange = type(exchange).restore(exchange.snapshot(), now=exchange.now)
    arrive(sandbox, sandbox.exchange.mailbox(BOB), 2)
    follower.events.clear()
    follower.catch_up()
    assert follower.events == ["Create"]


def test_the_log_does_not_grow_for_ever(sandbox: CheckedSandbox) -> None:
    """Lines that say nothing any more are dropped."""
    bob = sandbox.exchange.mailbox(BOB)
    arrive(sandbox, bob, 1)
    (item,) = bob.items("inbox")
    for _ in range(5000):
        bob.changed(item)
    assert len(bob.folders["inbox"].log) <= 1001
    assert (
        len(
            synchronisation.page(
                bob.folders["inbox"], synchronisation.SyncState(), 10
            ).changes
        )
        == 1
    )


def test_a_full_mailbox_stays_quick(sandbox: CheckedSandbox) -> None:
    """A page of a mailbox with thousands of messages costs what the page holds: the
    log is not walked beyond it."""
    for _ in range(3000):
        sandbox.exchange.schedule(
            ALICE,
            subject="m",
            start=MEETING,
            end=MEETING + HOUR,
            resources=[EQUIPMENT],
        )
    folder = sandbox.exchange.mailbox(EQUIPMENT).folders["inbox"]
    walked = 0

    class Counting(list[object]):
        def __reversed__(self) -> object:  # type: ignore[override]  # counts what it gives
            nonlocal walked
            for entry in list.__reversed__(self):
                walked += 1
                yield entry

    folder.log = Counting(folder.log)  # type: ignore[assignment]  # only read here
    page = synchronisation.page(folder, synchronisation.SyncState(), 50)
    assert len(page.changes) == 50
    assert walked == 51


def test_states_are_opaque(sandbox: CheckedSandbox) -> None:
    """Base64, and another one after every change."""
    follower = Follower(sandbox, 10)
    follower.catch_up()
    before = follower.state
    assert re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", before)
    arrive(sandbox, sandbox.exchange.mailbox(BOB), 1)
    follower.catch_up()
    assert follower.state != before
    assert sandbox.codes(SVC, sync_request(before), acting_as=BOB) == ["NoError"]
