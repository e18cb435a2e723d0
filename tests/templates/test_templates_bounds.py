"""Templates end, soon, and stay small, whatever they try."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pexschedd.errors import TemplateError
from pexschedd.templates.engine import Templates
from tests.templates.templates_support import NOON, still_templates
from tests.thorough import examples

BIG = {"big": "ab" * 30_000, "html": "&a" * 30_000, "x": "x"}


def _again(
    statement: str, times: int, start: str = "{% set x = 'aaaaaaaaaa' %}"
) -> str:
    return start + statement * times + "{{ x }}"


def _always(expression: str) -> str:
    return f"{{% for i in range(60000) %}}{{{{ {expression} }}}}{{% endfor %}}"


REFUSED = [
    "{% for i in range(10**9) %}x{% endfor %}",
    "{% for i in range(10**30) %}x{% endfor %}",
    "{{ range(10**9)|join }}",
    "{% for i in range(999) %}{% for j in range(999) %}{% endfor %}{% endfor %}",
    "{% for i in range(999) %}{% for j in range(999) %}x{% endfor %}{% endfor %}",
    "{% for i in range(999) if i in range(60000) %}{{ big }}{% endfor %}",
    "{% for i in range(60000) %}{% if x and x and x %}{% endif %}{% endfor %}",
    "{% for c in big %}{{ c }}{% endfor %}",
    "{% for i in range(60000) %}" + "some static text " * 500 + "{% endfor %}",
    _always("big == big ~ ''"),
    _always("'abba' in big"),
    _always("big|upper|pex_md5"),
    _always("html|striptags"),
    _always("big.lstrip('ab')"),
    _always("pex_debug_log(big)"),
    "{{ big }}{{ big }}{{ big }}{{ big }}{{ big }}",
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ [1] * 10**9 }}",
    "{{ [[]] * 60000 }}",
    "{{ 2 ** (10**9) }}",
    "{{ 9**999 * 9**999 * 9**999 }}",
    _again("{% set x = x ~ x %}", 30),
    _again("{% set x = x + x %}", 30),
    _again("{% set x = x * 9 %}", 30),
    _again("{% set x = [x, x] %}", 60),
    _again("{% set x = {1: x, 2: x} %}", 60),
    _again("{% set x = (x, x) %}", 60),
    _again("{% set x = x|replace('a', 'aaaaaaaaaa') %}", 30),
    _again("{% set x = x.replace('', x) %}", 30),
    _again("{% set x = x|join(x) %}", 30),
    _again("{% set x = x.join(x) %}", 30),
    _again("{% set x = '%s%s'|format(x, x) %}", 30),
    _again("{% set x = '%s%s' % (x, x) %}", 30),
    _again("{% set x = x|pex_regex_replace('a', 'aaaaaaaaaa') %}", 30),
    _again("{% set x = x|pex_url_encode|pex_url_encode|pex_base64 %}", 60),
    "{{ '" + "%(a)s" * 3000 + "'|format(a=big) }}",
    "{{ '%999999999d'|format(1) }}",
    "{{ '%.999999999f' % 1 }}",
    "{{ '%*d' % (999999999, 1) }}",
    "{{ '%r'|format(x) }}",
    "{{ 'x'.ljust(10**9) }}{{ 'x'.zfill(10**9) }}",
    "{{ 1.5|round(10**9) }}",
    "{{ 1.5|round(-10**9) }}",
    "{{ pex_random_pin(10**9) }}",
    "{{ big|pex_regex_replace('(a+)+$', '') }}",
    "{{ pex_regex_search('(.*)(.*)(.*)(.*)[^b]$', big) }}",
    "{{ big[:9000]|pex_regex_replace('a.*z|a', 'xx') }}",
    _always("pex_regex_search('b{0,60}c[^x]*zz', big[:9000])"),
    _always("pex_regex_search('a{1,60}' ~ i, big[:9000])"),
]


@pytest.mark.parametrize("source", REFUSED)
def test_templates_are_stopped(source: str) -> None:
    """Each way to run on or to grow ends in TemplateError, soon and in little room."""
    templates = still_templates()
    with pytest.raises(TemplateError):
        templates.render(source, BIG)
    started = time.thread_time()
    with pytest.raises(TemplateError):
        templates.render(source, BIG)
    assert time.thread_time() - started < 1.5  # 0.2 s on the slowest of them
    tracemalloc.start()
    try:
        with pytest.raises(TemplateError):
            templates.render(source, BIG)
        assert tracemalloc.get_traced_memory()[1] < 16_000_000
    finally:
        tracemalloc.stop()


_OPERATORS = st.sampled_from(["~", "+", "*", "-", "%", "**"])
_FILTERS = (
    "upper length int pex_reverse pex_to_json pex_url_encode striptags first join"
)
_EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "big", "l", "1", "'ab'", "9", "i"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, _OPERATORS, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{}|{}".format, inner, st.sampled_from(_FILTERS.split())),
        st.builds("{}|replace({}, {})".format, inner, inner, inner),
        st.builds("{}|pex_regex_replace('a', {})".format, inner, inner),
    ),
    max_leaves=12,
)


@settings(deadline=2_000, max_examples=examples(200))
@given(st.lists(_EXPRESSIONS, min_size=1, max_size=6), st.booleans())
def test_no_program_runs_on(expressions: list[str], loop: bool) -> None:
    """Programs of growing operations, also in loops, end within the time limit."""
    body = "".join(f"{{% set x = {e} %}}{{{{ x }}}}" for e in expressions)
    source = f"{{% for i in range(999) %}}{body}{{% endfor %}}" if loop else body
    templates = still_templates()
    try:
        result = templates.render(source, BIG | {"l": ["a", "b"]})
    except TemplateError:
        return
    assert len(result) < 300_000


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''['__class__'] }}",
        "{{ x['upper'] }}",
        "{{ x.format }}",
        "{{ l.append }}",
        "{{ {'a': 1}['__class__'] }}",
        "{{ pex_now().tzinfo }}",
        "{% for a in l %}{{ loop['_iterable'] }}{{ loop.changed }}{% endfor %}",
    ],
)
def test_nothing_else_can_be_reached(source: str) -> None:
    """Attributes that are not listed do not exist, however they are asked for."""
    assert still_templates().render(source, {"x": "x", "l": [1]}) == ""


@pytest.mark.parametrize(
    "error", [OSError, RuntimeError, StopIteration, EOFError, AssertionError, Exception]
)
def test_no_error_of_a_template_leaves_by_itself(error: type[Exception]) -> None:
    """Whatever a function of a template raises is a TemplateError."""

    def fail() -> str:
        raise error("no such luck")

    templates = Templates(now=lambda: NOON, uuid4=fail, digits=str)
    with pytest.raises(TemplateError, match="failed"):
        templates.render("\n{{ pex_uuid4() }}", {})


@pytest.mark.parametrize(
    "source",
    [
        "{% set x = ('https://'*4000) %}{{ x|pex_safelinks_decode|length }}",
        "{% set x = ('<b>&amp;'*7500) %}{{ x|striptags|length }}",
        "{% set x = ('%41'*10000) %}{{ x|pex_url_decode|length }}",
        "{% set x = ('s '*7000).split() %}{{ x|length }}",
    ],
)
def test_slow_functions_cost_more(source: str) -> None:
    """Functions that look at each character by itself can run a few times, not 40."""
    templates = still_templates()
    templates.render(source, {})
    with pytest.raises(TemplateError, match="too much work"):
        templates.render(f"{{% for i in range(40) %}}{source}{{% endfor %}}", {})
