"""What is refused when a template is saved."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import TemplateError
from pexschedd.model.fields import template_variables as variables
from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.templates.engine import Templates
from pexschedd.templates.standard_filters import STANDARD_FILTERS
from pexschedd.templates.syntax import MAX_SOURCE
from tests.templates.templates_support import NOON, UUID, still_templates

REFUSED = [
    ("{{ alias", 1, "end of template, expected '}}'$"),
    ("{{ alias numeric_alias }}", 1, "expected '}}', got 'numeric_alias'"),
    ("{{ alias| }}", 1, "expected a name, got '}}'"),
    ("a\n{% if %}", 2, "expression, got '%}'"),
    ("{% if alias %}", 1, "Missing: .*'endif'. The open block is 'if'"),
    ("{# alias", 1, "a comment is not closed with #}"),
    ("{{ alias|safe }}", 1, 'unknown filter "safe"'),
    ("{% if 0 %}{{ alias|nope }}{% endif %}", 1, 'unknown filter "nope"'),
    ("\n{{ alias|map('upper') }}", 2, 'unknown filter "map"'),
    ("{{ alias is divisibleby 3 }}", 1, 'unknown test "divisibleby"'),
    ("{{ lipsum() }}", 1, 'unknown function "lipsum"'),
    ("{{ alias.format(1) }}", 1, 'unknown method "format"'),
    ("{{ alias.encode() }}", 1, 'unknown method "encode"'),
    ("{{ ''.__class__ }}", 1, "underscore"),
    ("{{ alias.upper.__self__ }}", 1, "underscore"),
    ("{{ _each }}", 1, "underscore"),
    ("{% set _x = 1 %}", 1, "underscore"),
    ("{{ (alias or alias)() }}", 1, "only functions"),
    ("{{ pex_head(*alias) }}", 1, r"with \* or \*\*"),
    ("{% macro m() %}{% endmacro %}", 1, "{% macro %}"),
    ("{% include 'x' %}", 1, "{% include %}"),
    ("{% import 'x' as x %}", 1, "{% import %}"),
    ("{% from 'x' import x %}", 1, "{% from %}"),
    ("{% extends 'x' %}", 1, "{% extends %}"),
    ("{% block x %}{% endblock %}", 1, "{% block %}"),
    ("{% with x = 1 %}{% endwith %}", 1, "{% with %}"),
    ("{% filter upper %}x{% endfilter %}", 1, "{% filter %}"),
    ("{% set x %}y{% endset %}", 1, "with a block"),
    ("{% set x.y = 1 %}", 1, "of an attribute"),
    ("{% autoescape false %}{{ alias }}{% endautoescape %}", 0, "{% autoescape %}"),
    ("{% for x in alias recursive %}{% endfor %}", 1, "recursive"),
    ("{% do alias %}", 1, "unknown tag"),
    ("{{ alias|pex_head }}", 1, "pex_head: missing"),
    ("{{ alias|pex_md5(1) }}", 1, "pex_md5: too many"),
    ("{{ pex_regex_search('a') }}", 1, "pex_regex_search: missing"),
    ("{{ alias|pex_regex_replace('(', '') }}", 1, "missing \\)"),
    ("{{ pex_regex_search('(?=a)', alias) }}", 1, "regular expression"),
    ("{{ alias|pex_regex_replace(find='(a?){1000}', replace='') }}", 1, "too large"),
]


@pytest.mark.parametrize(("source", "line", "says"), REFUSED)
def test_templates_that_cannot_work_are_refused(
    source: str, line: int, says: str
) -> None:
    """Each mistake is found by saving, with its line and what is wrong."""
    with pytest.raises(TemplateError, match=says) as caught:
        still_templates().check(source, frozenset({"alias"}))
    assert caught.value.line == line


def test_what_was_right_is_not_looked_at_again() -> None:
    """A template that passed is not tried a second time; with other variables, or after
    it failed, it is."""
    tried: list[int] = []

    def digits(count: int) -> str:
        tried.append(count)
        return "7" * count

    templates = Templates(lambda: NOON, lambda: UUID, digits)
    source = "{{ pex_random_pin(4) }} {{ alias }}"
    for _ in range(3):
        templates.check(source, frozenset({"alias"}))
    assert len(tried) == 1
    for _ in range(2):
        with pytest.raises(TemplateError):
            templates.check(source, frozenset())
    templates.check(source, frozenset({"alias", "numeric_alias"}))
    assert len(tried) == 2


def test_unknown_variables_are_refused() -> None:
    """The message names the variable, its line and the ones that may be used."""
    source = "{{alias}}\n{{subject}} {{other}}"
    with pytest.raises(TemplateError) as caught:
        still_templates().check(source, variables.JOINING_INSTRUCTIONS)
    assert str(caught.value) == (
        'line 2: unknown variable "subject"; this template may use '
        "addin_server_domain, alias, alias_uuid, numeric_alias"
    )
    with pytest.raises(TemplateError, match="may use no variables"):
        still_templates().check(source, variables.NO_VARIABLES)


@pytest.mark.parametrize(
    "source",
    [
        "{% set x = alias %}{{ x }}",
        "{% if alias %}{% set y = 1 %}{% endif %}{{ y }}",
        "{% for a, b in [(1, 2)] %}{{ loop.index }}{{ a }}{{ b }}{% endfor %}",
        "{{ pex_now().year }}{{ range(3)|join }}{{ alias|pex_md5 }}",
        "{{ {'k': 1}.k }}{{ alias.upper() }}",
    ],
)
def test_own_names_are_no_unknown_variables(source: str) -> None:
    """What a template sets, loops over or calls need not be given to it."""
    still_templates().check(source, frozenset({"alias"}))


def test_exactly_the_documented_filters_exist() -> None:
    """The standard filters are the documented 18, no more and no less."""
    documented = (
        "abs capitalize default first float format int join last length lower range "
        "replace round striptags trim truncate upper"
    )
    assert sorted(STANDARD_FILTERS) == documented.split()


def test_every_default_template_is_acceptable() -> None:
    """What an integration gets by default passes its own check and renders."""
    templates = still_templates()
    count = 0
    for field in fields_of(Connector).values():
        if field.field.template is not None:
            templates.check(field.default, field.field.template)
            templates.render(field.default, dict.fromkeys(field.field.template, "1"))
            count += 1
    assert count > 15


def test_uses_looks_at_what_is_rendered() -> None:
    """Comments, raw text and names of the template's own do not count as using."""
    uses = still_templates().uses
    assert uses("{% if 1 %}{{ alias_uuid|upper }}{% endif %}", "alias_uuid")
    assert uses("{% set x = alias_uuid %}{{ x }}", "alias_uuid")
    for source in (
        "{{ alias }} alias_uuid",
        "{# {{ alias_uuid }} #}",
        "{% raw %}{{ alias_uuid }}{% endraw %}",
        "{% set alias_uuid = 1 %}{{ alias_uuid }}",
    ):
        assert not uses(source, "alias_uuid")


