"""The rules that hold for all accounts together. Pure."""

from collections.abc import Iterable

from pexschedd.errors import InvalidFields
from pexschedd.model.administrator import Administrator, RoleLevel

MOST_ACCOUNTS = 1_000


def check_administrators(left: Iterable[Administrator]) -> None:
    """Raise `InvalidFields` if a change leaves administrators that may not be alone.

    `left` are all that there would be.
    """
    accounts = list(left)
    if not any(account.role == RoleLevel.FULL for account in accounts):
        text = (
            "One administrator with the role Full has to stay: there would be nobody "
            "left who could change anything. Give the role to another one first."
        )
        raise InvalidFields({"role": [text]})
    if len(accounts) > MOST_ACCOUNTS:
        raise InvalidFields({"": [f"There can be {MOST_ACCOUNTS} at most."]})
