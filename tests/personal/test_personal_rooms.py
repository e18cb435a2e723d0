"""Which rooms are a user's, and what the list and the meeting get of them."""

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_twisted
from msgspec.structs import replace

from pexschedd.errors import NotFound, PersonalRoomsOff, RoomNotUsable
from pexschedd.model import tables
from pexschedd.model.conference import ScheduledAlias
from pexschedd.model.schedule import ScheduledConference
from pexschedd.personal.owned_rooms import MOST_ROOMS
from pexschedd.scheduling.admission import Admission, Open
from tests.personal.personal_support import CONNECTOR, USER, Personal

MOMENT = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest_twisted.ensureDeferred
async def test_the_owners_rooms_by_name(personal: Personal) -> None:
    """They are the user's whatever the case of the address, and nobody else's."""
    assert personal.names() == []
    await personal.room("beta", "b@example.com", owner="ALICE@example.com")
    await personal.room("Alpha", "a@example.com")
    await personal.room("Bob's", "bob@example.com", owner="bob@example.com")
    await personal.room("Nobody's", "n@example.com", owner="")
    assert personal.names() == ["Alpha", "beta"]
    assert personal.names(replace(USER, primary_email_address="c@example.com")) == []


@pytest_twisted.ensureDeferred
async def test_rooms_of_meetings_are_not_offered(personal: Personal) -> None:
    """A room with a schedule, a mark or a handed-out alias is its meeting's."""
    await personal.room("Mine", "mine@example.com")
    marked = await personal.room("Marked", "m@example.com", is_scheduled=True)
    with_schedule = await personal.room("Scheduled", "s@example.com")
    await personal.put(
        tables.SCHEDULED_CONFERENCE,
        ScheduledConference(
            id=1,
            conference=with_schedule,
            exchange_connector=1,
            start_time=MOMENT,
            end_time=MOMENT,
        ),
    )
    handed_out = await personal.room("Handed out", "555777@example.com")
    await personal.put(
        tables.SCHEDULED_ALIAS,
        ScheduledAlias(
            id=1,
            uuid="u",
            alias="555777@example.com",
            numeric_alias="555777",
            alias_number=777,
            exchange_connector=1,
            creation_time=MOMENT,
        ),
    )
    assert personal.names() == ["Mine"]
    for id_ in (marked, with_schedule, handed_out):
        with pytest.raises(NotFound):
            personal.rooms.details(CONNECTOR, USER, id_)


@pytest_twisted.ensureDeferred
async def test_scheduled_rooms_are_not_gone_through(personal: Personal) -> None:
    """However many meetings somebody has organized, the list looks at own rooms."""
    for number in range(1_100):
        await personal.room(f"Meeting {number}", is_scheduled=True)
    await personal.room("Mine", "mine@example.com")
    key = USER.primary_email_address
    found = list(personal.store.find_each(tables.PERMANENT_ROOM_BY_OWNER, key))
    assert [room.name for room in found] == ["Mine"]
    assert personal.names() == ["Mine"]


@pytest_twisted.ensureDeferred
async def test_the_list_is_bounded(personal: Personal) -> None:
    """Even an owner of everything gets a list that can be shown."""
    for number in range(MOST_ROOMS + 5):
        await personal.room(f"Room {number}", f"r{number}@example.com")
    assert len(personal.names()) == MOST_ROOMS


@pytest_twisted.ensureDeferred
async def test_a_personal_room_is_always_open(personal: Personal) -> None:
    """Conferencing nodes let people in at any time: it has no schedule."""
    id_ = await personal.room("Mine", "mine@example.com", "4711")
    admission = Admission(personal.store, lambda: MOMENT)
    for alias in ("MINE@example.com", "sip:4711"):
        answer = admission.ask(alias)
        assert isinstance(answer, Open)
        assert answer.conference.id == id_


@pytest_twisted.ensureDeferred
async def test_default_texts(personal: Personal) -> None:
    """The platform's templates give link, number and PIN, and a location."""
    id_ = await personal.room(
        "Alice's room",
        "4711",
        "alice",
        "alice@example.com",
        description="Corner",
        pin="1234",
    )
    (entry,) = personal.rooms.list_of(CONNECTOR, USER)
    assert (entry.id, entry.name, entry.description) == (id_, "Alice's room", "Corner")
    assert (entry.usable, entry.problem) == (True, "")
    details = personal.rooms.details(CONNECTOR, USER, id_)
    link = "https://vc.example.com/webapp/#/?conference=alice@example.com"
    assert f'<a href="{link}">' in details.instructions
    assert "then 4711 #" in details.instructions
    assert "PIN <b>1234</b>" in details.instructions
    assert (details.location, details.name) == (link, "Alice's room")


