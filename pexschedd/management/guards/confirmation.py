"""The confirmation of deletions that take more than their sender may think. Pure."""

from collections.abc import Mapping

from pexschedd.errors import InvalidFields

FIELD = "confirm"
"""The argument that confirms a deletion."""
YES = "yes"


def unconfirmed(what: str, counts: Mapping[str, int]) -> InvalidFields:
    """Return the error that tells what would be deleted: numbers of records, by
    resource."""
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    text = (
        f"{what} {told}. Nothing was deleted. If that is what you want, send the "
        f"request again with {FIELD}={YES} in its address."
    )
    return InvalidFields({FIELD: [text]})
