"""GetFolder: proof that a folder can be opened."""

from pexschedd.ews.envelope import Sid, m, only_result, parse, request, t
from pexschedd.ews.operations.parts import INBOX, folder


def build_get_folder(mailbox: str, name: str = INBOX, sid: Sid = Sid.PRIMARY) -> bytes:
    """Build a GetFolder that asks for a folder's id only."""
    operation = m(
        "GetFolder",
        m("FolderShape", t("BaseShape", "IdOnly")),
        m("FolderIds", folder(name)),
    )
    return request(operation, mailbox, sid)


def parse_get_folder(data: bytes) -> None:
    """Check that the folder was opened; raise the server's error otherwise."""
    only_result(parse(data))
