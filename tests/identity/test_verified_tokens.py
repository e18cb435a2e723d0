"""The memory of verified tokens keeps its bounds."""

from datetime import UTC, datetime, timedelta

from pexschedd.identity.verified_tokens import (
    MOST_INTEGRATIONS,
    MOST_TOKENS,
    VerifiedTokens,
)
from pexschedd.identity.verified_user import VerifiedToken, VerifiedUser

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def verified(user: str = "u") -> VerifiedToken:
    return VerifiedToken(VerifiedUser(user), NOW + timedelta(hours=1), lambda: True)


def test_the_oldest_is_forgotten() -> None:
    """An integration's memory is bounded, and what is used stays."""
    memory = VerifiedTokens()
    for number in range(MOST_TOKENS):
        memory.add(1, "s", str(number), verified())
    memory.find(1, "s", "0", NOW)
    memory.add(1, "s", "one more", verified())
    assert memory.count(1) == MOST_TOKENS
    assert memory.find(1, "s", "0", NOW) is not None
    assert memory.find(1, "s", "1", NOW) is None


def test_integrations_do_not_displace_each_other() -> None:
    """The tokens of one integration take no room from those of another, and the number
    of integrations is bounded, too."""
    memory = VerifiedTokens()
    memory.add(1, "s", "t", verified("one"))
    for number in range(MOST_TOKENS + 1):
        memory.add(2, "s", str(number), verified())
    assert memory.find(1, "s", "t", NOW) == VerifiedUser("one")
    for number in range(MOST_INTEGRATIONS):
        memory.add(10 + number, "s", "t", verified())
    assert memory.find(1, "s", "t", NOW) is None


def test_old_settings_are_forgotten() -> None:
    """With other settings nothing is known, and nothing of the old ones is kept."""
    memory = VerifiedTokens()
    memory.add(1, "old", "t", verified())
    assert memory.find(1, "new", "t", NOW) is None
    memory.add(1, "new", "u", verified())
    assert memory.count(1) == 1
    assert memory.find(1, "old", "t", NOW) is None


def test_what_is_good_no_more_is_removed() -> None:
    """Expired tokens, and those of other keys, are not kept when they are shown."""
    memory = VerifiedTokens()
    memory.add(1, "s", "t", verified())
    assert memory.find(1, "s", "t", NOW + timedelta(hours=1)) is None
    assert memory.count(1) == 0
    gone = VerifiedToken(VerifiedUser("u"), NOW + timedelta(hours=1), lambda: False)
    memory.add(1, "s", "t", gone)
    assert memory.find(1, "s", "t", NOW) is None
    assert memory.count(1) == 0
