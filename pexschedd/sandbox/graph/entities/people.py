"""People and attendees as JSON, both ways."""

from typing import Any

from pexschedd.sandbox.graph.entities.view import timestamp
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.items.records import (
    Attendee,
    Item,
    MailboxUser,
    ResponseType,
    Role,
)

RESPONSES = {
    ResponseType.UNKNOWN: "none",
    ResponseType.ORGANIZER: "organizer",
    ResponseType.TENTATIVE: "tentativelyAccepted",
    ResponseType.ACCEPT: "accepted",
    ResponseType.DECLINE: "declined",
    ResponseType.NONE: "notResponded",
}


def recipient(person: MailboxUser | None, item: Item | None = None) -> Any:
    """Return a recipient; with the directory's own address if the item has those."""
    if person is None:
        return None
    address = person.address
    if item is not None and item.by_dn:
        local = address.partition("@")[0]
        address = (
            f"/O=SANDBOX/OU=EXCHANGE ADMINISTRATIVE GROUP/CN=RECIPIENTS/CN={local}"
        )
    return {"emailAddress": {"name": person.name, "address": address}}


def attendee(each: Attendee, *, is_organizer: bool) -> dict[str, Any]:
    """Return an attendee, whose answer only the organizer's own copy knows."""
    response = RESPONSES[each.response] if is_organizer else "none"
    return {
        "type": each.role.value,
        "status": {
            "response": response,
            "time": (timestamp(each.responded) if is_organizer else None)
            or "0001-01-01T00:00:00Z",
        },
        **recipient(each.person),
    }


def read_recipients(value: Any, name: str) -> tuple[MailboxUser, ...]:
    """Return the people in a list of recipients. Raises `GraphError`."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > 500:
        raise GraphError(
            "ErrorInvalidRequest", f"{name}: must be a list of at most 500 recipients."
        )
    return tuple(_person(each, name) for each in value)


def read_attendees(value: Any) -> dict[Role, list[MailboxUser]]:
    """Return the people in a list of attendees, by role. Raises `GraphError`."""
    people = read_recipients(value, "attendees")
    found: dict[Role, list[MailboxUser]] = {role: [] for role in Role}
    for person, each in zip(people, value or (), strict=True):
        try:
            role = Role(str(each.get("type") or "required").lower())
        except ValueError:
            raise GraphError(
                "ErrorInvalidRequest",
                "attendees.type: must be required, optional or resource.",
            ) from None
        found[role].append(person)
    return found


def _person(value: Any, name: str) -> MailboxUser:
    address = value.get("emailAddress") if isinstance(value, dict) else None
    text = address.get("address") if isinstance(address, dict) else None
    if not isinstance(text, str) or "@" not in text:
        raise GraphError(
            "ErrorInvalidRecipients", f"{name}: emailAddress.address is missing."
        )
    called = address.get("name") if isinstance(address, dict) else None
    return MailboxUser(str(called or ""), text)
