"""The integration's templates say what they are told to say."""

import pytest
from msgspec.structs import replace

from pexschedd.model.meeting import MeetingMessage, MessageKind, MessageRef
from pexschedd.scheduling.decisions.decision import AnswerTemplate
from pexschedd.scheduling.records.message_texts import MessageTexts
from pexschedd.templates.engine import Templates
from tests.scheduling.upkeep.upkeep_support import (
    ALICE,
    CONNECTOR,
    HOUR,
    NOW,
    alias,
    numeric,
    tag,
)

TEXTS = MessageTexts(Templates(lambda: NOW, lambda: "uuid", lambda n: "1" * n))
MESSAGE = MeetingMessage(
    ref=MessageRef("item"),
    kind=MessageKind.REQUEST,
    received=NOW,
    start=NOW,
    end=NOW + HOUR,
    zone="Europe/Oslo",
    subject="Plans & <b>secrets</b>",
    organizer=ALICE,
)
NAMES = "{{subject}}|{{organizer_name}}|{{organizer_email}}|{{alias}}|{{numeric_alias}}"


def test_instructions_name_alias_and_tag() -> None:
    """Both aliases, the add-in's address, and the tag in the form that we look for."""
    template = "{{addin_server_domain}} {{alias}} {{numeric_alias}} {{alias_uuid}}"
    connector = replace(CONNECTOR, meeting_instructions_template=template)
    assert TEXTS.instructions(connector, alias(1)) == (
        f"pex.example.test {numeric(1)}@example.test {numeric(1)} PXPS:-{tag(1)}#"
    )


def test_a_placeholder_knows_nothing() -> None:
    """It is the same in every invitation."""
    connector = replace(CONNECTOR, placeholder_instructions_template="<p>soon</p>")
    assert TEXTS.placeholder(connector) == "<p>soon</p>"


def test_an_answer_names_alias_and_times() -> None:
    """In the meeting's own time zone; what is not known is left empty."""
    template = "{{alias}} {{numeric_alias}} {{start_time}} {{end_time}}"
    connector = replace(CONNECTOR, accept_new_single_meeting_template=template)
    said = TEXTS.answer(connector, AnswerTemplate.NEW_SINGLE, MESSAGE, alias(1))
    assert said.startswith(f"{numeric(1)}@example.test {numeric(1)} ")
    assert "13:00" in said
    assert "14:00" in said
    for unknown in (replace(MESSAGE, start=None), replace(MESSAGE, end=None)):
        said = TEXTS.answer(connector, AnswerTemplate.NEW_SINGLE, unknown, None)
        assert not said.strip()


def test_an_answer_without_variables() -> None:
    """The text of the field that is asked for."""
    connector = replace(CONNECTOR, reject_invalid_alias_id_template="<p>no tag</p>")
    assert (
        TEXTS.plain_answer(connector, AnswerTemplate.INVALID_ALIAS) == "<p>no tag</p>"
    )


@pytest.mark.parametrize("template", ["failed: {{correlation_id}}", "{{1/0}}"])
def test_a_general_error_can_always_be_told(template: str) -> None:
    """With the correlation id, even if the administrator's template fails."""
    connector = replace(CONNECTOR, reject_general_error_template=template)
    assert "id-7" in TEXTS.general_error(connector, "id-7")


def test_the_texts_of_a_room_are_plain_and_bounded() -> None:
    """Each from its own field, from the meeting and its alias; nothing is escaped."""
    connector = replace(
        CONNECTOR,
        conference_name_template="N" + NAMES,
        conference_description_template="D" + NAMES,
        conference_subject_template="S" + NAMES,
        scheduled_alias_description_template="A" + NAMES,
    )
    room = TEXTS.of_room(connector)
    rest = (
        f"Plans & <b>secrets</b>|Alice|alice@example.test|"
        f"{numeric(1)}@example.test|{numeric(1)}"
    )
    assert room.name(MESSAGE, alias(1)) == "N" + rest
    assert room.description(MESSAGE, alias(1)) == "D" + rest
    assert room.subject(MESSAGE, alias(1)) == "S" + rest
    assert room.alias_description(MESSAGE, alias(1)) == "A" + rest
    long = replace(MESSAGE, subject="x" * 300)
    for said in (room.name(long, alias(1)), room.subject(long, alias(1))):
        assert len(said) == 250
