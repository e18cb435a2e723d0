"""The integration's templates say what they are told to say."""

import pytest
from msgspec.structs import replace
from twisted.logger import capturedLogs

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

TEMPLATES = Templates(lambda: NOW, lambda: "uuid", lambda n: "1" * n)
TEXTS = MessageTexts(TEMPLATES)
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


def test_a_location() -> None:
    """One line of text without markup's escapes; left out if empty or too long."""
    template = "https://{{addin_server_domain}}/?c={{alias}}\n&p={{numeric_alias}}"
    assert TEXTS.location(CONNECTOR, alias(1)) == ""
    connector = replace(CONNECTOR, meeting_location_template=template)
    assert TEXTS.location(connector, alias(1)) == (
        f"https://pex.example.test/?c={numeric(1)}@example.test &p={numeric(1)}"
    )
    for length, shown in ((255, 255), (256, 0)):
        connector = replace(CONNECTOR, meeting_location_template="x" * length)
        assert len(TEXTS.location(connector, alias(1))) == shown


def test_a_plus_in_links() -> None:
    """The default instructions and a location lead to the alias, not to one with a
    space; what people read and dial has the plus."""
    plus = replace(alias(1), alias="+47123@example.test", numeric_alias="+47123")
    found = TEXTS.instructions(CONNECTOR, plus)
    assert found.count("?conference=%2B47123@example.test") == 2
    assert "?conference=+" not in found
    assert "pexip://+47123@example.test" in found
    assert "then +47123 #" in found
    template = "https://{{addin_server_domain}}/webapp/?conference={{alias}}"
    connector = replace(CONNECTOR, meeting_location_template=template)
    assert TEXTS.location(connector, plus) == (
        "https://pex.example.test/webapp/?conference=%2B47123@example.test"
    )


def test_a_placeholder_knows_nothing() -> None:
    """It is the same in every invitation."""
    connector = replace(CONNECTOR, placeholder_instructions_template="<p>soon</p>")
    assert TEXTS.placeholder(connector) == "<p>soon</p>"


def test_an_answer_names_one_alias_once() -> None:
    """Without a domain there is one alias, and the default text says so."""
    one = replace(alias(1), alias=numeric(1))
    for template in (AnswerTemplate.NEW_SINGLE, AnswerTemplate.EDITED_SERIES):
        said = TEXTS.answer(CONNECTOR, template, MESSAGE, one)
        assert f" the alias: {numeric(1)}." in said
        said = TEXTS.answer(CONNECTOR, template, MESSAGE, alias(1))
        assert f"aliases: {numeric(1)}@example.test and {numeric(1)}." in said


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


def test_a_template_that_fails_is_replaced_and_reported_once() -> None:
    """The field's default text is sent, and one line says which template fails."""
    connector = replace(
        CONNECTOR,
        meeting_instructions_template="{{ pex_now('Europe') }}",
        conference_name_template="{{ 1/0 }}",
    )
    texts = MessageTexts(TEMPLATES)
    with capturedLogs() as logged:
        for _ in range(3):
            assert numeric(1) in texts.instructions(connector, alias(1))
        name = texts.room_texts(connector).name(MESSAGE, alias(1))
    assert name == "Plans & <b>secrets</b> (Alice)"
    reports = [
        (each["field"], each["integration"])
        for each in logged
        if "template failed" in each["log_format"]
    ]
    assert reports == [
        ("meeting_instructions_template", connector.id),
        ("conference_name_template", connector.id),
    ]


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
    room = TEXTS.room_texts(connector)
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
