"""Primary addresses from the directory, for the batch that is being processed."""

from pexschedd.model.mail_address import folded


class AddressBook:
    """The primary address of each address that was looked up.

    Nothing is kept from one batch to the next: an address may be given to another
    person.
    """

    def __init__(self) -> None:
        self._primary: dict[tuple[int, str], str] = {}

    def learn(self, connector_id: int, address: str, primary: str) -> None:
        """Note a look-up; `primary` is empty for an address that nobody has."""
        self._primary[connector_id, folded(address)] = folded(primary)

    def has(self, connector_id: int, address: str) -> bool:
        """Return whether an address was looked up."""
        return (connector_id, folded(address)) in self._primary

    def clear(self, connector_id: int) -> None:
        """Forget the look-ups of one integration."""
        for key in [key for key in self._primary if key[0] == connector_id]:
            del self._primary[key]

    def same_mailbox(self, connector_id: int, one: str, other: str) -> bool:
        """Return whether two addresses are the same mailbox's, as far as is known."""
        one, other = folded(one), folded(other)
        if not one or not other:
            return False
        first = self._primary.get((connector_id, one), "")
        second = self._primary.get((connector_id, other), "")
        return one == other or (bool(first) and first == second)
