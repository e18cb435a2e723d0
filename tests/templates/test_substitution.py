"""Templates of text and names are filled in without jinja2, with the same result."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import MissingValue, TemplateError
from pexschedd.model.fields import default_texts
from pexschedd.templates import engine
from pexschedd.templates.sandbox import TemplateSandbox
from tests.templates.templates_support import still_templates

VALUES = {"alias": "555@a.test", "subject": "<b>'Q3' & {Q4}</b>", "empty": ""}


def _by_jinja2(
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    values: Mapping[str, object],
    **how: bool,
) -> str:
    with monkeypatch.context() as patch:
        patch.setattr(engine, "substitution_of", lambda tree, functions: None)
        return still_templates().render(source, values, **how)


@given(
    pieces=st.lists(
        st.sampled_from(
            [
                "{{alias}}",
                "{{ subject }}",
                "{{-empty-}}",
                " a ",
                "{ }",
                "%(b)s",
                "{a}\n",
            ]
        )
        | st.text(alphabet="<&'\"\x00 {x}", max_size=5).filter(
            lambda text: not any(mark in text for mark in ("{{", "{%", "{#"))
        ),
        max_size=8,
    ),
    html=st.booleans(),
)
def test_the_result_is_jinja2s(pieces: list[str], html: bool) -> None:
    """Text, braces and values come out as jinja2 writes them, escaped or not."""
    # A brace at the end of one piece and one at the start of the next are a mark.
    source = "\n".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        expected = _by_jinja2(patch, source, VALUES, html=html)
    assert still_templates().render(source, VALUES, html=html) == expected


def test_the_default_instructions_do_without_jinja2(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The joining instructions of an integration with the default text make no
    context."""
    values = dict.fromkeys(
        ("addin_server_domain", "alias", "numeric_alias", "alias_uuid"), "<value>"
    )
    source = default_texts.JOINING_INSTRUCTIONS
    expected = _by_jinja2(monkeypatch, source, values)
    monkeypatch.delattr(engine.Templates, "_fill")
    assert still_templates().render(source, values) == expected


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("{{ alias }}|{{ pin }}|{{ n }}", VALUES | {"pin": None, "n": 5}),
        ("{{ alias }}|{{ missing }}", VALUES),
        ("{{ alias|upper }}", VALUES),
        ("{% if alias %}a{% endif %}", VALUES),
        ("{{ alias }}{# {{ subject }} #}", VALUES),
        ("{{ alias }}" * 200, {"alias": "a" * 100}),
    ],
)
def test_what_needs_jinja2_gets_it(
    source: str, values: Mapping[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values that are missing, long or no text show what they always did."""
    expected = _by_jinja2(monkeypatch, source, values)
    assert still_templates().render(source, values) == expected


def test_bounds_hold_for_names_alone() -> None:
    """Names of long texts are counted, and stopped, like everything else."""
    with pytest.raises(TemplateError, match="over 262144"):
        still_templates().render("{{ a }}" * 900, {"a": "a" * 1000})
    with pytest.raises(TemplateError, match="no text, number or list"):
        still_templates().render("{{ range }}", VALUES)
    with pytest.raises(MissingValue):
        still_templates().render("{{ missing }}", VALUES, complete=True)
    with pytest.raises(TypeError, match="object"):
        still_templates().render("text", {"x": object()})


def test_text_and_names_need_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A template of nothing but text and names is filled in without being compiled,
    which takes longer than all else about it."""

    def refuse(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr(TemplateSandbox, "from_string", refuse)
    assert still_templates().render("Dial {{alias}}", VALUES) == "Dial 555@a.test"
    with pytest.raises(TemplateError, match="too complicated"):
        still_templates().render("Dial {{alias|upper}}", VALUES)
