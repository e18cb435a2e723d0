"""Unsubscribe: end a subscription before the server forgets it by itself."""

from pexschedd.ews.envelope import m, only_result, parse, request


def build_unsubscribe(mailbox: str, subscription: str) -> bytes:
    return request(m("Unsubscribe", m("SubscriptionId", subscription)), mailbox)


def parse_unsubscribe(data: bytes) -> None:
    only_result(parse(data))
