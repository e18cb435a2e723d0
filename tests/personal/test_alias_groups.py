"""Aliases come in the three groups that templates of personal rooms know."""

import pytest

from pexschedd.model.conference import ConferenceAlias
from pexschedd.personal.alias_groups import AliasGroups, grouped


def alias(id: int, text: str, view_order: int | None = None) -> ConferenceAlias:
    return ConferenceAlias(id=id, alias=text, conference=1, view_order=view_order)


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("meet.alice@example.com", "domain"),
        ("555123@example.com", "domain"),
        ("meet.alice", "other"),
        ("+47123", "other"),
        ("a@", "other"),
        ("@example.com", "other"),
        ("a@b@c", "other"),
        ("\u0665\u0665", "other"),
        ("555123", "numeric"),
    ],
)
def test_each_alias_is_in_one_group(text: str, group: str) -> None:
    """With a domain, digits that a telephone can dial, or neither."""
    groups = grouped([alias(1, text)])
    found = {name for name in groups.__struct_fields__ if getattr(groups, name)}
    assert found == {group}


def test_the_administrators_order_comes_first() -> None:
    """By view_order, then by age; without a view_order at the end."""
    aliases = [alias(1, "11"), alias(2, "22", 7), alias(3, "33", 0), alias(4, "44", 7)]
    assert grouped(aliases) == AliasGroups((), (), ("33", "22", "44", "11"))
    assert not grouped([])
