"""The integrations and meetings of the soak: their names follow from numbers."""

from uuid import NAMESPACE_URL, uuid5

INTEGRATIONS = 10
ORGANIZERS = 20
FACTOR = 60.0
"""Warped seconds in a real one."""
LOOPBACK = "tcp:0:interface=127.0.0.1"
DOMAIN = "example.test"


def numbers() -> range:
    return range(1, INTEGRATIONS + 1)


def by_graph(subject: str) -> bool:
    """Return whether a meeting's equipment is reached by Microsoft Graph."""
    number = int(subject.removeprefix("Meeting "))
    return over_graph(1 + number % INTEGRATIONS)


def equipment(number: int) -> str:
    return f"equipment{number}@{DOMAIN}"


def over_graph(number: int) -> bool:
    """Return whether an integration uses Microsoft Graph."""
    return number % 2 == 0


def alias(number: int) -> str:
    return f"555{number:08}@{DOMAIN}"


def number_of(alias: str) -> int:
    return int(alias.removeprefix("555").partition("@")[0])


def tag(number: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"soak:{number}"))
