"""The mail folders that concern us, and the owner's stamp at one of them.

Folders have one id each, which is not immutable: it may change when Exchange moves the
mailbox. They are addressed by their well-known names.
"""

import msgspec

from pexschedd.exchange.owner_stamp import PROPERTY_NAME, PROPERTY_SET
from pexschedd.graph.client import GraphClient, ignore_body
from pexschedd.graph.folder_changes import decoded_object, read_id
from pexschedd.graph.problems import GraphProblem
from pexschedd.graph.requests import ApiRequest, user_path

INBOX, DELETED_ITEMS = "inbox", "deleteditems"

_STAMP = f"String {{{PROPERTY_SET}}} Name {PROPERTY_NAME}"


class FolderIds(msgspec.Struct, frozen=True):
    """The ids by which messages name the folder that they lie in."""

    inbox: str
    deleted: str


async def open_folder(client: GraphClient, name: str) -> str:
    """Return the id of a folder. Raises `MailboxError` if it cannot be opened."""
    request = ApiRequest(
        name="mailFolders",
        method="GET",
        path=user_path(client.target.mailbox, "mailFolders", name, select="id"),
    )
    found = await client.read(request, parse_folder_id)
    if isinstance(found, GraphProblem):
        raise client.error_for(found)
    return found


async def folder_ids(client: GraphClient) -> FolderIds:
    """Return the ids of both folders. Raises `MailboxError`."""
    return FolderIds(
        await open_folder(client, INBOX), await open_folder(client, DELETED_ITEMS)
    )


def parse_folder_id(data: bytes) -> str:
    """Read the id of a folder. Raises `ValueError`."""
    found = read_id(decoded_object(data))
    if not found:
        raise ValueError("a folder has no id")
    return found


async def read_stamp(client: GraphClient) -> str:
    """Return the text that any installation left at the inbox last; "" if there is
    none. Raises `MailboxError`."""
    path = user_path(
        client.target.mailbox,
        *("mailFolders", INBOX),
        select="id",
        expand=f"singleValueExtendedProperties($filter=id eq '{_STAMP}')",
    )
    request = ApiRequest(name="mailFolders", method="GET", path=path)
    found = await client.read(request, parse_stamp)
    if isinstance(found, GraphProblem):
        raise client.error_for(found)
    return found


def parse_stamp(data: bytes) -> str:
    """Read the one property that was asked for; "" if there is none."""
    properties = decoded_object(data).get("singleValueExtendedProperties")
    for each in properties if isinstance(properties, list) else ():
        value = each.get("value") if isinstance(each, dict) else None
        if isinstance(value, str):
            return value
    return ""


async def write_stamp(client: GraphClient, text: str) -> None:
    """Leave a text at the inbox, in a property that no mail program shows.

    Raises `MailboxError`. Source: Graph's "Create single-value extended property",
    which names mail folders, and Mail.ReadWrite for them.
    """
    request = ApiRequest(
        name="mailFolders/update",
        method="PATCH",
        path=user_path(client.target.mailbox, "mailFolders", INBOX),
        body={"singleValueExtendedProperties": [{"id": _STAMP, "value": text}]},
    )
    found = await client.write(request, ignore_body)
    if isinstance(found, GraphProblem):
        raise client.error_for(found)
