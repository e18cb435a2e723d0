"""An integration: one connection between rooms and an Exchange equipment mailbox.

Every field is declared here, once, with the management API's name and default. Labels
are the deployment guide's; the explanations are for administrators.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from pexschedd.model import addresses
from pexschedd.model import default_texts as texts
from pexschedd.model import template_variables as variables
from pexschedd.model.fields import Field, Record, fields_of

_OFFICE_CDN = "https://appsforoffice.microsoft.com"


def _label(label: str, help: str, *, manifest: bool = False) -> Field:  # noqa: A002 - Field's own word
    """A short text that users see."""
    return Field(label=label, help=help, max_length=250, manifest=manifest)


def _url(label: str, help: str, *, manifest: bool = False) -> Field:  # noqa: A002 - Field's own word
    return Field(
        label=label,
        help=help,
        max_length=255,
        manifest=manifest,
        checks=(addresses.http_url,),
    )


def _template(label: str, help: str, allowed: frozenset[str]) -> Field:  # noqa: A002 - Field's own word
    return Field(label=label, help=help, max_length=12288, template=allowed)


def _answer(label: str, when: str, allowed: frozenset[str]) -> Field:
    """HTML sent to the organizer."""
    return _template(label, f"Sent to the organizer {when} (HTML).", allowed)


def _prefix(value: str) -> str | None:
    if re.fullmatch(r"[0-9A-Za-z._-]*", value):
        return None
    return "This may hold letters, digits and . _ - only."


class Connector(Record, frozen=True, kw_only=True):
    """One integration: `ms_exchange_connector` in the API.

    A secret field holds the sealed text, or "" when there is none.
    """

    uuid: Annotated[
        str,
        Field(help="Identifies the integration and its add-in.", readonly=True),
    ]
    name: Annotated[
        str,
        Field(
            label="Name",
            help="What this integration is called.",
            min_length=1,
            max_length=250,
            unique=True,
        ),
    ]
    description: Annotated[
        str, Field(label="Description", help="Notes on it.", max_length=250)
    ] = ""
    enable_dynamic_vmrs: Annotated[
        bool,
        Field(
            label="Enable single-use VMRs",
            help="Users may schedule meetings in rooms made for one meeting or series.",
        ),
    ] = True
    enable_personal_vmrs: Annotated[
        bool,
        Field(
            label="Enable personal VMRs",
            help="Users may schedule meetings in their own permanent rooms.",
        ),
    ] = False

    url: Annotated[
        str,
        Field(
            begins="Exchange server",
            label="EWS URL",
            help="Where Exchange Web Services answer, usually "
            "https://<exchange_server>/EWS/Exchange.asmx; any one server or the load "
            "balancer. Required for single-use VMRs.",
            max_length=255,
            checks=(addresses.http_url,),
        ),
    ] = ""
    authentication_method: Annotated[
        str,
        Field(
            label="Authentication method",
            help="How the service account signs in to Exchange. On-premises: BASIC, "
            "NTLM (NTLMv2) or KERBEROS. OAUTH signs in a service account once in a "
            "browser; APP_PERM uses a client secret and needs no service account.",
            choices=("BASIC", "NTLM", "KERBEROS", "OAUTH", "APP_PERM"),
        ),
    ] = "BASIC"
    username: Annotated[
        str,
        Field(
            label="Service account username",
            help="name@example.com or EXAMPLE\\name. One account may serve several "
            "integrations. Required for single-use VMRs unless APP_PERM is used.",
            max_length=100,
        ),
    ] = ""
    password: Annotated[
        str,
        Field(
            label="Service account password",
            help="Required for single-use VMRs with BASIC, NTLM or KERBEROS.",
            max_length=100,
            secret=True,
        ),
    ] = ""
    room_mailbox_name: Annotated[
        str,
        Field(
            label="Mailbox name",
            help="The name of the equipment (or room) mailbox; users see it among the "
            "resources of their meetings.",
            max_length=250,
        ),
    ] = ""
    room_mailbox_email_address: Annotated[
        str,
        Field(
            label="Mailbox email address",
            help="The address of the equipment (or room) mailbox. No other "
            "integration may use it. Required for single-use VMRs.",
            max_length=100,
            unique=True,
            checks=(addresses.mail_address,),
        ),
    ] = ""
    poll_interval: Annotated[
        int,
        Field(
            label="Poll interval",
            help="How often the mailbox is looked at.",
            minimum=1,
            maximum=3600,
            unit="seconds",
        ),
    ] = 5
    disable_proxy: Annotated[
        bool,
        Field(label="Disable proxy", help="Reach Exchange without the web proxy."),
    ] = False

    oauth_client_id: Annotated[
        str,
        Field(
            begins="Exchange sign-in with OAuth 2.0",
            label="OAuth client ID",
            help="The application (client) id. Required with OAUTH and APP_PERM.",
            max_length=250,
        ),
    ] = ""
    oauth_client_secret: Annotated[
        str,
        Field(
            label="OAuth client secret",
            help="The application's secret. Required with APP_PERM.",
            max_length=250,
            secret=True,
        ),
    ] = ""
    oauth_redirect_uri: Annotated[
        str,
        _url(
            "OAuth redirect URI",
            "Where the browser comes back to after signing in: https://<this server>"
            "/admin/platform/msexchangeconnector/oauth_redirect/. Register the same "
            "address with the identity provider. Required with OAUTH.",
        ),
    ] = ""
    oauth_auth_endpoint: Annotated[
        str,
        _url(
            "OAuth authorization endpoint",
            "The identity provider's authorization endpoint (v1). Required with OAUTH.",
        ),
    ] = ""
    oauth_token_endpoint: Annotated[
        str,
        _url(
            "OAuth token endpoint",
            "The identity provider's token endpoint (v1). Required with OAUTH and "
            "APP_PERM.",
        ),
    ] = ""
    oauth_refresh_token: Annotated[
        str,
        Field(
            help="The result of signing in to the service account.",
            max_length=4096,
            secret=True,
            readonly=True,
        ),
    ] = ""
    oauth_state: Annotated[
        str,
        Field(
            help="Ties the browser that comes back to the sign-in it began.",
            max_length=255,
            internal=True,
        ),
    ] = ""

    kerberos_realm: Annotated[
        str,
        Field(
            begins="Exchange sign-in with Kerberos",
            label="Kerberos realm",
            help="The realm of the service account, usually the domain in capitals. "
            "Required with KERBEROS.",
            max_length=250,
        ),
    ] = ""
    kerberos_kdc: Annotated[
        str,
        Field(
            label="Kerberos KDC",
            help="The host name of the key distribution centre.",
            max_length=255,
            checks=(addresses.host_and_port,),
        ),
    ] = ""
    kerberos_kdc_https_proxy: Annotated[
        str,
        _url("Kerberos KDC HTTPS proxy", "Reach the KDC through this proxy (KKDCP)."),
    ] = ""
    kerberos_exchange_spn: Annotated[
        str,
        Field(
            label="Exchange service principal name",
            help="Exchange's name in the realm, e.g. HTTP/mail.example.com; empty: "
            "made from the EWS URL.",
            max_length=255,
        ),
    ] = ""
    kerberos_auth_every_request: Annotated[
        bool,
        Field(
            label="Authenticate every request",
            help="For load balancers that do not keep a connection signed in.",
        ),
    ] = False
    kerberos_enable_tls: Annotated[
        bool,
        Field(label="Enable TLS", help="Talk to the KDC proxy over TLS."),
    ] = True
    kerberos_verify_tls_using_custom_ca: Annotated[
        bool,
        Field(
            label="Verify TLS using custom CA",
            help="Check the KDC proxy's certificate with the configured CA file.",
        ),
    ] = False

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
        _template(
            "Conference description template",
            "The room's description.",
            variables.CONFERENCE,
        ),
    ] = texts.CONFERENCE_DESCRIPTION
    conference_subject_template: Annotated[
        str,
        _template(
            "Conference subject template",
            "What administrators see as the meeting's subject; empty it if they must "
            "not see subjects.",
            variables.CONFERENCE,
        ),
    ] = texts.CONFERENCE_SUBJECT
    scheduled_alias_description_template: Annotated[
        str,
        _template(
            "Scheduled alias description template",
            "The description of the room's aliases.",
            variables.CONFERENCE,
        ),
    ] = texts.ALIAS_DESCRIPTION
    scheduled_alias_prefix: Annotated[
        str,
        Field(
            label="Scheduled alias prefix",
            help="What every alias begins with, 1 to 8 characters: digits if people "
            "are to dial it from a telephone. Required for single-use VMRs.",
            max_length=8,
            checks=(_prefix,),
        ),
    ] = ""
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
            help="What follows the @ of the full alias.",
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
            help="The theme of the rooms; null is the platform's default.",
            related="ivr_theme",
        ),
    ] = None
    host_identity_provider_group: Annotated[
        int | None,
        Field(
            label="Host identity provider group",
            help="Who wants to join has to sign in with one of these providers; null: "
            "nobody has to.",
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
        _url(
            "User OAuth authorization URI",
            "AD FS: https://<federation service>/adfs/oauth2/authorize; Azure: "
            "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/authorize. "
            "Required for personal VMRs.",
        ),
    ] = ""
    personal_vmr_oauth_token_endpoint: Annotated[
        str,
        _url(
            "User OAuth token URI",
            "AD FS: https://<federation service>/adfs/oauth2/token; Azure: "
            "https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token. Required "
            "for personal VMRs.",
        ),
    ] = ""
    personal_vmr_oauth_client_id: Annotated[
        str,
        Field(
            label="User OAuth client ID",
            help="The client id users sign in with. Left out, one is made for this "
            "integration, which AD FS on Windows Server 2012 can be given. Required "
            "for personal VMRs.",
            max_length=250,
        ),
    ] = ""
    personal_vmr_adfs_relying_party_trust_identifier: Annotated[
        str,
        Field(
            label="AD FS Resource Identifier",
            help="The URL that names the OAuth 2.0 resource in AD FS. Required for "
            "personal VMRs with ADFS.",
            max_length=255,
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
        ),
    ] = ""
    personal_vmr_instructions_template: Annotated[
        str,
        _template(
            "Personal VMR joining instructions template",
            "What is put into the invitation (HTML).",
            variables.PERSONAL_ROOM,
        ),
    ] = texts.PERSONAL_INSTRUCTIONS
    personal_vmr_location_template: Annotated[
        str,
        _template(
            "Personal VMR location template",
            "What is put into the location of the meeting: one line of text.",
            variables.PERSONAL_ROOM,
        ),
    ] = texts.PERSONAL_LOCATION
    personal_vmr_name_template: Annotated[
        str,
        _template(
            "Personal VMR name template",
            "The room's name on the button that chooses it.",
            variables.PERSONAL_ROOM,
        ),
    ] = texts.PERSONAL_NAME
    personal_vmr_description_template: Annotated[
        str,
        _template(
            "Personal VMR description template",
            "What is shown while the pointer is over that button.",
            variables.PERSONAL_ROOM,
        ),
    ] = texts.PERSONAL_DESCRIPTION

    addin_server_domain: Annotated[
        str,
        Field(
            begins="Add-in",
            label="Add-in server FQDN",
            help="The host (and port, if not 443) that users' Outlook loads the "
            "add-in from. It needs a certificate that Outlook trusts.",
            min_length=1,
            max_length=192,
            manifest=True,
            checks=(addresses.host_and_port,),
        ),
    ]
    addin_provider_name: Annotated[
        str,
        _label("Add-in provider name", "Who provides the add-in.", manifest=True),
    ] = "Pexip"
    addin_display_name: Annotated[
        str,
        _label("Add-in display name", "What the add-in is called.", manifest=True),
    ] = "Pexip Scheduling Service"
    addin_description: Annotated[
        str, _label("Add-in description", "What the add-in does.", manifest=True)
    ] = "Turns meetings into Pexip meetings"
    addin_group_label: Annotated[
        str,
        _label(
            "Add-in group label",
            "The group of Outlook's ribbon that the button is in.",
            manifest=True,
        ),
    ] = "Pexip meeting"
    addin_button_label: Annotated[
        str, _label("Add-in button label", "The button in the ribbon.", manifest=True)
    ] = "Create a Pexip meeting"
    addin_supertip_title: Annotated[
        str,
        _label(
            "Add-in supertip title", "The title of the button's help.", manifest=True
        ),
    ] = "Makes this a Pexip meeting"
    addin_supertip_description: Annotated[
        str,
        _label("Add-in supertip text", "The text of the button's help.", manifest=True),
    ] = texts.SUPERTIP
    addin_manifest_permissions: Annotated[
        str,
        Field(
            label="Add-in permissions",
            help="What the manifest asks Outlook for. Newer Outlook for Windows gives "
            "an on-premises identity token only with ReadWriteMailbox.",
            choices=("ReadWriteItem", "ReadWriteMailbox"),
            manifest=True,
        ),
    ] = "ReadWriteMailbox"
    addin_frame_ancestors: Annotated[
        str,
        Field(
            label="Add-in frame ancestors",
            help="Where the pane may be shown in a frame besides Microsoft's own "
            "addresses: one origin a line, e.g. Outlook on the web on-premises: "
            "https://mail.example.com.",
            max_length=4096,
            multiline=True,
            checks=(addresses.origins,),
        ),
    ] = ""
    manifest_revision: Annotated[
        int,
        Field(
            help="Raised by every change that alters the manifest: download and "
            "deploy it again.",
            readonly=True,
        ),
    ] = 1

    addin_authentication_method: Annotated[
        str,
        Field(
            begins="Add-in sign-in",
            label="Add-in authentication token type",
            help="How the add-in shows who uses it: Exchange's own identity token "
            "(on-premises), or Microsoft 365's SSO or nested app (NAA) tokens.",
            choices=("EXCHANGE_USER_ID_TOKEN", "SSO_TOKEN", "NAA_TOKEN"),
            manifest=True,
        ),
    ] = "EXCHANGE_USER_ID_TOKEN"
    addin_application_id: Annotated[
        str,
        Field(
            label="Add-in application ID",
            help="The Entra application (client) id. Required with SSO_TOKEN and "
            "NAA_TOKEN.",
            max_length=250,
            manifest=True,
        ),
    ] = ""
    addin_authority_url: Annotated[
        str,
        _url(
            "Add-in authority URL",
            "Where the add-in asks for a token. Required with NAA_TOKEN.",
        ),
    ] = ""
    addin_oidc_metadata_url: Annotated[
        str,
        _url(
            "Add-in OpenID Connect metadata URL",
            "Describes the issuer whose tokens are accepted. Required with SSO_TOKEN "
            "and NAA_TOKEN.",
        ),
    ] = ""
    addin_naa_web_api_application_id: Annotated[
        str,
        Field(
            label="Add-in web API application ID",
            help="The application that the token must be meant for. Required with "
            "NAA_TOKEN.",
            max_length=250,
        ),
    ] = ""

    addin_pane_title: Annotated[
        str,
        Field(
            begins="Add-in pane",
            label="Add-in pane title",
            help="The pane's title.",
            max_length=250,
        ),
    ] = "Add a VMR"
    addin_pane_description: Annotated[
        str, _label("Add-in pane description", "The pane's description.")
    ] = "This assigns a Virtual Meeting Room for your meeting"
    addin_pane_button_title: Annotated[
        str,
        _label(
            "Add-in pane single-use VMR button label", "Adds a room for this meeting."
        ),
    ] = "Add a Single-use VMR"
    addin_pane_success_heading: Annotated[
        str, _label("Add-in pane success heading", "The room was added.")
    ] = "Success"
    addin_pane_success_message: Annotated[
        str, _label("Success message", "The room was added.")
    ] = texts.PANE_SUCCESS
    addin_pane_already_video_meeting_heading: Annotated[
        str, _label("Already video meeting heading", "The meeting has a room.")
    ] = "VMR already assigned"
    addin_pane_already_video_meeting_message: Annotated[
        str, _label("Already video meeting message", "The meeting has a room.")
    ] = texts.PANE_ALREADY_VIDEO
    addin_pane_management_node_down_heading: Annotated[
        str,
        _label(
            "Unable to add joining instructions heading",
            "No alias can be had at the moment.",
        ),
    ] = "Cannot assign a VMR right now"
    addin_pane_management_node_down_message: Annotated[
        str,
        _label(
            "Unable to add joining instructions message",
            "No alias can be had at the moment; the instructions follow later.",
        ),
    ] = texts.PANE_UNAVAILABLE
    addin_pane_general_error_heading: Annotated[
        str, _label("General error heading", "Something went wrong.")
    ] = "Error"
    addin_pane_general_error_message: Annotated[
        str,
        _label(
            "Error inserting single-use VMR message",
            "The instructions could not be put into the meeting.",
        ),
    ] = texts.PANE_ERROR_INSERTING
    addin_pane_personal_vmr_add_button: Annotated[
        str,
        _label("Add-in pane personal VMR button label", "Adds the user's own room."),
    ] = "Add a Personal VMR"
    addin_pane_personal_vmr_sign_in_button: Annotated[
        str, _label("Add-in pane sign in button label", "Begins the user's sign-in.")
    ] = "Sign In"
    addin_pane_personal_vmr_select_message: Annotated[
        str, _label("Select personal VMR message", "Asks which room to use.")
    ] = "Select the VMR you want to add to the meeting"
    addin_pane_personal_vmr_none_message: Annotated[
        str, _label("No personal VMR message", "The user has no room.")
    ] = "You do not have any personal VMRs"
    addin_pane_personal_vmr_error_getting_message: Annotated[
        str,
        _label("Error getting personal VMRs message", "The rooms could not be listed."),
    ] = texts.PANE_ERROR_GETTING_ROOMS
    addin_pane_personal_vmr_error_signing_in_message: Annotated[
        str, _label("Error signing in message", "The user could not be signed in.")
    ] = texts.PANE_ERROR_SIGNING_IN
    addin_pane_personal_vmr_error_inserting_meeting_message: Annotated[
        str,
        _label(
            "Error inserting personal VMR meeting message",
            "The room's details could not be put into the meeting.",
        ),
    ] = texts.PANE_ERROR_INSERTING

    meeting_instructions_template: Annotated[
        str,
        Field(
            begins="Texts of e-mail messages",
            label="Single-use VMR joining instructions template",
            help="What the add-in puts into the invitation (HTML). It must contain "
            "{{alias_uuid}}, by which the invitation is recognised.",
            min_length=1,
            max_length=12288,
            template=variables.JOINING_INSTRUCTIONS,
            must_use=variables.REQUIRED_IN_JOINING_INSTRUCTIONS,
        ),
    ] = texts.JOINING_INSTRUCTIONS
    placeholder_instructions_template: Annotated[
        str,
        _template(
            "Placeholder instructions text",
            "What the add-in puts into the invitation when no alias can be had (HTML).",
            variables.NO_VARIABLES,
        ),
    ] = texts.PLACEHOLDER_INSTRUCTIONS
    accept_new_single_meeting_template: Annotated[
        str,
        _answer(
            "Accept new single meeting template",
            "when a new meeting was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_NEW_SINGLE
    accept_edited_single_meeting_template: Annotated[
        str,
        _answer(
            "Accept edited single meeting template",
            "when a changed meeting was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_EDITED_SINGLE
    accept_new_recurring_series_template: Annotated[
        str,
        _answer(
            "Accept new recurring meeting template",
            "when a new series was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_NEW_SERIES
    accept_edited_occurrence_template: Annotated[
        str,
        _answer(
            "Accept edited occurrence template",
            "when a changed occurrence of a series was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_EDITED_OCCURRENCE
    accept_edited_recurring_series_template: Annotated[
        str,
        _answer(
            "Accept edited recurring meeting template",
            "when a changed series was scheduled",
            variables.ACCEPTANCE,
        ),
    ] = texts.ACCEPT_EDITED_SERIES
    reject_invalid_alias_id_template: Annotated[
        str,
        _answer(
            "Reject invalid alias ID text",
            "when the invitation carries no valid security tag",
            variables.NO_VARIABLES,
        ),
    ] = texts.REJECT_INVALID_ALIAS_ID
    reject_alias_conflict_template: Annotated[
        str,
        _answer(
            "Reject alias conflict template",
            "when the alias belongs to another meeting",
            variables.REJECTION,
        ),
    ] = texts.REJECT_ALIAS_CONFLICT
    reject_alias_deleted_template: Annotated[
        str,
        _answer(
            "Reject alias deleted text",
            "when the alias was deleted",
            variables.REJECTION,
        ),
    ] = texts.REJECT_ALIAS_DELETED
    reject_recurring_series_past_template: Annotated[
        str,
        _answer(
            "Reject recurring series in past text",
            "when all occurrences of a series are over",
            variables.REJECTION,
        ),
    ] = texts.REJECT_SERIES_IN_PAST
    reject_single_meeting_past: Annotated[
        str,
        _answer(
            "Reject single meeting in past text",
            "when the meeting is over",
            variables.REJECTION,
        ),
    ] = texts.REJECT_SINGLE_IN_PAST
    reject_general_error_template: Annotated[
        str,
        _answer(
            "Reject general error template",
            "when scheduling failed for another reason; {{correlation_id}} finds it in "
            "the log",
            variables.GENERAL_ERROR,
        ),
    ] = texts.REJECT_GENERAL_ERROR

    enable_addin_debug_logs: Annotated[
        bool,
        Field(
            begins="Advanced",
            label="Enable add-in debug logs",
            help="The pane shows what it does, to all users: only while looking for "
            "an error.",
        ),
    ] = False
    use_custom_add_in_sources: Annotated[
        bool,
        Field(
            label="Use custom add-in sources",
            help="Load the add-in's scripts and styles from the addresses below, for "
            "users without internet access.",
        ),
    ] = False
    office_js_url: Annotated[
        str, _url("Office.js URL", "Where the Office.js library is loaded from.")
    ] = f"{_OFFICE_CDN}/lib/1/hosted/office.js"
    microsoft_fabric_url: Annotated[
        str, _url("Microsoft Fabric CSS URL", "Where Fabric's styles are loaded from.")
    ] = f"{_OFFICE_CDN}/fabric/1.0/fabric.min.css"
    microsoft_fabric_components_url: Annotated[
        str,
        _url(
            "Microsoft Fabric Components CSS URL",
            "Where the styles of Fabric's components are loaded from.",
        ),
    ] = f"{_OFFICE_CDN}/fabric/1.0/fabric.components.min.css"
    additional_add_in_script_sources: Annotated[
        str,
        Field(
            label="Additional add-in script sources",
            help="More scripts, one URL a line, e.g. of MicrosoftAjax.js; they replace "
            "scripts of the same name from elsewhere.",
            max_length=4096,
            multiline=True,
            checks=(addresses.http_urls,),
        ),
    ] = ""

    public_key: Annotated[
        str,
        Field(help="The integration's key (PEM).", max_length=12288, readonly=True),
    ] = ""
    private_key: Annotated[
        str,
        Field(
            help="Belongs to the public key.",
            max_length=12288,
            secret=True,
            readonly=True,
        ),
    ] = ""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        for reason, fields in self._needed():
            for field in fields:
                if not getattr(self, field):
                    yield field, f"This is required {reason}."

    def _needed(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Which fields the choices made so far make necessary, and why."""
        if self.enable_dynamic_vmrs:
            yield "for single-use VMRs", _FOR_SINGLE_USE
            yield (
                f"with authentication_method {self.authentication_method}",
                _FOR_EXCHANGE_SIGN_IN[self.authentication_method],
            )
        if self.enable_personal_vmrs:
            yield "for personal VMRs", _FOR_PERSONAL
            yield (
                f"with auth_provider {self.auth_provider}",
                _FOR_USER_SIGN_IN[self.auth_provider],
            )
        yield (
            f"with addin_authentication_method {self.addin_authentication_method}",
            _FOR_ADDIN_SIGN_IN[self.addin_authentication_method],
        )


