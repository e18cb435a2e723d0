"""A rule that finds what to dial, the platform's `mjx_meeting_processing_rule`.

What is wrong with one only together with others of its fields, `onetouch/rules` knows.
"""

from typing import Annotated

from pexschedd.model.fields import kinds
from pexschedd.model.fields.declaration import Field, Record

MEETING_TYPES = (
    "pexipinfinity",
    "pexipservice",
    "teams",
    "teamssipguestjoin",
    "polyteamsbody",
    "ciscoteamsbody",
    "pexipserviceteamsbody",
    "pexipinfinityteamsbody",
    "hangouts",
    "googlemeetsipguestjoin",
    "s4b",
    "polys4bbody",
    "webex",
    "zoom",
    "gotomeeting",
    "domain",
    "regex",
    "regex_re2",
    "custom",
    "catalogue",
)
"""The platform's types, and `catalogue`: all services that have no type of their
own."""


class ProcessingRule(Record, frozen=True, kw_only=True):
    """A rule by which a profile finds what its rooms have to dial."""

    name: Annotated[
        str,
        Field(
            label="Name",
            help="What this rule is called.",
            min_length=1,
            max_length=250,
        ),
    ]
    description: Annotated[str, kinds.notes()] = ""
    mjx_integration: Annotated[
        int,
        Field(
            label="Profile", help="The profile it is for.", related="mjx_integration"
        ),
    ]
    priority: Annotated[
        int,
        Field(
            label="Priority",
            help="Rules are tried in ascending order; the first that matches decides.",
            minimum=1,
            maximum=200,
        ),
    ]
    enabled: Annotated[
        bool, Field(label="Enabled", help="Whether it is tried at all.")
    ] = True
    meeting_type: Annotated[
        str,
        Field(
            label="Meeting type",
            help="Which invitations it reads, and how.",
            choices=MEETING_TYPES,
        ),
    ]
    domain: Annotated[
        str,
        Field(
            label="Domain",
            help="The domain that is dialled, or with the type domain the one that is "
            "looked for.",
            max_length=255,
        ),
    ] = ""
    company_id: Annotated[
        str,
        Field(
            label="Company ID",
            help="The customer id in the dial strings of the SIP guest join types.",
            max_length=36,
        ),
    ] = ""
    include_pin: Annotated[
        bool,
        Field(label="Include PIN", help="Whether the meeting's password is dialled."),
    ] = False
    default_processing_enabled: Annotated[
        bool,
        Field(
            label="Default processing",
            help="Whether the dial string is the service's own; otherwise "
            "transform_rule makes it.",
        ),
    ] = True
    transform_rule: Annotated[
        str,
        Field(
            label="Transform rule",
            help="A template of the dial string; see default_processing_enabled.",
            max_length=512,
            multiline=True,
        ),
    ] = ""
    match_string: Annotated[
        str,
        Field(
            label="Match string",
            help="The RE2 expression that regex and regex_re2 search for.",
            max_length=250,
        ),
    ] = ""
    replace_string: Annotated[
        str,
        Field(
            label="Replace string",
            help="What they dial, with \\1 or \\g<name>; empty: the first group.",
            max_length=250,
        ),
    ] = ""
    custom_template: Annotated[
        str,
        Field(
            label="Custom template",
            help="The template of the type custom, over calendar_event; empty text is "
            "no match.",
            max_length=10_240,
            multiline=True,
        ),
    ] = ""
