"""Requests that this server refuses as long as it is told to, as some servers do."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from pexschedd.sandbox import markup
from pexschedd.sandbox.faults.fault import BehaviourError, Fault
from pexschedd.sandbox.markup import Element

BINARY_RESTRICTION = "binary-restriction"
FOREIGN_UID = "foreign-uid"
_USUAL = {
    BINARY_RESTRICTION: "ErrorInvalidRestriction",
    FOREIGN_UID: "ErrorInvalidPropertySet",
}
_NAME = re.compile(r"[A-Z][A-Za-z]+")


class Refusal(msgspec.Struct, forbid_unknown_fields=True):
    """Something that is always refused."""

    what: str
    """`BINARY_RESTRICTION`, a search for a binary property; `FOREIGN_UID`, a new
    meeting with a UID of the client's; or the name of an operation, or of an element
    that CreateItem is given, such as RemoveItem."""
    code: str = ""
    """The response code; empty: what Exchange says."""
    item: bool = False
    """It is said of the item, not as a SOAP fault of the whole request."""
    mailbox: str | None = None
    """It is refused only in requests that act as this address."""

    def check(self) -> None:
        """Raise `BehaviourError` unless the refusal makes sense."""
        if self.what not in _USUAL and not _NAME.fullmatch(self.what):
            raise BehaviourError(
                f"refused.what {self.what!r}: must be {BINARY_RESTRICTION}, "
                f"{FOREIGN_UID}, an operation, or an element of CreateItem"
            )
        self._fault().check()

    def _fault(self, index: int | None = None) -> Fault:
        usual = _USUAL.get(self.what, "ErrorInvalidOperation")
        return Fault(
            self.code or usual, item=self.item, index=index, mailbox=self.mailbox
        )

    def faults(self, operation: Element) -> Iterator[Fault]:
        """Yield the faults of a request."""
        name = markup.name_of(operation)
        if self.what == name or (
            self.what == BINARY_RESTRICTION and _searches_binary(operation)
        ):
            yield self._fault()
            return
        items = markup.find_m(operation, "Items") if name == "CreateItem" else None
        if items is not None:
            for index, each in enumerate(items):
                has_uid = markup.find_t(each, "UID") is not None
                if markup.name_of(each) == self.what or (
                    self.what == FOREIGN_UID and has_uid
                ):
                    yield self._fault(index)


def faults_of(refused: Sequence[Refusal], operation: Element) -> list[Fault]:
    """Return the faults of a request that has something refused in it."""
    return [fault for each in refused for fault in each.faults(operation)]


def _searches_binary(operation: Element) -> bool:
    condition = markup.find_m(operation, "Restriction")
    return condition is not None and any(
        each.get("PropertyType") == "Binary"
        for each in condition.iter()
        if markup.name_of(each) == "ExtendedFieldURI"
    )
