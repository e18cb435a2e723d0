"""A text in which nobody sees anything is no text."""

import pytest

from pexschedd.errors import InvalidFields
from pexschedd.model.blank_text import is_blank, shown
from pexschedd.model.conference import Conference
from pexschedd.model.fields.validation import validate
from tests.templates.templates_support import still_templates

INVISIBLE = [
    "",
    " \t\r\n",
    "\xa0\u2003\u3000",
    "\ufeff",
    "\u200b\u200c\u200d\u2060",
    "\u200e\u200f\u202a\u202e\u2066\u2069\u061c",
    "\u0301\u0308\u20dd",
    "\u00ad\u180e\ufe0f",
    "\u3164\u2800\u115f",
    "\u2028\u2029\x00\x1b\ud800",
    "\U000e0041",
]


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_what_has_no_ink_is_blank(text: str) -> None:
    """White space, controls, format characters, and marks that stand on nothing."""
    assert is_blank(text)
    assert shown(text) == ""


@pytest.mark.parametrize("text", ["a", "\u200b.", "e\u0301", "\U0001f600", "한", "ـ"])
def test_what_is_seen_is_kept(text: str) -> None:
    """One character with ink is enough, and the text stays as it is."""
    assert shown(text) == text


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_nothing_gets_an_invisible_name(text: str) -> None:
    """A name that has to be there has to be seen."""
    with pytest.raises(InvalidFields) as caught:
        validate(Conference, {"name": text}, current=None, templates=still_templates())
    assert caught.value.problems["name"] == ["This may not be empty."]
