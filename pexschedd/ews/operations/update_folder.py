"""GetFolder and UpdateFolder: a text that is kept at the inbox, as an extended property
of our own that no mail program shows."""

from pexschedd.ews.envelope import (
    Element,
    child,
    children,
    m,
    only_result,
    parse,
    request,
    t,
    text,
)
from pexschedd.ews.operations.parts import INBOX, folder
from pexschedd.exchange.owner_stamp import PROPERTY_NAME, PROPERTY_SET


def _property() -> Element:
    return t(
        "ExtendedFieldURI",
        PropertySetId=PROPERTY_SET,
        PropertyName=PROPERTY_NAME,
        PropertyType="String",
    )


def build_get_stamp(mailbox: str) -> bytes:
    """Build a GetFolder for the owner's stamp on the inbox."""
    operation = m(
        "GetFolder",
        m(
            "FolderShape",
            t("BaseShape", "IdOnly"),
            t("AdditionalProperties", _property()),
        ),
        m("FolderIds", folder(INBOX)),
    )
    return request(operation, mailbox)


def parse_stamp(data: bytes) -> str:
    """The text; empty if there is none."""
    result = only_result(parse(data))
    for found in children(child(result, "Folders")):
        for each in children(found, "ExtendedProperty"):
            uri = child(each, "ExtendedFieldURI")
            if uri is not None and uri.get("PropertyName") == PROPERTY_NAME:
                return text(each, "Value")
    return ""


def build_set_stamp(mailbox: str, stamp: str) -> bytes:
    """Build an UpdateFolder that sets the owner's stamp on the inbox."""
    changed = t("Folder", t("ExtendedProperty", _property(), t("Value", stamp)))
    field = t("SetFolderField", _property(), changed)
    operation = m(
        "UpdateFolder",
        m("FolderChanges", t("FolderChange", folder(INBOX), t("Updates", field))),
    )
    return request(operation, mailbox)


def parse_set_stamp(data: bytes) -> None:
    """Check that the stamp was written; raise the server's error otherwise."""
    only_result(parse(data))
