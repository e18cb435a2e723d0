"""The aliases of a room in the three groups that templates know. Pure."""

from collections.abc import Iterable

import msgspec

from pexschedd.model.conference import ConferenceAlias


class AliasGroups(msgspec.Struct, frozen=True):
    """A room's aliases; each list is in the order in which administrators put them."""

    domain: tuple[str, ...]
    """`name@example.com`."""
    other: tuple[str, ...]
    """Neither with a domain nor digits alone, such as `meet.alice`."""
    numeric: tuple[str, ...]
    """Digits alone, which can be dialled from a telephone."""

    def __bool__(self) -> bool:
        return bool(self.domain or self.other or self.numeric)


def grouped(aliases: Iterable[ConferenceAlias]) -> AliasGroups:
    """Return the aliases in groups, by `view_order` and then by age.

    Those without a `view_order` come last.
    """
    domain, other, numeric = [], [], []
    for each in sorted(aliases, key=_order):
        name, _, host = each.alias.partition("@")
        if name and host and "@" not in host:
            domain.append(each.alias)
        elif each.alias.isascii() and each.alias.isdecimal():
            numeric.append(each.alias)
        else:
            other.append(each.alias)
    return AliasGroups(tuple(domain), tuple(other), tuple(numeric))


def _order(alias: ConferenceAlias) -> tuple[bool, int, int]:
    return alias.view_order is None, alias.view_order or 0, alias.id
