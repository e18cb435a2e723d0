"""What becomes of messages on the way, for `Exchange.on_the_way`.

Each takes a message and changes it; what it is about stays.
"""

from collections.abc import Callable

from pexschedd.sandbox import bodies
from pexschedd.sandbox.model import EMPTY_BODY, Item

Alteration = Callable[[Item], object]

_WRAPPER = (
    "<p>This message is protected with Information Rights Management. "
    "Open it in a program that supports it.</p>"
)


def signed(message: Item) -> None:
    """S/MIME, signed in the clear: another class, the same text."""
    message.item_class += ".SMIME.MultipartSigned"


def encrypted(message: Item) -> None:
    """S/MIME: what it says lies in an attachment that the server cannot read."""
    message.item_class += ".SMIME"
    message.body = EMPTY_BODY


def rights_managed(message: Item) -> None:
    """Rights management: all that can be read is that it cannot be read."""
    message.body = bodies.from_html(_WRAPPER)


def plain_text(message: Item) -> None:
    """Without its formatting."""
    message.body = bodies.from_text(message.body.text)


def without_body(message: Item) -> None:
    """Nothing but the times and the people."""
    message.body = EMPTY_BODY
