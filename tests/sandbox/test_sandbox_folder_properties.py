"""UpdateFolder, and extended properties of folders as GetFolder gives them."""

import exchangelib as ex
import pytest
import pytest_twisted
from exchangelib.extended_properties import ExtendedProperty

from pexschedd.sandbox import Exchange
from tests.sandbox.exchangelib_support import Client, in_thread
from tests.sandbox.sandbox_support import (
    ALICE,
    EQUIPMENT,
    INBOX,
    SVC,
    CheckedSandbox,
    texts,
)

SET = "c11ff724-aa03-4555-9952-8fa248a11c3e"
URI = (
    f'<t:ExtendedFieldURI PropertySetId="{SET}" PropertyName="owner" '
    'PropertyType="String"/>'
)
NAME = '<t:FieldURI FieldURI="folder:DisplayName"/>'


def set_field(value: str = "node-1", uri: str = URI, inside: str = URI) -> str:
    return (
        f"<t:SetFolderField>{uri}<t:Folder><t:ExtendedProperty>{inside}"
        f"<t:Value>{value}</t:Value></t:ExtendedProperty></t:Folder></t:SetFolderField>"
    )


def update(updates: str, folder: str = INBOX) -> str:
    return (
        f"<m:UpdateFolder><m:FolderChanges><t:FolderChange>{folder}<t:Updates>{updates}"
        "</t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"
    )


def shape(uri: str = URI) -> str:
    return (
        "<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
        f"{uri}</t:AdditionalProperties></m:FolderShape>"
    )


def get_folder(uri: str = URI) -> str:
    return f"<m:GetFolder>{shape(uri)}<m:FolderIds>{INBOX}</m:FolderIds></m:GetFolder>"


def owner(sandbox: CheckedSandbox, uri: str = URI) -> list[str]:
    answer = sandbox.ask(SVC, get_folder(uri), acting_as=EQUIPMENT)
    return texts(answer, ".//t:ExtendedProperty/t:Value")


def test_a_property_is_set_changed_and_deleted(sandbox: CheckedSandbox) -> None:
    """GetFolder and FindFolder give what was set last, nothing before and after."""
    assert owner(sandbox) == []
    for name in ("node-1", "node-2"):
        answer = sandbox.ask(SVC, update(set_field(name)), acting_as=EQUIPMENT)
        assert len(answer.findall(".//{*}FolderId")) == 1
        assert owner(sandbox) == [name]
    find = (
        f'<m:FindFolder Traversal="Shallow">{shape()}<m:ParentFolderIds>'
        '<t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderIds>'
        "</m:FindFolder>"
    )
    answer = sandbox.ask(SVC, find, acting_as=EQUIPMENT)
    assert texts(answer, ".//t:ExtendedProperty/t:Value") == ["node-2"]
    delete = f"<t:DeleteFolderField>{URI}</t:DeleteFolderField>"
    for _ in range(2):
        codes = sandbox.codes(SVC, update(delete), acting_as=EQUIPMENT)
        assert codes == ["NoError"]
    assert owner(sandbox) == []


def test_names_and_sets_are_kept_apart(sandbox: CheckedSandbox) -> None:
    """Another name or another set is another property; another mailbox too."""
    sandbox.ask(SVC, update(set_field()), acting_as=EQUIPMENT)
    assert owner(sandbox, URI.replace("owner", "other")) == []
    assert owner(sandbox, URI.replace("c11", "c12")) == []
    answer = sandbox.ask(ALICE, get_folder())
    assert texts(answer, ".//t:ExtendedProperty/t:Value") == []


def test_the_change_key_rises(sandbox: CheckedSandbox) -> None:
    """With each change of the folder; items do not sync because of it."""
    folder = sandbox.exchange.mailbox(ALICE).folders["inbox"]
    mailbox = sandbox.exchange.mailbox(ALICE)
    keys = {mailbox.folder_change_key(folder)}
    for name in "ab":
        sandbox.ask(ALICE, update(set_field(name)))
        keys.add(mailbox.folder_change_key(folder))
    assert len(keys) == 3
    assert not folder.log


def test_properties_survive_a_snapshot(sandbox: CheckedSandbox) -> None:
    """As everything else in a mailbox."""
    sandbox.ask(ALICE, update(set_field("kept")))
    restored = Exchange.restore(sandbox.exchange.snapshot(), now=sandbox.exchange.now)
    assert list(restored.mailbox(ALICE).folders["inbox"].extended.values()) == ["kept"]


@pytest.mark.parametrize(
    ("updates", "code"),
    [
        (set_field(inside=URI.replace("owner", "x")), "ErrorUpdatePropertyMismatch"),
        (
            f"<t:DeleteFolderField>{NAME}</t:DeleteFolderField>",
            "ErrorInvalidPropertySet",
        ),
        (
            f"<t:SetFolderField>{URI}<t:Folder/></t:SetFolderField>",
            "ErrorIncorrectUpdatePropertyCount",
        ),
        (
            set_field("x", *[URI.replace('"String"', '"Integer"')] * 2),
            "ErrorInvalidExtendedPropertyValue",
        ),
        (
            set_field().replace("SetFolderField", "AppendToFolderField"),
            "ErrorInvalidPropertyAppend",
        ),
    ],
)
def test_what_cannot_be_set(sandbox: CheckedSandbox, updates: str, code: str) -> None:
    """An error says why, and nothing is changed."""
    assert sandbox.codes(ALICE, update(set_field("good") + updates)) == [code]
    assert not sandbox.exchange.mailbox(ALICE).folders["inbox"].extended


def test_a_folder_id_needs_its_change_key(sandbox: CheckedSandbox) -> None:
    """An old one will do: there is no conflict between writers."""
    mailbox = sandbox.exchange.mailbox(ALICE)
    folder = mailbox.folders["inbox"]
    bare = f'<t:FolderId Id="{folder.id}"/>'
    codes = sandbox.codes(ALICE, update(set_field(), bare))
    assert codes == ["ErrorChangeKeyRequiredForWriteOperations"]
    key = mailbox.folder_change_key(folder)
    named = f'<t:FolderId Id="{folder.id}" ChangeKey="{key}"/>'
    for _ in range(2):
        assert sandbox.codes(ALICE, update(set_field(), named)) == ["NoError"]
    assert sandbox.fault(ALICE, update("")) == "ErrorSchemaValidation"


class Owner(ExtendedProperty):  # type: ignore[misc]  # exchangelib has no types
    property_set_id = SET
    property_name = "owner"
    property_type = "String"


@pytest_twisted.ensureDeferred
async def test_exchangelib_marks_a_folder(served: str) -> None:
    """Its own way to set a property of a folder, and to read it again."""

    def work(client: Client) -> tuple[str, str]:
        ex.Folder.register("owner_stamp", Owner)
        try:
            inbox = client.account(ALICE).inbox
            inbox.owner_stamp = "node-7"
            inbox.save(update_fields=["owner_stamp"])
            again: ex.folders.Inbox = client.account(ALICE).inbox
            again.refresh()
            return inbox.owner_stamp, again.owner_stamp
        finally:
            ex.Folder.deregister("owner_stamp")

    assert await in_thread(served, work) == ("node-7", "node-7")