def _nested(opening: str, inner: str, closing: str, times: int) -> str:
    return opening * times + inner + closing * times


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + _nested("(", "1", ")", 4000) + " }}",
        "{{ " + _nested("[", "1", "]", 4000) + " }}",
        "{{ " + "-" * 9000 + "1 }}",
        "{{ " + "not " * 3000 + "1 }}",
        "{{ 1" + "+1" * 6000 + " }}",
        "{{ a" + ".a" * 6000 + " }}",
        "{{ a" + "|abs" * 3000 + " }}",
        "{{ [" + "1," * 8000 + "] }}",
        "{{ a }}" * 2000,
        "{{ 'a'" + "~'a'" * 2000 + " }}",
        _nested("{% if 1 %}", "", "{% endif %}", 700),
        _nested("{% for a in a %}", "", "{% endfor %}", 40),
        "{{ 1" + "0" * 5000 + " }}",
        "x" * (MAX_SOURCE + 1),
        "{{" * 8000,
        "{{ '" + "\\" * 16000,
        "{#" * 8000,
    ],
)
def test_monstrous_templates_are_refused(source: str) -> None:
    """Neither depth nor length brings the parser or the compiler down."""
    with pytest.raises(TemplateError):
        still_templates().check(source, frozenset({"a"}))


