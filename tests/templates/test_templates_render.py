"""What templates render to."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.bodies.tags import find, make_pxps
from pexschedd.errors import MissingValue, TemplateError
from pexschedd.templates.engine import format_time
from tests.templates.templates_support import still_templates

VALUES = {
    "alias": "555123@example.test",
    "numeric_alias": "55512345",
    "subject": """<b>"Q3" & 'Q4'</b>""",
    "domain_aliases": ["meet.alice@example.test", "alice@example.test"],
    "other_aliases": [],
    "pin": None,
    "allow_guests": True,
    "n": 5,
}
SHOWN = [
    ("{{alias}} and {{ numeric_alias }}", "555123@example.test and 55512345"),
    ("{{ missing }}|{{ pin }}|{{ allow_guests }}|{{ n }}", "||True|5"),
    ("{{ domain_aliases[0] }}{{ other_aliases[0] }}", "meet.alice@example.test"),
    ("{{ domain_aliases|length }} {{ other_aliases|join(', ') }}", "2 "),
    ("{% if (not allow_guests) and pin %}a{% elif n > 3 %}b{% endif %}", "b"),
    ("{% if pin %}a{% elif n < 3 %}b{% else %}c{% endif %}", "c"),
    ("{% set x = alias %}{{ x.split('@')[1] }}", "example.test"),
    ("{{ alias.startswith('555') }} {{ alias[:3] }}", "True 555"),
    ("{{ alias.upper()[-4:] }}", "TEST"),
    ("{% for a in 'ab' %}{{ loop.index }}{{ a }} {% endfor %}", "1a 2b "),
    (
        "{% for a in 'ab' %}{% if not loop.first %},{% endif %}{{ a }}{% endfor %}",
        "a,b",
    ),
    ("{% for a in other_aliases %}{{ a }}{% else %}none{% endfor %}", "none"),
    ("{% for a in [1, 2, 3] if a != 2 %}{{ a }}{{ loop.length }}{% endfor %}", "1232"),
    ("{% for i in range(2, 8, 2) %}{{ i }}{% endfor %}", "246"),
    ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
    ("{{ 'a' ~ n ~ None }} {{ 7 // 2 + 2 ** 3 }}", "a5 11"),
    ("{{ 7 % 4 }} {{ 'ab' * 2 }}", "3 abab"),
    ("{{ 'x' if n == 5 else 'y' }} {{ n in [4, 5] }} {{ n is even }}", "x True False"),
    ("{{ '%05.1f %s %d%%'|format(2, 'x', 50) }}", "002.0 x 50%"),
    ("{{ '%(a)s'|format(a=n) }} {{ '%s-%s' % (1, n) }}", "5 1-5"),
    ("{{ -3|abs }} {{ '3.7'|int }} {{ 'x'|int(9) }} {{ '2'|float }}", "3 3 9 2.0"),
    ("{{ 'ff'|int(base=16) }} {{ 42.55|round(1, 'floor') }}", "255 42.5"),
    ("{{ 2.5|round|int }} {{ 1.21|round(1, 'ceil') }}", "2 1.3"),
    ("{{ 'aBC'|capitalize }} {{ missing|default('d') }}", "Abc d"),
    ("{{ ''|default('d', true) }} {{ 'abc'|first }}{{ [1, 2]|last }}", "d a2"),
    ("{{ 'aXbX'|replace('X', '-') }} {{ 'aXbX'|replace('X', '', 1) }}", "a-b- abX"),
    ("{{ ' x '|trim }} {{ '<p>a</p>  <!-- > -->b'|striptags }}", "x a b"),
    ("{{ 'one two three'|truncate(9, leeway=0) }}", "one..."),
    ("{{ 4|range|join('-') }}", "0-1-2-3"),
    ("{# {{ alias }} #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ("{{ missing|first|default('none') }}", "none"),
]


@pytest.mark.parametrize(("source", "expected"), SHOWN)
def test_templates_do_what_jinja2_does(source: str, expected: str) -> None:
    """The allowed part of the language gives the results that jinja2 documents."""
    assert still_templates().render(source, VALUES) == expected


def test_values_are_escaped_in_html() -> None:
    """A sender's subject cannot bring markup into an HTML mail, the template can."""
    text = still_templates().render("<i>{{subject}}</i>{{ '<' ~ subject }}", VALUES)
    escaped = "&lt;b&gt;&#34;Q3&#34; &amp; &#39;Q4&#39;&lt;/b&gt;"
    assert text == f"<i>{escaped}</i>&lt;{escaped}"


def test_markup_objects_are_escaped_too() -> None:
    """No class of text passes as already safe."""

    class Safe(str):
        def __html__(self) -> str:
            return self

    assert still_templates().render("{{ x }}", {"x": Safe("<b>")}) == "&lt;b&gt;"


