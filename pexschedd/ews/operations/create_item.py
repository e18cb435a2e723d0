"""CreateItem: answers to meeting messages, several in one request."""

from collections.abc import Sequence

from pexschedd.ews.envelope import Element, ItemProblem, m, parse, request, results, t
from pexschedd.ews.operations.parts import item_id
from pexschedd.scheduling.ports.mailbox import Action, Answer

_ELEMENTS = {
    Action.ACCEPT: "AcceptItem",
    Action.DECLINE: "DeclineItem",
    Action.REMOVE: "RemoveItem",
    Action.REPLY: "ReplyToItem",
}


def build_answers(mailbox: str, answers: Sequence[Answer]) -> bytes:
    """Build accepts, declines, replies and removals, in this order, without copies.

    A disposition is required as soon as something is sent; a removal sends nothing
    and is made without one when it is alone.
    """
    operation = m("CreateItem", m("Items", *map(_answer, answers)))
    if any(answer.action is not Action.REMOVE for answer in answers):
        operation.set("MessageDisposition", "SendOnly")
    return request(operation, mailbox)


def _answer(answer: Answer) -> Element:
    reference = item_id(answer.ref, "ReferenceItemId")
    name = _ELEMENTS[answer.action]
    if answer.action is Action.REPLY:
        content = t("NewBodyContent", answer.body, BodyType="HTML")
        return t(name, reference, content)
    if answer.body and answer.action is not Action.REMOVE:
        return t(name, t("Body", answer.body, BodyType="HTML"), reference)
    return t(name, reference)


def parse_answers(data: bytes, expected: int) -> list[ItemProblem | None]:
    """None for each answer that was taken.

    The items in a result are ignored: there may be none or several, of any type.
    """
    return [result.problem for result in results(parse(data), expected)]
