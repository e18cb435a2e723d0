"""The settings of an integration's rooms: single-use and personal VMRs."""

import re
from collections.abc import Iterator
from typing import Annotated

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields import default_texts as texts
from pexschedd.model.fields import template_variables as variables
from pexschedd.model.fields.declaration import Destination, Field, TextPattern
from pexschedd.model.fields.secret_destinations import other_server
from pexschedd.model.integration.exchange import Needs
from pexschedd.model.integration.graph import GraphAccess
from pexschedd.model.integration.user_sign_in import (
    AUTHORIZE_PATHS,
    ENDPOINTS,
    endpoint_problem,
    provider_base,
)

_DIALLED = "[0-9A-Za-z._~!$*+=()&',-]*"
"""The characters that the user part of a SIP address has without escapes (RFC 3261,
section 25.1), but for three of them: see `_WRONG`."""
_WITHOUT_DOMAIN = (
    "unless there is a domain, and rooms have an alias without one, too (RFC 3261, "
    "section 19.1.1)"
)
_WRONG = {
    ";": f"what follows it in a SIP address is a parameter, {_WITHOUT_DOMAIN}",
    "?": f"what follows it in a SIP address is a header, {_WITHOUT_DOMAIN}",
    "/": "it ends the alias in links of apps such as pexip:// (RFC 3986, section 3.2)",
    "@": "it separates an alias from its domain",
    ":": "it separates an address from what kind it is, as in sip:",
    "#": "it ends a number that is dialled, and an address in a link",
    "%": "it begins an escape in SIP addresses and links",
    " ": "addresses have no blanks",
}
"""The reasons why characters cannot be in a prefix."""


def _prefix_problem(value: str) -> str:
    """Say what cannot be dialled, or be part of a link, in every way in which people
    are given aliases."""
    wrong = next(each for each in value if not re.fullmatch(_DIALLED, each))
    why = _WRONG.get(wrong, "SIP addresses have it in an escaped form only")
    shown = "A blank" if wrong == " " else wrong
    return (
        f"{shown} cannot be in an alias: {why}. There may be letters without accents, "
        "digits and . _ ~ ! $ * + = - ( ) & , '"
    )


_prefix = TextPattern(_DIALLED, _prefix_problem)


