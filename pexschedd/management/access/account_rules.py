"""The rules for accounts and for the tokens that act for them. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.model.accounts.administrator import Administrator, RoleLevel, role_name
from pexschedd.model.accounts.api_token import (
    LONGEST_LIFE_DAYS,
    USUAL_LIFE_DAYS,
    ApiToken,
)
from pexschedd.model.accounts.principal import Principal

MOST_ACCOUNTS = 1_000
"""Of administrators, of tokens and of clients."""
MOST_OWN_TOKENS = 100
"""Of one administrator: the others' share of all cannot be used up."""


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
    check_number(len(accounts))


def check_number(number: int) -> None:
    """Raise `InvalidFields` for more accounts or tokens than there may be."""
    if number > MOST_ACCOUNTS:
        raise InvalidFields({"": [f"There can be {MOST_ACCOUNTS} of these at most."]})


def check_tokens(left: Iterable[ApiToken]) -> None:
    """Raise `InvalidFields` for more tokens than there may be, or one account may have.

    `left` are all that there would be.
    """
    owners = Counter(token.administrator for token in left)
    check_number(owners.total())
    if any(number > MOST_OWN_TOKENS for number in owners.values()):
        text = (
            f"An administrator can have {MOST_OWN_TOKENS} tokens at most. Delete those "
            "that are not used any more."
        )
        raise InvalidFields({"": [text]})


def completed_token(token: ApiToken, maker: Principal, now: datetime) -> ApiToken:
    """Return a new token with who made it, and until when it is good.

    Raises `InvalidFields` for a role that is more than the maker's, or another time.
    """
    problems = {}
    if token.role > maker.level:
        problems["role"] = [
            f"A token may not do more than you: your role is {role_name(maker.level)}."
        ]
    expires = token.expiration_time or now + timedelta(days=USUAL_LIFE_DAYS)
    if not now < expires <= now + timedelta(days=LONGEST_LIFE_DAYS):
        problems["expiration_time"] = [
            f"This must be in the future, and at most {LONGEST_LIFE_DAYS} days ahead."
        ]
    if problems:
        raise InvalidFields(problems)
    return replace(
        token,
        administrator=maker.administrator,
        creation_time=now,
        expiration_time=expires,
    )
