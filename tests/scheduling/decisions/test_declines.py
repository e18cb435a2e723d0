"""Requests that are declined, each in its own words, and those that say too little."""

from typing import Any

import pytest

from pexschedd.model.conference import ConferenceAlias
from pexschedd.scheduling.decisions.decision import AnswerTemplate, Undecidable
from pexschedd.scheduling.ports.mailbox import Action
from tests.scheduling.decisions.decide_support import (
    HOUR,
    NOW,
    OTHER_TAG,
    Rooms,
    request,
    run,
)

DECLINED: list[tuple[str, dict[str, Any], dict[str, Any], AnswerTemplate]] = [
    ("no tag", {}, {"tag": ""}, AnswerTemplate.INVALID_ALIAS),
    ("unknown tag", {}, {"tag": OTHER_TAG}, AnswerTemplate.INVALID_ALIAS),
    (
        "another integration's",
        {"exchange_connector": 2},
        {},
        AnswerTemplate.INVALID_ALIAS,
    ),
    ("other meeting's", {"ews_item_uid": "0400AA"}, {}, AnswerTemplate.INVALID_ALIAS),
    ("deleted", {"conference_deletion_time": NOW}, {}, AnswerTemplate.ALIAS_DELETED),
    (
        "in the past",
        {},
        {"start": NOW - 2 * HOUR, "end": NOW - HOUR},
        AnswerTemplate.SINGLE_PAST,
    ),
    ("just over", {}, {"start": NOW - HOUR, "end": NOW}, AnswerTemplate.SINGLE_PAST),
]


@pytest.mark.parametrize(
    ("booked", "sent", "text"),
    [row[1:] for row in DECLINED],
    ids=[row[0] for row in DECLINED],
)
def test_declined_in_the_right_words(
    booked: dict[str, Any], sent: dict[str, Any], text: AnswerTemplate
) -> None:
    """What cannot be scheduled is declined with its own text, and changes nothing."""
    rooms = Rooms()
    rooms.book(**booked)
    decision = run(request(**sent), rooms)
    assert (decision.action, decision.template) == (Action.DECLINE, text)
    assert decision.changes == ()


def test_alias_of_another_room_is_a_conflict() -> None:
    """An alias that leads into another room is declined with the conflict text."""
    rooms = Rooms()
    rooms.book()
    rooms.addresses[7] = ConferenceAlias(id=7, alias="555000001", conference=70)
    decision = run(request(), rooms)
    assert decision.template is AnswerTemplate.ALIAS_CONFLICT
    assert decision.alias == rooms.aliases[1]


@pytest.mark.parametrize(
    "broken",
    [
        {"is_series": True},
        {"uid": ""},
        {"start": None},
        {"end": None},
        {"end": NOW},
    ],
)
def test_what_does_not_fit_is_undecidable(broken: dict[str, Any]) -> None:
    """A request that cannot be understood is for the general error text."""
    rooms = Rooms()
    rooms.book()
    with pytest.raises(Undecidable):
        run(request(**broken), rooms)
