"""ResolveNames: an address book with one entry, the room itself. Pure."""

from pexschedd.onetouch.emulation.emulated_room import EmulatedRoom
from pexschedd.onetouch.emulation.items import write_mailbox
from pexschedd.onetouch.emulation.soap import (
    Element,
    ExchangeRefusal,
    SoapCall,
    add_m,
    add_t,
    needed,
    response_messages,
)


def resolve_names(call: SoapCall, room: EmulatedRoom) -> Element:
    """Answer ResolveNames, by the beginning of the room's name or address."""
    is_full = call.element.get("ReturnFullContactData") in ("true", "1")
    entry = (needed(call.element, "UnresolvedEntry").text or "").strip().casefold()
    wanted = entry.removeprefix("smtp:")

    def answer(good: Element) -> None:
        own = (room.email, room.name, *room.name.split())
        if not wanted or not any(each.casefold().startswith(wanted) for each in own):
            raise ExchangeRefusal("ErrorNameResolutionNoResults")
        resolutions = add_m(
            good, "ResolutionSet", TotalItemsInView="1", IncludesLastItemInRange="true"
        )
        resolution = add_t(resolutions, "Resolution")
        write_mailbox(resolution, room)
        if is_full:
            contact = add_t(resolution, "Contact")
            add_t(contact, "DisplayName", room.name or room.email)
            entries = add_t(contact, "EmailAddresses")
            add_t(entries, "Entry", f"SMTP:{room.email}", Key="EmailAddress1")
            add_t(contact, "ContactSource", "ActiveDirectory")

    return response_messages("ResolveNames", [answer])
