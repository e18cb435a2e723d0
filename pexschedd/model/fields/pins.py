"""The rules for the PINs of rooms. Pure."""

from collections.abc import Iterator

from pexschedd.model.fields.declaration import TextPattern

pin = TextPattern(
    r"(?:[0-9]{4,20}|[0-9]{3,19}#)?",
    "This must be 4 to 20 digits; the last may be a # instead.",
)
"""Checks that a text is a PIN or empty."""


def contradictions(
    pin: str, guest_pin: str, *, allow_guests: bool
) -> Iterator[tuple[str, str]]:
    """Yield the PIN fields of a room that do not go together, each with the
    problem."""
    if allow_guests and not pin:
        yield "pin", "This is required when guests are allowed."
    if guest_pin and not allow_guests:
        yield "guest_pin", "Guests are not allowed: see allow_guests."
    elif guest_pin and guest_pin == pin:
        yield "guest_pin", "Guests and hosts need different PINs."
    elif guest_pin and not _end_alike(pin, guest_pin):
        yield "guest_pin", "Both PINs need the same length, or a # at the end."


def _end_alike(pin: str, guest_pin: str) -> bool:
    """Return True if a conferencing node can tell when a PIN is complete: both have one
    length, or both end in `#`."""
    if pin.endswith("#") or guest_pin.endswith("#"):
        return pin.endswith("#") and guest_pin.endswith("#")
    return len(pin) == len(guest_pin)
