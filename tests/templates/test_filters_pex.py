"""The product's own filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import TemplateError
from pexschedd.templates.pex_filters import InputTooShort
from tests.templates.templates_support import UUID, still_templates

GUID = "04030201-0605-0807-090a-0b0c0d0e0f10"
VALUES = {
    "mail": "user1@domain.test",
    "numbers": ["+47 22 33", "tel 112"],
    "d": {"pin": "1", "name": "A"},
}
SHOWN = [
    ("{{ 'Łódź'|pex_base64 }}", "xYHDs2TFug=="),
    ("{{ '+47 (22) 33-44 55 x٣'|pex_clean_phone_number }}", "+4722334455"),
    ("{{ numbers|pex_find_first_match('^tel') }}", "tel 112"),
    ("{{ numbers|pex_find_first_match('[0-9]{2}$') }}", "+47 22 33"),
    ("[{{ numbers|pex_find_first_match('x') }}]", "[]"),
    ("{{ 'abc'|pex_head(2) }}{{ 'abc'|pex_head(9) }}{{ 'abc'|pex_head(-1) }}", "ababc"),
    ("{{ 'abc'|pex_tail(2) }}{{ 'abc'|pex_tail(9) }}{{ 'abc'|pex_tail(0) }}", "bcabc"),
    ("{{ 'abc'|pex_md5 }}", "900150983cd24fb0d6963f7d28e17f72"),
    ("{{ ('abc'|pex_hash)[:8] }} {{ 'abc'|pex_hash|pex_strlen }}", "ba7816bf 64"),
    ("{{ 'abc'|pex_reverse }} {{ 'Example'|pex_strlen }}", "cba 7"),
    ("{{ mail|pex_regex_replace('@.+', '@other.test') }}", "user1@other.test"),
    (r"{{ 'a-b'|pex_regex_replace('(.)-(.)', '\\2\\\\\\1\\n') }}", "b\\a\n"),
    (r"{{ 'a-b'|pex_regex_replace('(?P<x>.)-', '\\g<x>\\g<1>\\g<0>') }}", "aaa-b"),
    ("{{ 'abc'|pex_regex_replace('', '-') }}", "-a-b-c-"),
    (r"{{ 'ab'|pex_regex_replace('(a)|(b)', '[\\1\\2]') }}", "[a][b]"),
    ("{{ pex_regex_search('([a-z0-9]+)@(.*)', mail)[1] }}", "domain.test"),
    ("{% if pex_regex_search('z', mail) %}a{% else %}b{% endif %}", "b"),
    ("{% if pex_regex_search('user', mail) %}a{% endif %}", "a"),
    ("{{ pex_in_subnet('10.47.0.1', ['10.47.0.0/16', '10.147.0.0/16']) }}", "True"),
    ("{{ pex_in_subnet('10.44.0.1', ['10.47.0.0/16', '10.147.0.0/16']) }}", "False"),
    ("{{ pex_in_subnet('2001:658:22a:cafe::1', ['2001::/16', '::/128']) }}", "True"),
    ("{{ '::ffff:10.0.0.1'|pex_in_subnet('10.0.0.9/8') }}", "True"),
    ("{{ pex_in_subnet('nonsense', ['0.0.0.0/0']) }}", "False"),
    ("{{ 'abc'|pex_require_min_length(3) }}", "abc"),
    ("{{ 'AQIDBAUGBwgJCgsMDQ4PEA=='|pex_to_uuid }}", GUID),
    ("{{ (d|pex_update({'pin': '2'})).pin }}{{ d.pin }}", "21"),
    ("{{ 'a b/ü&'|pex_url_encode }}", "a%20b%2F%C3%BC%26"),
    ("{{ 'a%20b%2f%c3%bc'|pex_url_decode }}", "a b/ü"),
    ("{{ pex_now().year }} {{ pex_now().microsecond }}", "2026 250"),
    ("{{ pex_now('Asia/Tokyo').hour }} {{ ('Asia/Tokyo'|pex_now).day }}", "21 31"),
    ("{{ pex_uuid4() }}", UUID),
    ("{{ pex_random_pin(4) }} {{ ''|pex_random_pin(6) }}", "7777 777777"),
    ("{{ pex_head('abc', 1) }}{{ pex_strlen('abc') }}", "a3"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), SHOWN)
def test_filters_do_what_is_documented(source: str, expected: str) -> None:
    """Each filter, and each function, gives the documented result."""
    assert still_templates().render(source, VALUES, html=False) == " ".join(
        expected.split()
    )


def test_json_is_json() -> None:
    """pex_to_json gives JSON of a dict; in HTML it is escaped like everything."""
    source = "{{ d|pex_update({'allow': false, 'x': none})|pex_to_json }}"
    expected = '{"pin": "1", "name": "A", "allow": false, "x": null}'
    assert still_templates().render(source, VALUES, html=False) == expected
    assert '"' not in still_templates().render(source, VALUES)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ 'abc'|pex_to_uuid }}", "failed"),
        ("{{ 'AAAA'|pex_to_uuid }}", "16 bytes"),
        ("{{ 'a'|pex_update(1) }}", "dict"),
        ("{{ pex_in_subnet('10.0.0.1', ['10.0.0.0/99']) }}", "10.0.0.0/99"),
        ("{{ pex_random_pin() }}", "number of digits"),
        ("{{ pex_random_pin(0) }}", "1 to 64"),
        (r"{{ 'a'|pex_regex_replace('a', '\\1') }}", "no group"),
        (r"{{ 'a'|pex_regex_replace('a', '\\g<x>') }}", "no group"),
        ("{{ 'a'|pex_find_first_match('(') }}", "elements|regular expression"),
        ("{{ pex_regex_search('a' * 501, 'a') }}", "500 characters"),
    ],
)
def test_filters_say_what_is_wrong(source: str, says: str) -> None:
    """Input that a filter cannot handle gives TemplateError with the reason."""
    with pytest.raises(TemplateError, match=says):
        still_templates().render(source, {})


def test_too_short_input_is_told_apart() -> None:
    """pex_require_min_length aborts with an error of its own."""
    with pytest.raises(InputTooShort, match=r"line 2: .* 2 characters"):
        still_templates().render("\n{{ ''|pex_require_min_length(2) }}", {})


def test_debug_log_goes_to_the_log_and_shows_nothing() -> None:
    """pex_debug_log joins text and values with commas, and renders as nothing."""
    said: list[str] = []
    source = "[{{ pex_debug_log('x ', n, mail) }}{{ n|pex_debug_log }}]"
    assert still_templates(said).render(source, VALUES | {"n": 5}) == "[]"
    assert said == ["x ,5,user1@domain.test", "5"]
    assert still_templates(None).render("{{ pex_debug_log(1) }}", {}) == ""


@given(st.text(max_size=50), st.integers(-5, 60))
def test_head_and_tail_agree_with_slices(text: str, n: int) -> None:
    """At most n characters from either end, none for a negative n."""
    source = "{{ x|pex_head(n) == a and x|pex_tail(n) == b }}"
    count = max(n, 0)
    values = {"x": text, "n": n, "a": text[:count], "b": text[len(text) - count :]}
    if count > len(text):
        values["b"] = text
    assert still_templates().render(source, values) == "True"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_url_encoding_is_undone(text: str) -> None:
    """Decoding what was encoded gives the same text; no character is special."""
    source = "{{ (x|pex_url_encode|pex_url_decode) == x }}"
    assert still_templates().render(source, {"x": text}) == "True"
