"""Templates as they are entered: a zone has to be one, and nothing breaks the check."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import InvalidFields
from pexschedd.model.fields.declaration import Record, fields_of
from pexschedd.model.integration.connector import Connector
from tests.model.validation_support import BASES, CONNECTOR, check, problems_of

TEMPLATE_FIELDS = [
    (kind, name, declared.field.must_use)
    for kind in BASES
    for name, declared in fields_of(kind).items()
    if declared.field.template is not None
]


@pytest.mark.parametrize(("kind", "field", "must_use"), TEMPLATE_FIELDS)
@pytest.mark.parametrize("zone", ["Europe", "Mars/Olympus", "", "../UTC"])
def test_no_template_is_taken_with_an_unknown_zone(
    kind: type[Record], field: str, must_use: str, zone: str
) -> None:
    """Whatever the field, it is refused by name, in words; a known zone is taken."""

    def template(zone: str) -> str:
        begin = f"{{{{ {must_use} }}}}" if must_use else ""
        return f"{begin}{{{{ pex_now({zone!r}).year }}}}"

    with pytest.raises(InvalidFields) as caught:
        check(kind, {**BASES[kind], field: template(zone)})
    assert list(caught.value.problems) == [field]
    (text,) = caught.value.problems[field]
    assert "is no time zone" in text
    check(kind, {**BASES[kind], field: template("Europe/Paris")})


@given(st.text())
def test_no_template_breaks_the_check(source: str) -> None:
    """Whatever is entered as a template is taken, or refused by name."""
    values = {**CONNECTOR, "conference_subject_template": source}
    assert problems_of(Connector, values) <= {"conference_subject_template"}
