"""Variables of each kind of jinja2 template (deployment guide, "Variables").

A template field declares one of these sets; saving refuses a template that uses any
other name, so a typing error is found by the administrator and not by the organizers.
"""

_ALIASES = frozenset({"alias", "numeric_alias"})

CONFERENCE = _ALIASES | {"subject", "organizer_name", "organizer_email"}
"""Plain text of a single-use room: name, description, subject, alias description."""

JOINING_INSTRUCTIONS = _ALIASES | {"addin_server_domain", "alias_uuid"}
"""HTML put into the organizer's invitation; `alias_uuid` must be used."""

LOCATION = _ALIASES | {"addin_server_domain"}
"""Plain text that is added to the location of a meeting with a single-use room."""

ACCEPTANCE = _ALIASES | {"start_time", "end_time"}
"""HTML of the five answers to a meeting that was scheduled."""

REJECTION = _ALIASES
"""HTML of the answers to a meeting that was not scheduled, for a reason we know."""

GENERAL_ERROR = REJECTION | {"correlation_id"}
"""HTML of the answer when something else went wrong; the id finds the log entry."""

PERSONAL_ROOM = frozenset(
    {
        "name",
        "description",
        "pin",
        "guest_pin",
        "allow_guests",
        "domain_aliases",
        "other_aliases",
        "numeric_aliases",
        "addin_server_domain",
    }
)
"""Name, description, location and joining instructions of a personal room.

The three `..._aliases` are lists of text, `allow_guests` is a bool, the rest is text.
"""

SCREEN_TITLE = frozenset({"subject", "organizer_name", "organizer_email"})
"""Plain text on a room's screen, in the place of a meeting's subject."""

NO_VARIABLES: frozenset[str] = frozenset()
"""HTML that is the same for everybody: the placeholder for joining instructions."""

REQUIRED_IN_JOINING_INSTRUCTIONS = "alias_uuid"
"""Without the security tag an invitation could not be recognised when it arrives."""
