"""Alterations of messages in transport, for `Exchange.on_the_way`.

Each takes a message and changes it; the meeting that it is about stays.
"""

from collections.abc import Callable

from pexschedd.sandbox.items import bodies
from pexschedd.sandbox.items.records import EMPTY_BODY, Item

Alteration = Callable[[Item], object]

_WRAPPER = (
    "<p>This message is protected with Information Rights Management. "
    "Open it in a program that supports it.</p>"
)


def signed(message: Item) -> None:
    """Sign with S/MIME in the clear: another class, the same text."""
    message.item_class += ".SMIME.MultipartSigned"


def encrypted(message: Item) -> None:
    """Encrypt with S/MIME: the text lies in an attachment that the server cannot
    read."""
    message.item_class += ".SMIME"
    message.body = EMPTY_BODY


def rights_managed(message: Item) -> None:
    """Protect by rights management: only a notice of that can be read."""
    message.body = bodies.from_html(_WRAPPER)


def plain_text(message: Item) -> None:
    """Remove the formatting."""
    message.body = bodies.from_text(message.body.text)


def without_body(message: Item) -> None:
    """Remove the body."""
    message.body = EMPTY_BODY
