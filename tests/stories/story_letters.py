"""The answers in an organizer's inbox, by the text that they were made from."""

import re
from functools import cache
from typing import Any

import msgspec
from lxml import html
from msgspec.structs import fields

from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.decisions.decision import AnswerTemplate


class Letter(msgspec.Struct, frozen=True):
    """An answer in the organizer's inbox."""

    kind: str
    """accept, decline, or another item class."""
    about: str
    """Which of the integration's texts it is; the text itself if it is none."""
    text: str = ""
    """What the organizer reads, in one line."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Letter) and (self.kind, self.about) == (
            other.kind,
            other.about,
        )

    __hash__ = None  # type: ignore[assignment]  # they are compared, not collected


NEW_SINGLE = Letter("accept", AnswerTemplate.NEW_SINGLE)
EDITED_SINGLE = Letter("accept", AnswerTemplate.EDITED_SINGLE)
NEW_SERIES = Letter("accept", AnswerTemplate.NEW_SERIES)
EDITED_SERIES = Letter("accept", AnswerTemplate.EDITED_SERIES)
EDITED_OCCURRENCE = Letter("accept", AnswerTemplate.EDITED_OCCURRENCE)
INVALID_ALIAS = Letter("decline", AnswerTemplate.INVALID_ALIAS)
ALIAS_CONFLICT = Letter("decline", AnswerTemplate.ALIAS_CONFLICT)
ALIAS_DELETED = Letter("decline", AnswerTemplate.ALIAS_DELETED)
SINGLE_PAST = Letter("decline", AnswerTemplate.SINGLE_PAST)
SERIES_PAST = Letter("decline", AnswerTemplate.SERIES_PAST)
GENERAL_ERROR = Letter("decline", AnswerTemplate.GENERAL_ERROR)

_KINDS = {
    "IPM.Schedule.Meeting.Resp.Pos": "accept",
    "IPM.Schedule.Meeting.Resp.Neg": "decline",
}


def letter_of(item: Any) -> Letter:
    text = " ".join(str(item.text_body or "").split())
    about = next(
        (name for name, pattern in _texts().items() if pattern.fullmatch(text)), text
    )
    return Letter(_KINDS.get(item.item_class, item.item_class), about, text)


@cache
def _texts() -> dict[str, re.Pattern[str]]:
    """Every text that an integration answers with, as it is read."""
    defaults = {field.name: field.default for field in fields(Connector)}
    return {name: _pattern(defaults[name]) for name in AnswerTemplate}


def _pattern(template: str) -> re.Pattern[str]:
    shown = " ".join(str(html.fromstring(template).xpath("string()")).split())
    return re.compile(re.sub(r"\\\{\\\{\w+\\\}\\\}", "(.+)", re.escape(shown)))