def test_plain_text_is_one_clean_line() -> None:
    """Names have no markup escapes, line ends, controls or bidirectional overrides."""
    render = still_templates().render
    values = {"subject": "\ta <b>\r\n\u202ecb\x00a\u2029\ud800é "}
    assert render(" {{subject}}\n ({{ x }})\n", values, html=False) == "a <b> cba é ()"
    assert render("{{subject}}", values, html=False, max_length=6) == "a <b>"


@given(st.text(st.characters(codec=None)))
def test_any_subject_is_safe(subject: str) -> None:
    """Whatever the subject, both forms can be written as UTF-8 and as XML text."""
    templates = still_templates()
    html = templates.render("{{subject}}", {"subject": subject})
    plain = templates.render("{{subject}}", {"subject": subject}, html=False)
    assert not set("<>\"'") & set(html)
    for text in (html, plain):
        text.encode()
        assert all(c >= " " or c in "\t\n\r" for c in text)
    assert plain == " ".join(plain.split())


def test_a_telephone_number_in_groups() -> None:
    """The deployment guide's example writes a number in groups, with `\\\\1`."""
    filtered = (
        r"numeric_alias|pex_regex_replace('(\d{3})(\d{2})(\d{3})', '\\1 \\2 \\3')"
    )
    source = f"{{{{ {filtered} }}}} #"
    assert still_templates().render(source, VALUES) == "555 12 345 #"


def test_the_tag_survives_rendering() -> None:
    """What the joining instructions render to contains the tag that went in."""
    uuid = "0f0e0d0c-0000-4000-8000-00000000beef"
    source = (
        "<a href='x/#/?c={{alias}}'>y</a> {{numeric_alias}} #<br>{{alias_uuid}}<br>"
    )
    html = still_templates().render(source, VALUES | {"alias_uuid": make_pxps(uuid)})
    assert find(html).pxps == (uuid,)


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("a\n\n{{ missing.name }}", 3, "'missing' is undefined"),
        ("{{ 1 // 0 }}", 1, "zero"),
        ("\n{{ 'a' + 1 }}", 2, "failed"),
        ("{{ alias.upper }}", 1, "Callee"),
        ("{% for x in 5 %}{% endfor %}", 1, "int"),
        ("{{ {}[[]] }}{{ {[]: 1} }}", 1, "hash"),
        ("{{ pex_now('Mars/Olympus') }}", 1, "Mars/Olympus"),
    ],
)
def test_failures_say_what_and_where(source: str, line: int, says: str) -> None:
    """A template that fails raises TemplateError with its line, never anything else."""
    with pytest.raises(TemplateError, match=says) as caught:
        still_templates().render(source, VALUES)
    assert caught.value.line == line


def test_foreign_values_are_a_programming_error() -> None:
    """Objects never enter the sandbox."""
    with pytest.raises(TypeError, match="object"):
        still_templates().render("", {"x": object()})


def test_many_templates_do_not_fill_memory() -> None:
    """The cache of compiled templates has an end, and old ones still render."""
    templates = still_templates()
    for i in range(600):
        assert templates.render(f"{i}{{{{ n }}}}", VALUES) == f"{i}5"
    assert len(templates._compiled) == 512
    assert templates.render("0{{ n }}", VALUES) == "05"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Oslo", "15:30 on 31/07/2017"),
        ("Asia/Kolkata", "19:00 on 31/07/2017"),
        ("Pacific/Kiritimati", "03:30 on 01/08/2017"),
        ("Nowhere", "13:30 on 31/07/2017 (UTC)"),
        ("", "13:30 on 31/07/2017 (UTC)"),
        ("../../etc/passwd", "13:30 on 31/07/2017 (UTC)"),
    ],
)
def test_times_are_the_organizers(zone: str, expected: str) -> None:
    """Times have the deployment guide's format in the organizer's zone."""
    instant = datetime(2017, 7, 31, 13, 30, tzinfo=UTC)
    assert format_time(instant, zone) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ other_aliases[0] }}",
        "{% set a = other_aliases[0] %}{{ a }}",
        "{{ 'to ' ~ other_aliases[0] }}",
        "{{ other_aliases|last|upper }}",
        "{{ other_aliases[0].upper() }}",
        "{{ 'to ' + other_aliases[0] }}",
        "{{ missing }}",
    ],
)
def test_what_does_not_exist_is_told(source: str) -> None:
    """A text that has to be complete is not made with a hole in it."""
    templates = still_templates()
    for _ in range(2):
        with pytest.raises(MissingValue):
            templates.render(source, VALUES, complete=True)


def test_what_is_complete() -> None:
    """Asking for what does not exist is no hole, and neither is an empty value."""
    templates = still_templates()
    source = (
        "{% if other_aliases[0] %}a{% endif %}{{ pin }}"
        "{{ other_aliases[0]|default('b') }}{{ other_aliases[0] or alias }}"
    )
    text = templates.render(source, VALUES, complete=True)
    assert text == "b555123@example.test"


def test_naive_times_are_refused() -> None:
    """A time without a zone cannot be converted to another."""
    with pytest.raises(ValueError, match="naive"):
        format_time(datetime(2017, 7, 31), "UTC")  # noqa: DTZ001 - the point
