"""What `schema/` says of filters is what there is."""

from datetime import datetime

import pytest

from pexschedd.errors import InvalidFields
from pexschedd.management.filters import filter_operators, parse_filter
from pexschedd.management.resources import (
    ALARM_HISTORY,
    BY_KIND,
    CONFERENCE,
    SCHEDULED_CONFERENCE,
    AnyResource,
)

RESOURCES = [r for kind in BY_KIND.values() for r in kind.values()]
OPERATORS = """
    exact iexact contains icontains startswith istartswith endswith iendswith
    gt gte lt lte in isnull range year regex iregex
"""


NO_FILTER = ("There is no such filter", "The filters for", "A filter leads through")


def is_taken(resource: AnyResource, expression: str) -> bool:
    """Whether there is the filter, with one value or another."""
    for text in ("1", "true", "2026-11-21T09:30:00"):
        try:
            parse_filter(resource, expression, text)
        except InvalidFields as error:
            (problem,) = error.problems[expression]
            if problem.startswith(NO_FILTER):
                return False
        else:
            return True
    return False


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: f"{r.kind} {r.name}")
def test_what_is_advertised_works_and_nothing_else(resource: AnyResource) -> None:
    """Each operator that is told of a field is taken, and no other."""
    for expression, told in filter_operators(resource).items():
        assert is_taken(resource, expression), expression
        for operator in OPERATORS.split():
            works = is_taken(resource, f"{expression}__{operator}")
            assert works == (operator in told), (expression, operator)


def test_every_field_can_be_looked_for() -> None:
    """Every field that is no list, and every list of related records, has a filter."""
    for resource in RESOURCES:
        told = filter_operators(resource)
        plain = {n: c for n, c in resource.columns.items() if c.is_plain}
        assert {*plain, *resource.children} <= set(told)
        for name, column in plain.items():
            assert ("gt" in told[name]) == (
                column.type in (int, str, datetime) and not column.related
            )


def test_alarms_by_the_name_that_clients_use() -> None:
    """Alarms of the past are looked for by `start_time`, which is `time_raised`."""
    assert is_taken(ALARM_HISTORY, "start_time__gte")
    told = filter_operators(ALARM_HISTORY)
    assert told["start_time"] == told["time_raised"]


def test_every_list_can_be_searched_by_name() -> None:
    """Clients search by `name`; records without one are searched by what names them."""
    for resource in BY_KIND["configuration"].values():
        assert "icontains" in filter_operators(resource)["name"]


@pytest.mark.parametrize(
    ("resource", "expression", "advice"),
    [
        (
            SCHEDULED_CONFERENCE,
            "conference__ivr_theme__name__icontains",
            ("conference/ with ivr_theme__name=", "conference__id__in="),
        ),
        (
            SCHEDULED_CONFERENCE,
            "conference__aliases__alias",
            ("conference/ with aliases__alias=", "conference__id__in="),
        ),
        (
            SCHEDULED_CONFERENCE,
            "conference__aliases",
            ("conference/ with aliases=", "conference__id__in="),
        ),
        (
            CONFERENCE,
            "aliases__conference__name",
            ("conference_alias/ with conference__name=", "aliases__id__in="),
        ),
    ],
)
def test_one_relation_is_the_limit(
    resource: AnyResource, expression: str, advice: tuple[str, str]
) -> None:
    """A filter through two relations is refused by name, with the two requests that
    find the same; the second one's filter is there."""
    with pytest.raises(InvalidFields) as caught:
        parse_filter(resource, expression, "x")
    ((name, (problem,)),) = caught.value.problems.items()
    assert name == expression
    assert all(part in problem for part in advice), problem
    assert is_taken(resource, advice[1].removesuffix("="))


@pytest.mark.parametrize("expression", ["conference__nmae", "nmae__ivr_theme__name"])
def test_what_is_no_relation_is_no_filter(expression: str) -> None:
    """A name that leads nowhere is said to be no filter, however long it is."""
    with pytest.raises(InvalidFields, match="There is no such filter"):
        parse_filter(SCHEDULED_CONFERENCE, expression, "x")
