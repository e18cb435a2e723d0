"""GetItem."""

from collections.abc import Callable

from pexschedd.sandbox import markup
from pexschedd.sandbox.markup import Element
from pexschedd.sandbox.operations.call import OperationCall, no_items
from pexschedd.sandbox.properties.response_shape import ResponseShape


def get_item(call: OperationCall) -> Element:
    """GetItem: the properties of items."""
    markup.in_order(call.element, ("ItemShape", "ItemIds"))
    shape = ResponseShape.read(markup.need_m(call.element, "ItemShape"))
    wanted = markup.need_m(call.element, "ItemIds")

    def job(element: Element) -> Callable[[Element], None]:
        def write(good: Element) -> None:
            mailbox, item = call.item(element)
            shape.write(markup.m(good, "Items"), item, mailbox)

        return write

    return call.answer([job(element) for element in wanted], no_items)
