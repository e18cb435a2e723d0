"""Every request that the daemon can send is valid by Exchange's own schema."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pexschedd.ews.envelope import Sid, clean
from pexschedd.ews.operations.create_item import build_answers
from pexschedd.ews.operations.delete_item import build_delete, build_discard
from pexschedd.ews.operations.find_item import (
    PagePosition,
    build_find_calendar,
    build_find_inbox,
    build_find_meeting,
    build_get_master,
    build_view,
)
from pexschedd.ews.operations.get_folder import build_get_folder
from pexschedd.ews.operations.get_item import (
    build_get_messages,
    build_get_refs,
    build_get_subjects,
)
from pexschedd.ews.operations.get_meetings import (
    build_get_body_type,
    build_get_changed,
    build_get_meetings,
)
from pexschedd.ews.operations.get_user_configuration import build_get_processing
from pexschedd.ews.operations.parts import CALENDAR
from pexschedd.ews.operations.sync_folder_items import build_sync
from pexschedd.ews.operations.update_item import build_new_body
from pexschedd.model.meeting import MessageRef
from pexschedd.scheduling.ports.mailbox import Action, Answer

# Everything Python can hold, the forbidden included: control characters, lone
# surrogates, non-characters.
ANYTHING = st.text(st.characters(codec=None, exclude_categories=[]), max_size=40)
REFS = st.lists(st.builds(MessageRef, ANYTHING, ANYTHING), min_size=1, max_size=4)
MAILBOXES = ANYTHING.map("m".__add__)
SPOKEN = (Action.ACCEPT, Action.DECLINE, Action.REMOVE)
ANSWERS = st.lists(
    st.builds(
        Answer,
        st.builds(MessageRef, ANYTHING, ANYTHING),
        st.sampled_from(SPOKEN),
        ANYTHING,
    ),
    min_size=1,
    max_size=4,
)


@given(MAILBOXES, ANYTHING)
def test_folder_and_sync_are_valid(
    schema: etree.XMLSchema, mailbox: str, state: str
) -> None:
    """GetFolder and SyncFolderItems are valid for any address and any state."""
    for request in (
        build_get_folder(mailbox),
        build_get_folder(mailbox, CALENDAR),
        build_sync(mailbox, ""),
        build_sync(mailbox, state),
    ):
        schema.assertValid(etree.fromstring(request))


@given(MAILBOXES, REFS)
def test_requests_about_items_are_valid(
    schema: etree.XMLSchema, mailbox: str, refs: Sequence[MessageRef]
) -> None:
    """GetItem, MoveItem and DeleteItem are valid for any ids."""
    for request in (
        build_get_messages(mailbox, refs),
        build_get_refs(mailbox, refs),
        build_get_subjects(mailbox, refs),
        build_discard(mailbox, refs),
        build_delete(mailbox, refs),
        build_get_meetings(mailbox, refs),
        build_get_meetings(mailbox, refs, body_type="Best", sid=Sid.ANY),
        build_get_changed(mailbox, refs[0], Sid.ANY),
        build_get_body_type(mailbox, refs[0], Sid.ANY),
    ):
        schema.assertValid(etree.fromstring(request))


MOMENTS = st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
PLACES = st.builds(PagePosition, st.none() | MOMENTS, st.integers(0, 2**31 - 1))


@given(MAILBOXES, PLACES, MOMENTS)
def test_searches_are_valid(
    schema: etree.XMLSchema, mailbox: str, place: PagePosition, moment: datetime
) -> None:
    """FindItem is valid wherever a page begins, and on any day."""
    for request in (
        build_find_inbox(mailbox, place, moment),
        build_find_calendar(mailbox, place),
        build_view(mailbox, moment, moment + timedelta(hours=1), Sid.ANY),
        build_get_master(mailbox, MessageRef("id"), Sid.ANY),
        build_get_processing(mailbox),
    ):
        schema.assertValid(etree.fromstring(request))


@given(MAILBOXES, ANYTHING, st.binary(max_size=60), ANYTHING)
def test_acting_for_organizers_is_valid(
    schema: etree.XMLSchema, mailbox: str, name: str, global_id: bytes, body: str
) -> None:
    """A meeting is found and rewritten by valid requests, in the organizer's name."""
    ref = MessageRef(name, "key")
    for request in (
        build_find_meeting(mailbox, global_id, Sid.ANY),
        build_new_body(mailbox, ref, body, "HTML", Sid.ANY),
        build_new_body(mailbox, ref, body, "Text", Sid.ANY),
    ):
        document = etree.fromstring(request)
        schema.assertValid(document)
        assert document.findtext(".//{*}SmtpAddress") == clean(mailbox)