_FOR_SINGLE_USE = ("url", "room_mailbox_email_address", "scheduled_alias_prefix")
_FOR_EXCHANGE_SIGN_IN = {
    "BASIC": ("username", "password"),
    "NTLM": ("username", "password"),
    "KERBEROS": ("username", "password", "kerberos_realm"),
    "OAUTH": (
        "username",
        "oauth_client_id",
        "oauth_redirect_uri",
        "oauth_auth_endpoint",
        "oauth_token_endpoint",
    ),
    "APP_PERM": ("oauth_client_id", "oauth_client_secret", "oauth_token_endpoint"),
}
_FOR_PERSONAL = (
    "personal_vmr_oauth_auth_endpoint",
    "personal_vmr_oauth_token_endpoint",
    "personal_vmr_oauth_client_id",
)
_FOR_USER_SIGN_IN = {
    "ADFS": ("personal_vmr_adfs_relying_party_trust_identifier",),
    "AZURE": ("personal_vmr_oauth_client_secret",),
}
_FOR_ADDIN_SIGN_IN = {
    "EXCHANGE_USER_ID_TOKEN": (),
    "SSO_TOKEN": ("addin_application_id", "addin_oidc_metadata_url"),
    "NAA_TOKEN": (
        "addin_application_id",
        "addin_authority_url",
        "addin_oidc_metadata_url",
        "addin_naa_web_api_application_id",
    ),
}


def manifest_differs(old: Connector, new: Connector) -> bool:
    """Whether the add-in's manifest has to be deployed again."""
    return any(
        getattr(old, name) != getattr(new, name)
        for name, declared in fields_of(Connector).items()
        if declared.field.manifest
    )


class ExchangeDomain(Record, frozen=True, kw_only=True):
    """Where the key is found that Exchange signs identity tokens with."""

    exchange_connector: Annotated[
        int,
        Field(help="The integration it is for.", related="ms_exchange_connector"),
    ]
    domain: Annotated[
        str,
        Field(
            label="Domain or URL",
            help="A host name, for https://<host>/autodiscover/metadata/json/1, or "
            "the full URL of the metadata. Name every Exchange server that signs with "
            "a certificate of its own; outlook.office365.com too in a hybrid "
            "deployment.",
            min_length=1,
            max_length=192,
            checks=(addresses.host_or_url,),
        ),
    ]
    creation_time: Annotated[
        datetime | None, Field(help="When it was added.", readonly=True)
    ] = None
