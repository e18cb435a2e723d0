"""Query strings of lists, and the links between pages."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pexschedd.errors import InvalidFields
from pexschedd.management.resources import CONFERENCE, SCHEDULED_CONFERENCE
from pexschedd.web.admin.query_string import (
    page_meta,
    page_text,
    parse_list_query,
)
from tests.management.test_listing import ROOMS, select


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("limit", "-1"),
        ("limit", "x"),
        ("offset", "1.5"),
        ("order_by", "nothing"),
        ("order_by", "--name"),
        ("no_such_field", "1"),
    ],
)
def test_wrong_argument_is_named(key: str, value: str) -> None:
    """What cannot be understood is refused: a typing error must not list all."""
    with pytest.raises(InvalidFields) as caught:
        parse_list_query(CONFERENCE, {key: [value]})
    assert set(caught.value.problems) == {key}


def test_wrong_arguments_say_what_would_be_right() -> None:
    """Every wrong one is named, with where to look for what there is."""
    wrong = {"name__like": ["1"], "limit": ["9" * 19], "order_by": ["one,name,-two"]}
    with pytest.raises(InvalidFields) as caught:
        parse_list_query(CONFERENCE, wrong)
    see = f"in {CONFERENCE.uri}schema/."
    assert caught.value.problems == {
        "name__like": [f"There is no such filter; what there is: filtering {see}"],
        "limit": ["This must be a whole number from 0 to 10000."],
        "order_by": [
            f"There is no field {name!r}; what there is: ordering {see}"
            for name in ("one", "two")
        ],
    }


@given(limit=st.integers(1, 40))
def test_next_leads_through_all(limit: int) -> None:
    """Following `next` shows every record once; `previous` leads back."""
    arguments: dict[str, list[str]] = {"limit": [str(limit)], "tag__in": ["a,b"]}
    seen: list[int] = []
    while True:
        query = parse_list_query(CONFERENCE, arguments)
        ids, total = select(CONFERENCE, query)
        seen += ids
        meta = page_meta(CONFERENCE, arguments, query, total)
        assert (meta["previous"] is None) == (query.offset == 0)
        if meta["next"] is None:
            break
        assert urlsplit(meta["next"]).path == CONFERENCE.uri
        arguments = parse_qs(urlsplit(meta["next"]).query)
    assert seen == [room.id for room in ROOMS]


@pytest.mark.parametrize("objects", [[], [b'{"id":1}'], [b'{"id":1}', b'{"id":2}']])
def test_the_text_of_a_page(objects: list[bytes]) -> None:
    """It is the JSON of the meta and of all objects, none and one included."""
    meta = {"limit": 20, "next": None}
    listed = [json.loads(each) for each in objects]
    assert json.loads(page_text(meta, objects)) == {"meta": meta, "objects": listed}


def test_limits() -> None:
    """Twenty without a limit; 0 is the largest page; for more than that there is an
    error, not a page that looks like everything."""
    assert parse_list_query(CONFERENCE, {}).limit == 20
    for text in ("0", "10000"):
        assert parse_list_query(CONFERENCE, {"limit": [text]}).limit == 10_000
    with pytest.raises(InvalidFields, match="from 0 to 10000"):
        parse_list_query(CONFERENCE, {"limit": ["10001"]})


@given(st.text(), st.text())
def test_any_query_is_answered_or_refused(key: str, value: str) -> None:
    """No argument does anything else than filter or be named."""
    try:
        select(
            SCHEDULED_CONFERENCE, parse_list_query(SCHEDULED_CONFERENCE, {key: [value]})
        )
    except InvalidFields as error:
        assert error.problems  # noqa: PT017 - both outcomes are right
