"""Mail addresses as they are compared. Pure."""


def folded(address: str) -> str:
    """Return an address without the difference between upper and lower case.

    A letter that would become another address's by that stays as it is: the Kelvin sign
    is no K, and straße.example is not strasse.example.
    """
    if address.isascii():
        return address.lower()
    return "".join(
        char if passes_for_ascii(char) else char.casefold() for char in address
    )


def passes_for_ascii(char: str) -> bool:
    """Return True for the Kelvin sign and its like, which are letters of other
    addresses once case is ignored."""
    return not char.isascii() and any(c.isascii() for c in char.casefold())
