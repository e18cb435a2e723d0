"""The texts of a personal room, from the integration's four templates."""

from collections.abc import Mapping
from typing import Any

import msgspec

from pexschedd.bodies.plain_text import plain_text
from pexschedd.errors import MissingValue, RoomNotUsable
from pexschedd.model.blank_text import is_blank, shown
from pexschedd.model.integration.connector import Connector
from pexschedd.personal.alias_groups import AliasGroups, grouped
from pexschedd.personal.owned_rooms import OwnedRoom
from pexschedd.scheduling.records.message_texts import MessageTexts

MAX_NAME = 250
MAX_DESCRIPTION = 1_000
MAX_LOCATION = 255
"""Characters that Outlook takes as a location."""

_ALIASES_SHOWN = 3


class RoomProblem(msgspec.Struct, frozen=True):
    """The reason why a room cannot be used for a meeting."""

    code: str
    """Stands for `text` wherever that is shown in another language."""
    text: str
    """English, for people."""


NO_ALIAS = RoomProblem(
    "no_alias",
    "This room has no alias, so nobody could join it. Ask your administrator.",
)
WRONG_ALIASES = RoomProblem(
    "wrong_aliases",
    "This room has no alias of the kind that the joining instructions need. Ask your "
    "administrator.",
)


NO_TEXT = RoomProblem(
    "no_text",
    "There are no joining instructions for this room. Ask your administrator.",
)


class RoomEntry(msgspec.Struct, frozen=True):
    """A room in the list that a user chooses from. The texts are plain."""

    id: int
    name: str
    description: str
    usable: bool
    problem: str
    """The reason why it is not usable, in English; empty if it is."""
    problem_code: str = ""
    """The code of that reason: `no_alias`, `wrong_aliases` or `no_text`."""
    problem_values: Mapping[str, str] = {}
    """Parts of its text in any language: `aliases`, some of those that do not fit."""


class JoiningDetails(msgspec.Struct, frozen=True):
    """The texts that go into the meeting when a room was chosen."""

    name: str
    instructions: str
    """HTML, for the top of the body."""
    location: str
    """One line of plain text; may be empty."""


class PersonalRoomTexts:
    """Fills in the templates; a template that fails is replaced by the default one."""

    def __init__(self, texts: MessageTexts) -> None:
        self._texts = texts

    def entry(self, connector: Connector, room: OwnedRoom) -> RoomEntry:
        """Return what the list shows of a room."""
        aliases = grouped(room.aliases)
        values = _values(connector, room, aliases)
        made = self._made(connector, values, aliases)
        problem = made if isinstance(made, RoomProblem) else None
        return RoomEntry(
            id=room.conference.id,
            name=self._name(connector, room, values),
            description=self._plain(
                connector, "personal_vmr_description_template", values, MAX_DESCRIPTION
            ),
            usable=problem is None,
            **_told(problem, room),
        )

    def details(self, connector: Connector, room: OwnedRoom) -> JoiningDetails:
        """Return what goes into a meeting in this room.

        Raises `RoomNotUsable` if the room has no alias of the kind that the templates
        need, or if they make nothing of it.
        """
        aliases = grouped(room.aliases)
        values = _values(connector, room, aliases)
        made = self._made(connector, values, aliases)
        if isinstance(made, RoomProblem):
            raise RoomNotUsable(made.text)
        instructions, location = made
        name = self._name(connector, room, values)
        return JoiningDetails(name, instructions, location)

    def _made(
        self, connector: Connector, values: Mapping[str, object], aliases: AliasGroups
    ) -> tuple[str, str] | RoomProblem:
        """Return the instructions and the location, or why there are none."""
        if not aliases:
            return NO_ALIAS
        try:
            instructions = self._instructions(connector, values)
            location = self._location(connector, values)
        except MissingValue:
            return WRONG_ALIASES
        if is_blank(plain_text(instructions)) and "<img" not in instructions.lower():
            return NO_TEXT
        return instructions, location

    def _name(
        self, connector: Connector, room: OwnedRoom, values: Mapping[str, object]
    ) -> str:
        field = "personal_vmr_name_template"
        name = shown(self._plain(connector, field, values, MAX_NAME))
        return name or room.conference.name

    def _instructions(self, connector: Connector, values: Mapping[str, object]) -> str:
        field = "personal_vmr_instructions_template"
        return self._texts.fill_in(connector, field, values, complete=True)

    def _location(self, connector: Connector, values: Mapping[str, object]) -> str:
        """The location; empty if it is too long: half an address is worse than none."""
        field = "personal_vmr_location_template"
        text = self._texts.fill_in(connector, field, values, html=False, complete=True)
        return text if _utf16_length(text) <= MAX_LOCATION else ""

    def _plain(
        self,
        connector: Connector,
        field: str,
        values: Mapping[str, object],
        max_length: int,
    ) -> str:
        return self._texts.fill_in(
            connector, field, values, html=False, max_length=max_length
        )


def _told(problem: RoomProblem | None, room: OwnedRoom) -> dict[str, Any]:
    """The fields of an entry that say what is wrong with the room."""
    if problem is None:
        return {"problem": ""}
    some = ", ".join(each.alias for each in room.aliases[:_ALIASES_SHOWN])
    return {
        "problem": problem.text,
        "problem_code": problem.code,
        "problem_values": {"aliases": some} if some else {},
    }


def _utf16_length(text: str) -> int:
    """Return the length as Outlook's JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _values(
    connector: Connector, room: OwnedRoom, aliases: AliasGroups
) -> dict[str, object]:
    """Return the values of `template_variables.PERSONAL_ROOM`."""
    conference = room.conference
    return {
        "name": conference.name,
        "description": conference.description,
        "pin": conference.pin,
        "guest_pin": conference.guest_pin,
        "allow_guests": conference.allow_guests,
        "domain_aliases": aliases.domain,
        "other_aliases": aliases.other,
        "numeric_aliases": aliases.numeric,
        "addin_server_domain": connector.addin_server_domain,
    }
