"""Answers that are whole, and wrong in what they hold."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from xml.sax.saxutils import escape

from lxml import etree

from pexschedd.sandbox import markup
from pexschedd.sandbox.markup import Element

_TEXTS = ("Subject", "Body", "TextBody", "Name", "Location", "DisplayName")
_MARK = "forbidden-characters-go-here"
_FORBIDDEN = b"\x0b\x1f&#x1F;&#11;&#xFFFE;&#xD800;&#0;"
"""Characters that XML 1.0 cannot carry, as they are and as references."""


def with_forbidden_characters(answer: bytes) -> bytes:
    """Return an answer whose texts begin with characters that XML forbids, as
    Exchange passes on what senders put into their messages."""
    root = etree.fromstring(answer)
    for element in root.iter(etree.Element):
        if markup.name_of(element) in _TEXTS and not len(element) and element.text:
            element.text = _MARK + element.text
    return markup.serialise(root).replace(escape(_MARK).encode(), _FORBIDDEN)


def with_item_missing(answer: bytes) -> bytes:
    """Return an answer without its last response message."""
    return _changed(answer, lambda messages: messages.remove(messages[-1]))


def with_item_extra(answer: bytes) -> bytes:
    """Return an answer that has its last response message twice."""
    return _changed(answer, lambda messages: messages.append(deepcopy(messages[-1])))


def _changed(answer: bytes, change: Callable[[Element], object]) -> bytes:
    root = etree.fromstring(answer)
    for messages in root.iter(f"{{{markup.MESSAGES}}}ResponseMessages"):
        if len(messages):
            change(messages)
    return markup.serialise(root)


KINDS: Mapping[str, Callable[[bytes], bytes]] = {
    "forbidden-characters": with_forbidden_characters,
    "item-missing": with_item_missing,
    "item-extra": with_item_extra,
}
"""The kinds of faults that spoil an answer like this."""