@given(MAILBOXES, ANSWERS)
def test_answers_are_valid_and_carry_their_bodies(
    schema: etree.XMLSchema, mailbox: str, answers: Sequence[Answer]
) -> None:
    """Any mix of answers is valid, in order, and its bodies arrive as XML can."""
    document = etree.fromstring(build_answers(mailbox, answers))
    schema.assertValid(document)
    items = document.find(".//{*}Items")
    assert items is not None
    names = {
        Action.ACCEPT: "AcceptItem",
        Action.DECLINE: "DeclineItem",
        Action.REMOVE: "RemoveItem",
    }
    assert [etree.QName(each).localname for each in items] == [
        names[answer.action] for answer in answers
    ]
    for answer, element in zip(answers, items, strict=True):
        sent = answer.body if answer.action is not Action.REMOVE else ""
        # XML reads a carriage return in a text as a character reference wrote it.
        assert element.findtext("{*}Body", "") == clean(sent)
        reference = element.find("{*}ReferenceItemId")
        assert reference is not None
        assert reference.get("Id") == clean(answer.ref.item_id)


def test_only_what_is_sent_has_a_disposition() -> None:
    """Removals alone are made without a disposition, and nothing is ever kept."""
    ref = MessageRef("id", "key")
    alone = etree.fromstring(build_answers("a@b.test", [Answer(ref, Action.REMOVE)]))
    mixed = etree.fromstring(
        build_answers("a@b.test", [Answer(ref, action) for action in SPOKEN])
    )
    operations = [each.find(".//{*}CreateItem") for each in (alone, mixed)]
    assert [each.get("MessageDisposition") for each in operations if each is not None]
    assert operations[0] is not None
    assert operations[1] is not None
    assert operations[0].get("MessageDisposition") is None
    assert operations[1].get("MessageDisposition") == "SendOnly"


def test_every_request_impersonates() -> None:
    """The mailbox's address is in the header of each request."""
    refs = [MessageRef("id", "key")]
    for request in (
        build_get_folder("a@b.test"),
        build_sync("a@b.test", ""),
        build_get_messages("a@b.test", refs),
        build_get_refs("a@b.test", refs),
        build_discard("a@b.test", refs),
        build_delete("a@b.test", refs),
        build_answers("a@b.test", [Answer(refs[0], Action.ACCEPT)]),
    ):
        header = etree.fromstring(request).find("{*}Header")
        assert header is not None
        assert header.findtext(".//{*}PrimarySmtpAddress") == "a@b.test"
        version = header.find("{*}RequestServerVersion")
        assert version is not None
        assert version.get("Version") == "Exchange2013_SP1"


def test_the_schema_can_tell(schema: etree.XMLSchema) -> None:
    """A request in another order is not valid: these tests can fail."""
    document = etree.fromstring(build_get_folder("a@b.test"))
    operation = document.find(".//{*}GetFolder")
    assert operation is not None
    operation.append(operation[0])
    assert not schema.validate(document)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain\t\r\n", "plain\t\r\n"),
        ("nul\0 bell\7 escape\x1b", "nul bell escape"),
        ("\ud800lone\udfff", "lone"),
        ("\ufffe\uffff\ufffd", "\ufffd"),
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    """What XML 1.0 cannot carry is left out, and nothing else."""
    assert clean(text) == cleaned