class RoomSettings(GraphAccess, frozen=True, kw_only=True):
    """The part of an integration that rooms are made from."""

    conference_name_template: Annotated[
        str,
        Field(
            begins="Single-use rooms",
            label="Conference name template",
            help="The room's name. Names are unique: a number is appended to one that "
            "is in use.",
            min_length=1,
            max_length=12288,
            template=variables.CONFERENCE,
        ),
    ] = texts.CONFERENCE_NAME
    conference_description_template: Annotated[
        str,
        kinds.template(
            "Conference description template",
            "The room's description.",
            variables.CONFERENCE,
        ),
    ] = texts.CONFERENCE_DESCRIPTION
    conference_subject_template: Annotated[
        str,
        kinds.template(
            "Conference subject template",
            "What administrators see as the meeting's subject; empty it if they must "
            "not see subjects.",
            variables.CONFERENCE,
        ),
    ] = texts.CONFERENCE_SUBJECT
    scheduled_alias_description_template: Annotated[
        str,
        kinds.template(
            "Scheduled alias description template",
            "The description of the room's aliases.",
            variables.CONFERENCE,
        ),
    ] = texts.ALIAS_DESCRIPTION
    scheduled_alias_prefix: Annotated[
        str | None,
        Field(
            label="Scheduled alias prefix",
            help="What every alias begins with, 1 to 8 characters: digits if people "
            "are to dial it from a telephone, otherwise letters without accents and "
            "._~!$*+=-()&,' as well. Required for single-use VMRs.",
            max_length=8,
            checks=(_prefix,),
        ),
    ] = None
    scheduled_alias_suffix_length: Annotated[
        int,
        Field(
            label="Scheduled alias suffix length",
            help="How many random digits follow the prefix.",
            minimum=5,
            maximum=15,
            unit="digits",
        ),
    ] = 6
    scheduled_alias_domain: Annotated[
        str,
        Field(
            label="Scheduled alias domain",
            help="What follows the @ of the full alias. Empty: rooms have one alias "
            "only, the number.",
            max_length=192,
            checks=(addresses.host,),
        ),
    ] = ""
    meeting_buffer_before: Annotated[
        int,
        Field(
            label="Join before buffer",
            help="How long before the meeting starts people may join.",
            minimum=0,
            maximum=180,
            unit="minutes",
        ),
    ] = 30
    meeting_buffer_after: Annotated[
        int,
        Field(
            label="Join after buffer",
            help="How long after the meeting ends people may still join.",
            minimum=0,
            maximum=180,
            unit="minutes",
        ),
    ] = 60
    ivr_theme: Annotated[
        int | None,
        Field(
            label="Scheduled conference theme",
            help="The theme of the rooms; null is the platform's default. A change is "
            "for rooms that are made from then on.",
            related="ivr_theme",
        ),
    ] = None
    host_identity_provider_group: Annotated[
        int | None,
        Field(
            label="Host identity provider group",
            help="Who wants to join has to sign in with one of these providers; null: "
            "nobody has to. A change is for rooms that are made from then on.",
            related="identity_provider_group",
        ),
    ] = None
    non_idp_participants: Annotated[
        str,
        Field(
            label="Other participants",
            help="What happens to devices that cannot sign in when people have to: "
            "they wait to be let in, or may join if they are registered (trusted).",
            choices=("disallow_all", "allow_if_trusted"),
        ),
    ] = "disallow_all"

    keep_past_conferences: Annotated[
        int,
        Field(
            begins="Housekeeping",
            label="Keep past conferences",
            help="How long after nobody may join any more a single-use room is "
            "removed.",
            minimum=1,
            maximum=8760,
            unit="hours",
        ),
    ] = 24
    keep_deleted_aliases: Annotated[
        int,
        Field(
            label="Keep deleted aliases",
            help="How long the alias of a removed room is remembered: until then it is "
            "given to no other meeting, and a late change of its meeting is answered "
            "with the reject_alias_deleted_template.",
            minimum=1,
            maximum=3650,
            unit="days",
        ),
    ] = 90
    keep_unused_aliases: Annotated[
        int,
        Field(
            label="Keep unused aliases",
            help="How long an alias that the add-in has put into an invitation is kept "
            "while the invitation is not sent.",
            minimum=1,
            maximum=3650,
            unit="days",
        ),
    ] = 30
    audit_interval: Annotated[
        int,
        Field(
            label="Audit interval",
            help="How often the calendar of the equipment mailbox is compared with the "
            "rooms; 0: never by itself.",
            minimum=0,
            maximum=10080,
            unit="minutes",
        ),
    ] = 60

    allow_new_users: Annotated[
        bool,
        Field(
            begins="Personal rooms",
            label="Allow new users",
            help="A user record is made for somebody who signs in for the first time; "
            "otherwise only known users may use the add-in.",
        ),
    ] = True
    auth_provider: Annotated[
        str,
        Field(
            label="Authentication provider",
            help="Where users of the add-in sign in.",
            choices=("ADFS", "AZURE"),
        ),
    ] = "ADFS"
    personal_vmr_oauth_auth_endpoint: Annotated[
        str,
        kinds.url(
            "User OAuth authorization URI",
            "AD FS: https://<federation service>/adfs/oauth2/authorize; Entra ID: "
            "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/authorize. "
            "Required for personal VMRs.",
        ),
    ] = ""
    personal_vmr_oauth_token_endpoint: Annotated[
        str,
        kinds.url(
            "User OAuth token URI",
            "AD FS: https://<federation service>/adfs/oauth2/token; Entra ID: "
            "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token. Required "
            "for personal VMRs.",
        ),
    ] = ""
    personal_vmr_oauth_client_id: Annotated[
        str | None,
        Field(
            label="User OAuth client ID",
            help="The client id users sign in with. Left out, one is made for this "
            "integration, which AD FS on Windows Server 2012 can be given. Required "
            "for personal VMRs.",
            max_length=250,
            checks=(addresses.identifier,),
        ),
    ] = None
    personal_vmr_adfs_relying_party_trust_identifier: Annotated[
        str,
        Field(
            label="AD FS Resource Identifier",
            help="The URL that names the OAuth 2.0 resource in AD FS. Required for "
            "personal VMRs with ADFS.",
            max_length=255,
            checks=(addresses.identifier,),
        ),
    ] = ""
    personal_vmr_oauth_client_secret: Annotated[
        str,
        Field(
            label="Azure OAuth client secret",
            help="The client secret users sign in with. Required for personal VMRs "
            "with AZURE.",
            max_length=250,
            secret=True,
            sent_by=(Destination("personal_vmr_oauth_token_endpoint", other_server),),
        ),
    ] = ""
    personal_vmr_instructions_template: Annotated[
        str,
        kinds.template(
            "Personal VMR joining instructions template",
            "What is put into the invitation (HTML).",
            variables.PERSONAL_ROOM,
        ),
    ] = texts.PERSONAL_INSTRUCTIONS
    personal_vmr_location_template: Annotated[
        str,
        kinds.template(
            "Personal VMR location template",
            "What is put into the location of the meeting: one line of text.",
            variables.PERSONAL_ROOM,
        ),
    ] = texts.PERSONAL_LOCATION
    personal_vmr_name_template: Annotated[
        str,
        kinds.template(
            "Personal VMR name template",
            "The room's name on the button that chooses it.",
            variables.PERSONAL_ROOM,
        ),
    ] = texts.PERSONAL_NAME
    personal_vmr_description_template: Annotated[
        str,
        kinds.template(
            "Personal VMR description template",
            "What is shown on that button, below the name.",
            variables.PERSONAL_ROOM,
        ),
    ] = texts.PERSONAL_DESCRIPTION

    def needs(self) -> Needs:
        """Yield the fields that are required, adding those of single-use and personal
        VMRs."""
        yield from super().needs()
        if self.enable_dynamic_vmrs:
            yield "for single-use VMRs", ("scheduled_alias_prefix",)
        if self.enable_personal_vmrs:
            yield "for personal VMRs", _FOR_PERSONAL
            yield (
                f"with auth_provider {self.auth_provider}",
                _FOR_SIGN_IN[self.auth_provider],
            )

    @property
    def identity_provider(self) -> str:
        """The address at which users sign in for personal rooms, in lower case, by
        which providers are told apart; empty without personal rooms."""
        if not self.enable_personal_vmrs:
            return ""
        path = AUTHORIZE_PATHS[self.auth_provider]
        return provider_base(self.personal_vmr_oauth_auth_endpoint, path).lower()

    def user_sign_in_contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the endpoints that do not fit the identity provider, each with the
        problem."""
        if not self.enable_personal_vmrs:
            return
        for field in ENDPOINTS:
            url = getattr(self, field)
            problem = endpoint_problem(self.auth_provider, field, url) if url else None
            if problem is not None:
                yield field, problem


_FOR_PERSONAL = (
    "personal_vmr_oauth_auth_endpoint",
    "personal_vmr_oauth_token_endpoint",
    "personal_vmr_oauth_client_id",
    "personal_vmr_instructions_template",
)
_FOR_SIGN_IN = {
    "ADFS": ("personal_vmr_adfs_relying_party_trust_identifier",),
    "AZURE": ("personal_vmr_oauth_client_secret",),
}
