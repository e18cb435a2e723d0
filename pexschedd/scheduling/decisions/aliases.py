"""Alias numbers: unique, hard to guess, in the integration's form. Pure.

A room has two aliases, `<prefix><number>` and `<prefix><number>@<domain>`; the number
has as many digits as the integration's suffix length says (deployment guide,
"Management Node generates aliases and join instructions").
"""

from collections.abc import Callable

import msgspec

from pexschedd.errors import Unavailable

TRIES = 200
"""Draws before the range counts as used up. With nine tenths of it taken, two hundred
draws all fail once in a thousand million times."""


class AliasPair(msgspec.Struct, frozen=True):
    """The two aliases of a room, which share a number."""

    number: int
    numeric: str
    full: str
    """With the domain; the same as `numeric` when the integration has none."""

    @property
    def texts(self) -> tuple[str, ...]:
        """The distinct aliases, the one with the domain first."""
        return (self.full,) if self.full == self.numeric else (self.full, self.numeric)


def pair(prefix: str, digits: str, domain: str) -> AliasPair:
    """The aliases with this number; an empty domain makes them one."""
    numeric = prefix + digits
    full = f"{numeric}@{domain}" if domain else numeric
    return AliasPair(int(digits), numeric, full)


def pick(
    prefix: str,
    length: int,
    domain: str,
    *,
    digits: Callable[[int], str],
    taken: Callable[[str], bool],
) -> AliasPair:
    """A pair that is not in use.

    `digits(n)` returns n random digits from a cryptographic source. `taken` returns
    whether a room has an alias, or it was handed out before. Raises `Unavailable` when
    practically all numbers are in use.
    """
    for _ in range(TRIES):
        candidate = pair(prefix, digits(length), domain)
        if candidate.number and not any(taken(text) for text in candidate.texts):
            return candidate
    raise Unavailable(
        f"Nearly all aliases with prefix {prefix} and {length} digits are in use. "
        "Raise the integration's scheduled_alias_suffix_length or change its "
        "scheduled_alias_prefix."
    )


def normalise(text: str) -> str:
    """A dialled alias in the form in which aliases are compared.

    >>> normalise("SIP:555123456@VC.Example.com;transport=tls")
    '555123456@vc.example.com'
    """
    alias = text.strip().casefold()
    scheme, colon, rest = alias.partition(":")
    if colon and scheme in ("sip", "sips", "h323", "pexip"):
        alias = rest.removeprefix("//")
    return alias.partition(";")[0]