@pytest.mark.parametrize(
    ("fields", "pin"),
    [
        ({}, None),
        ({"pin": "1234"}, "1234"),
        ({"pin": "1234", "allow_guests": True, "guest_pin": "5678"}, "5678"),
        ({"pin": "1234", "allow_guests": True}, None),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_pin_is_the_invited_peoples(
    personal: Personal, fields: dict[str, Any], pin: str | None
) -> None:
    """Guests are never told the host's PIN."""
    id_ = await personal.room("Mine", "mine@example.com", **fields)
    text = personal.rooms.details(CONNECTOR, USER, id_).instructions
    assert ("PIN" in text) == (pin is not None)
    assert pin is None or f"<b>{pin}</b>" in text


@pytest.mark.parametrize(
    ("aliases", "chosen"),
    [
        (("7", "other", "d@example.com"), "d@example.com"),
        (("7", "other"), "other"),
        (("7",), "7"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_the_default_takes_the_best_alias(
    personal: Personal, aliases: tuple[str, ...], chosen: str
) -> None:
    """One with a domain, else another name, else the number."""
    id_ = await personal.room("Mine", *aliases)
    details = personal.rooms.details(CONNECTOR, USER, id_)
    assert details.location.endswith(f"?conference={chosen}")


@pytest.mark.parametrize(
    ("template", "aliases", "problem"),
    [
        (None, (), "no alias"),
        ("Call {{numeric_aliases[0]}}", ("a@example.com",), "of the kind"),
        ("{% set a = domain_aliases[0] %}<b>{{a}}</b>", ("7",), "of the kind"),
        ("{{'sip:' ~ domain_aliases[0]}}", ("7",), "of the kind"),
        ("{{domain_aliases|first|upper}}", ("7",), "of the kind"),
        ("{{domain_aliases[0].upper()}}", ("7",), "of the kind"),
        ("{{domain_aliases[0] or numeric_aliases[0]}}", ("7",), ""),
        ("{{domain_aliases[0]|default('by name')}}", ("7",), ""),
        ("<p>{{pin}}&nbsp;</p>", ("7",), "no joining instructions"),
        ("<img src='https://a.test/qr.png'>", ("7",), ""),
        ("Join: {% for a in domain_aliases %}{{a}}{% endfor %}", ("7",), ""),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_room_without_the_wanted_alias(
    personal: Personal, template: str | None, aliases: tuple[str, ...], problem: str
) -> None:
    """It is listed with its problem in words, and cannot be put into a meeting."""
    connector = CONNECTOR
    if template is not None:
        connector = replace(connector, personal_vmr_instructions_template=template)
    id_ = await personal.room("Mine", *aliases)
    (entry,) = personal.rooms.list_of(connector, USER)
    assert entry.usable == (not problem)
    assert problem in entry.problem
    codes = {"": "", "no alias": "no_alias", "no joining instructions": "no_text"}
    code = codes.get(problem, "wrong_aliases")
    assert entry.problem_code == code
    if problem:
        with pytest.raises(RoomNotUsable, match=problem):
            personal.rooms.details(connector, USER, id_)
    else:
        assert personal.rooms.details(connector, USER, id_).instructions


@pytest_twisted.ensureDeferred
async def test_aliases_that_do_not_fit_are_named(personal: Personal) -> None:
    """A few of them, for texts in other languages; none for a room that can be used."""
    connector = replace(
        CONNECTOR, personal_vmr_instructions_template="Call {{numeric_aliases[0]}}"
    )
    await personal.room("Mine", "a@example.com", "b@example.com", "c", "d")
    await personal.room("Other", "7")
    mine, other = personal.rooms.list_of(connector, USER)
    assert mine.problem_values == {"aliases": "a@example.com, b@example.com, c"}
    assert (other.usable, other.problem_values) == (True, {})


@pytest_twisted.ensureDeferred
async def test_hostile_names(personal: Personal) -> None:
    """They are escaped in HTML, and text of one line everywhere else."""
    hostile = '<script>alert("1")</script>&'
    connector = replace(
        CONNECTOR,
        personal_vmr_instructions_template="<p>{{name}}: {{description}}</p>",
        personal_vmr_location_template="{{name}}\n{{description}}",
    )
    id_ = await personal.room(
        hostile, 'a"b@example.com', description="two\nlines\u202e"
    )
    (entry,) = personal.rooms.list_of(connector, USER)
    assert (entry.name, entry.description) == (hostile, "two lines")
    details = personal.rooms.details(connector, USER, id_)
    assert "<script>" not in details.instructions
    assert "&lt;script&gt;" in details.instructions
    assert details.location == f"{hostile} two lines"
    default = personal.rooms.details(CONNECTOR, USER, id_)
    assert 'conference=a"b' not in default.instructions


@pytest_twisted.ensureDeferred
async def test_own_templates_for_name_and_description(personal: Personal) -> None:
    """A blank name falls back to the room's own; texts are cut, a location is not."""
    connector = replace(
        CONNECTOR,
        personal_vmr_name_template="{{name ~ '!' if not allow_guests}}",
        personal_vmr_description_template="{{domain_aliases|join(', ')}}" + "x" * 2_000,
        personal_vmr_location_template="https://{{'l' * 300}}/",
    )
    open_to_guests: dict[str, Any] = {"pin": "1234", "allow_guests": True}
    first = await personal.room("Guests", "g@example.com", **open_to_guests)
    await personal.room("Hosts", "h@example.com", "i@example.com")
    guests, hosts = personal.rooms.list_of(connector, USER)
    assert (guests.name, hosts.name) == ("Guests", "Hosts!")
    assert hosts.description.startswith("h@example.com, i@example.comx")
    assert len(hosts.description) == 1_000
    assert personal.rooms.details(connector, USER, first).location == ""


@pytest_twisted.ensureDeferred
async def test_a_failing_template_is_replaced(personal: Personal) -> None:
    """The default text stands in, as it does in invitations of single-use rooms."""
    failing = replace(CONNECTOR, personal_vmr_location_template="{{1/0}}")
    id_ = await personal.room("Mine", "mine@example.com")
    details = personal.rooms.details(failing, USER, id_)
    assert details.location.endswith("conference=mine@example.com")


@pytest_twisted.ensureDeferred
async def test_ownership_is_asked_again(personal: Personal) -> None:
    """A room that changed hands, or is another's, is not found."""
    id_ = await personal.room("Mine", "mine@example.com")
    bobs = await personal.room("Bob's", "bob@example.com", owner="bob@example.com")
    room = personal.store.get(tables.CONFERENCE, id_)
    assert room is not None
    personal.rooms.details(CONNECTOR, USER, id_)
    moved = replace(room, primary_owner_email_address="bob@example.com")
    await personal.put(tables.CONFERENCE, moved)
    for other in (id_, bobs, 4711):
        with pytest.raises(NotFound, match="not one of your rooms"):
            personal.rooms.details(CONNECTOR, USER, other)
    ownerless = replace(USER, primary_email_address="")
    nobodys = await personal.room("Nobody's", "n@example.com", owner="")
    with pytest.raises(NotFound):
        personal.rooms.details(CONNECTOR, ownerless, nobodys)


@pytest_twisted.ensureDeferred
async def test_what_is_kept_is_never_stale(personal: Personal) -> None:
    """A change of the room, of its aliases or of the integration is seen at once, and
    the time that a template names after a minute."""
    id_ = await personal.room("Mine", "mine@example.com")
    assert personal.names() == ["Mine"]
    room = personal.store.get(tables.CONFERENCE, id_)
    (alias,) = personal.every(tables.CONFERENCE_ALIAS)
    assert room is not None
    await personal.put(tables.CONFERENCE, replace(room, name="Renamed"))
    assert personal.names() == ["Renamed"]
    await personal.put(tables.CONFERENCE_ALIAS, replace(alias, conference=99))
    (entry,) = personal.rooms.list_of(CONNECTOR, USER)
    assert not entry.usable
    other = replace(CONNECTOR, personal_vmr_name_template="{{name}} 2")
    (entry,) = personal.rooms.list_of(other, USER)
    assert entry.name == "Renamed 2"
    assert personal.rooms.list_of(other, USER)[0] is entry
    personal.clock.advance(60)
    assert personal.rooms.list_of(other, USER)[0] is not entry


@pytest_twisted.ensureDeferred
async def test_personal_rooms_may_be_off(personal: Personal) -> None:
    """An integration without them offers none."""
    off = replace(CONNECTOR, enable_personal_vmrs=False)
    id_ = await personal.room("Mine", "mine@example.com")
    with pytest.raises(PersonalRoomsOff):
        personal.rooms.list_of(off, USER)
    with pytest.raises(PersonalRoomsOff):
        personal.rooms.details(off, USER, id_)
