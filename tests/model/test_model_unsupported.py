"""Settings that the daemon does not honour."""

from typing import Any

import pytest
from msgspec.structs import replace

from pexschedd.errors import InvalidFields
from pexschedd.model.conference import Conference
from pexschedd.model.fields.declaration import Declared, Record, fields_of
from pexschedd.model.fields.unsupported import told, unsupported_settings
from pexschedd.model.fields.validation import validate
from tests.model.validation_support import BASES, TEMPLATES, check

UNSUPPORTED = [
    (kind, declared)
    for kind in BASES
    for declared in fields_of(kind).values()
    if declared.field.unsupported
]


def other_value(declared: Declared) -> Any:
    """A valid value that is not the default."""
    if declared.field.choices:
        accepted = (declared.default, *declared.field.honoured)
        return next(c for c in declared.field.choices if c not in accepted)
    return {bool: not declared.default, int: 7, str: "text"}[declared.type]


@pytest.mark.parametrize(
    ("kind", "declared"), UNSUPPORTED, ids=[d.name for _, d in UNSUPPORTED]
)
def test_only_the_default_is_accepted(kind: type[Record], declared: Declared) -> None:
    """Any other value is refused, with the reason and what would be right; the default,
    and null where it is one, are what clients send with whole records."""
    with pytest.raises(InvalidFields) as caught:
        check(kind, {**BASES[kind], declared.name: other_value(declared)})
    (text,) = caught.value.problems[declared.name]
    assert set(caught.value.problems) == {declared.name}
    assert text.startswith(declared.field.unsupported)
    assert "This must be " in text
    check(kind, {**BASES[kind], declared.name: declared.default})
    for value in declared.field.honoured:
        check(kind, {**BASES[kind], declared.name: value})
    if declared.nullable:
        check(kind, {**BASES[kind], declared.name: None})
    if declared.type is str and not declared.field.choices:
        check(kind, {**BASES[kind], declared.name: ""})


def test_a_guests_sign_in_needs_guests() -> None:
    """A sign-in that nobody would be asked for cannot be configured."""
    room = {**BASES[Conference], "guest_identity_provider_group": 7}
    with pytest.raises(InvalidFields) as caught:
        check(Conference, room)
    (text,) = caught.value.problems["guest_identity_provider_group"]
    assert "nobody would be asked to sign in" in text
    check(Conference, {**room, "allow_guests": True, "pin": "1234"})


def test_stored_settings_stay_changeable() -> None:
    """A record with such values from before can be changed in other fields, and is
    put right by its default."""
    old: Conference = replace(check(Conference, BASES[Conference]), teams_proxy=7)

    def changed(**values: object) -> Conference:
        result: Conference = validate(
            Conference, values, current=old, templates=TEMPLATES
        )
        return result

    assert changed(description="x").teams_proxy == 7
    with pytest.raises(InvalidFields):
        changed(teams_proxy=7)
    assert changed(teams_proxy=None).teams_proxy is None


def test_stored_settings_are_named() -> None:
    """What is stored in vain is told field by field, and nothing else is."""
    plain = check(Conference, BASES[Conference])
    assert list(unsupported_settings(plain)) == []
    odd = replace(plain, teams_proxy=7, media_playlist=3)
    assert [name for name, _ in unsupported_settings(odd)] == [
        "teams_proxy",
        "media_playlist",
    ]
    assert all(reason for _, reason in unsupported_settings(odd))


def test_explanations_say_so() -> None:
    """The explanation of a field says that it has no effect, and of which other it is
    a part."""
    fields = fields_of(Conference)
    assert "only null is accepted" in told(fields["teams_proxy"])
    assert "Only conference and lecture are accepted" in told(fields["service_type"])
    assert "`service_type`" in told(fields["match_string"])
    assert told(fields["name"]) == ""
