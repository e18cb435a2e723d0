"""GetFolder, FindFolder and GetUserConfiguration, in memory."""

import pytest

from tests.sandbox.sandbox_support import (
    ALICE,
    BOB,
    EQUIPMENT,
    INBOX,
    NS,
    ROOM,
    SVC,
    CheckedSandbox,
    get_folder,
    text,
    texts,
)


def test_folders_answer_in_order(sandbox: CheckedSandbox) -> None:
    """One message for each id; a folder that is not there does not spoil the rest."""
    request = get_folder(
        INBOX,
        '<t:DistinguishedFolderId Id="favorites"/>',
        '<t:DistinguishedFolderId Id="calendar"/>',
    )
    assert sandbox.codes(ALICE, request) == [
        "NoError",
        "ErrorFolderNotFound",
        "NoError",
    ]


def test_folder_counters_follow_the_content(sandbox: CheckedSandbox) -> None:
    """Totals, unread, and the counter of what was deleted."""
    sandbox.exchange.send_message(ALICE, to=[BOB], subject="a")
    sandbox.exchange.send_message(ALICE, to=[BOB], subject="b")
    bob = sandbox.exchange.mailbox(BOB)
    bob.remove(bob.inbox()[0])
    tag = '<t:ExtendedFieldURI PropertyTag="0x670B" PropertyType="Integer"/>'
    answer = sandbox.ask(BOB, get_folder(INBOX, base="Default", more=tag))
    assert text(answer, ".//t:TotalCount") == "1"
    assert text(answer, ".//t:UnreadCount") == "1"
    assert text(answer, ".//t:Value") == "1"
    echoed = answer.find(".//t:ExtendedFieldURI", NS)
    assert echoed is not None
    assert echoed.get("PropertyTag") == "0x670b"


def test_folders_are_found_below_a_folder(sandbox: CheckedSandbox) -> None:
    """Shallow gives the children, Deep theirs too; all properties are allowed."""
    request = (
        '<m:FindFolder Traversal="{}"><m:FolderShape><t:BaseShape>AllProperties'
        "</t:BaseShape></m:FolderShape><m:ParentFolderIds>"
        '<t:DistinguishedFolderId Id="root"/></m:ParentFolderIds></m:FindFolder>'
    )
    shallow = texts(sandbox.ask(ALICE, request.format("Shallow")), ".//t:DisplayName")
    deep = texts(sandbox.ask(ALICE, request.format("Deep")), ".//t:DisplayName")
    assert shallow == ["Top of Information Store", "Recoverable Items"]
    assert {"Inbox", "Calendar", "Deletions"} < set(deep)


@pytest.mark.parametrize(
    ("who", "number"), [(EQUIPMENT, "0"), (ALICE, "1"), (ROOM, "2")]
)
def test_how_a_mailbox_processes(
    sandbox: CheckedSandbox, who: str, number: str
) -> None:
    """The calendar's configuration says; no other folder has such a thing."""
    request = (
        '<m:GetUserConfiguration><m:UserConfigurationName Name="Calendar">'
        '<t:DistinguishedFolderId Id="{}"/></m:UserConfigurationName>'
        "<m:UserConfigurationProperties>Dictionary</m:UserConfigurationProperties>"
        "</m:GetUserConfiguration>"
    )
    answer = sandbox.ask(SVC, request.format("calendar"), acting_as=who)
    assert texts(answer, ".//t:DictionaryEntry/*/*") == [
        *("String", "AutomateProcessing", "Integer32", number)
    ]
    assert sandbox.codes(SVC, request.format("inbox"), acting_as=who) == [
        "ErrorItemNotFound"
    ]
