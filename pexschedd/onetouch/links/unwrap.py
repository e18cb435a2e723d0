"""The link that a sender wrote, whatever mail filters have made of it. Pure.

Filters wrap each other's links, so this goes on until nothing is left to undo. Each
layer is undone once: percent codes of the link itself stay.
"""

from typing import NamedTuple

from pexschedd.onetouch.links.rewriters import REWRITERS
from pexschedd.onetouch.links.web_link import parse_link

MOST_LAYERS = 5


class UnwrappedLink(NamedTuple):
    """A link, and what has been undone to get it."""

    url: str
    rewritten_by: tuple[str, ...] = ()
    """The products, the outermost first."""
    opaque: str = ""
    """The reason why `url` is not the link that was written; empty if it is."""


def unwrap(url: str) -> UnwrappedLink:
    """Undo what mail filters did to a link.

    Never fails. If one of the layers cannot be undone, the link that this layer made is
    returned: what is below it is known to its product only.
    """
    products: list[str] = []
    current = url
    while True:
        link = parse_link(current)
        product = next((r for r in REWRITERS if link and r.wrote(link)), None)
        if link is None or product is None:
            return UnwrappedLink(current, tuple(products))
        if len(products) == MOST_LAYERS:
            return UnwrappedLink(
                url, opaque=f"it is rewritten more than {MOST_LAYERS} times"
            )
        target = product.undo(link)
        known = None if target is None else parse_link(target)
        if target is None or known is None or known.scheme not in ("http", "https"):
            return UnwrappedLink(
                current,
                tuple(products),
                f"{product.name} has rewritten it and keeps the target to itself",
            )
        products.append(product.name)
        current = target