_WORDS = (
    "{{ }} {% %} {# #} {%- -%} if else elif endif for in endfor set = == ( ) [ ] "
    "{ } , : . | ~ + - * ** / % not and or is defined alias loop range pex_head "
    "pex_regex_replace replace format join 'a' \"(\" 1 2.5 10**9 \\ raw endraw "
    "macro include x"
)


@given(
    st.lists(st.sampled_from(_WORDS.split()), max_size=25).map(" ".join)
    | st.text(max_size=60)
)
def test_any_text_is_accepted_or_refused(source: str) -> None:
    """No text makes check or render raise anything but TemplateError."""
    templates = still_templates()
    try:
        templates.check(source, frozenset({"alias", "x"}))
        templates.render(source, {"alias": "a@b", "x": [1, "2"]})
    except TemplateError:
        pass


def test_sets_of_variables_agree() -> None:
    """Every answer may use the aliases; the tag's variable is one that may be used."""
    sets = (variables.REJECTION, variables.GENERAL_ERROR)
    assert all(a < b for a, b in pairwise(sets))
    assert variables.REQUIRED_IN_JOINING_INSTRUCTIONS in variables.JOINING_INSTRUCTIONS


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ pex_now('Europe') }}", '"Europe" is no time zone'),
        ("{{ pex_now('" + "a" * 5000 + "') }}", "is no time zone"),
        ("{{ pex_now('\\0') }}", "is no time zone"),
        ("{{ pex_now(alias) }}", "is no time zone"),
        ("{{ 1/0 }}", "division by zero"),
        ("{{ 2.5**1000 }}", "failed"),
        ("{{ 'x' + 1 }}", "failed"),
        ("{{ alias|pex_to_uuid }}", "failed"),
        ("{{ 'a' * 10**9 }}", "grows beyond"),
        ("{{ 9**99999 }}", "too large"),
        ("{% for i in range(60000) %}{{ i }}{% endfor %}", "too much work"),
        ("{{ '%d' % alias }}", "failed"),
        ("{{ '1.1.1.1'|pex_in_subnet('x') }}", "failed"),
    ],
)
def test_what_would_fail_with_every_meeting_is_refused(source: str, says: str) -> None:
    """A template is tried before it is saved; the message says what went wrong."""
    with pytest.raises(TemplateError, match=says) as caught:
        still_templates().check(source, frozenset({"alias"}))
    assert caught.value.message.startswith("line 1: ")
    assert caught.value.message.endswith(", when tried")
    assert len(caught.value.message) < 400


def test_trying_is_not_noticed() -> None:
    """A trial writes nothing to the log, and may refuse what is too short."""
    said: list[str] = []
    templates = still_templates(said)
    source = "{{ pex_debug_log(alias) }}{{ alias|pex_require_min_length(99) }}"
    templates.check(source, frozenset({"alias"}))
    assert said == []
    templates.render("{{ pex_debug_log(alias) }}", {"alias": "x"})
    assert said == ["x"]


def test_personal_templates_are_tried_with_lists() -> None:
    """Aliases are lists and allow_guests is a bool when a template is tried."""
    templates = still_templates()
    templates.check(
        "{{ 1 / (domain_aliases|length - 2) }}{% if allow_guests is boolean %}"
        "{{ domain_aliases|join(', ') }}{% endif %}",
        variables.PERSONAL_ROOM,
    )
    with pytest.raises(TemplateError, match="when tried"):
        templates.check("{{ other_aliases.upper() }}", variables.PERSONAL_ROOM)
