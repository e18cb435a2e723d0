"""The look of an integration's add-in, and the sign-in of its users."""

from collections.abc import Iterator
from typing import Annotated

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields import default_texts as texts
from pexschedd.model.fields.declaration import Field
from pexschedd.model.integration import manifest_labels, pane_texts
from pexschedd.model.integration.exchange import Needs
from pexschedd.model.integration.manifest import ManifestSettings
from pexschedd.model.integration.microsoft_clouds import is_guid
from pexschedd.model.integration.user_sign_in import NO_TENANT

_OFFICE_CDN = "https://appsforoffice.microsoft.com"


class AddinSettings(ManifestSettings, frozen=True, kw_only=True):
    """The part of an integration that faces Outlook."""

    addin_authentication_method: Annotated[
        str,
        Field(
            begins="Add-in sign-in",
            label="Add-in authentication token type",
            help="How the add-in shows who uses it: Exchange's own identity token "
            "(on-premises), or an access token of Microsoft 365: by nested app "
            "authentication (NAA_TOKEN), or through Office (SSO_TOKEN) where there are "
            "Outlooks without that. See docs/add-in-microsoft365.md.",
            choices=("EXCHANGE_USER_ID_TOKEN", "SSO_TOKEN", "NAA_TOKEN"),
            manifest=True,
        ),
    ] = "EXCHANGE_USER_ID_TOKEN"
    addin_application_id: Annotated[
        str | None,
        Field(
            label="Add-in application ID",
            help="The application (client) id of the add-in's registration in Entra "
            "ID, a GUID. Required with SSO_TOKEN and NAA_TOKEN.",
            max_length=250,
            manifest=True,
        ),
    ] = None
    addin_authority_url: Annotated[
        str,
        kinds.url(
            "Add-in authority URL",
            "Where the add-in asks for a token, such as "
            "https://login.microsoftonline.com/<tenant>. Required with NAA_TOKEN.",
        ),
    ] = ""
    addin_oidc_metadata_url: Annotated[
        str,
        kinds.url(
            "Add-in OpenID Connect metadata URL",
            "Describes the issuer whose tokens are accepted: https://"
            "login.microsoftonline.com/<tenant>/v2.0/.well-known/openid-configuration. "
            "Required with SSO_TOKEN and NAA_TOKEN.",
        ),
    ] = ""
    addin_naa_web_api_application_id: Annotated[
        str | None,
        Field(
            label="Add-in web API application ID",
            help="The application (client) id of the registration that the tokens are "
            "for, a GUID. Required with NAA_TOKEN.",
            max_length=250,
        ),
    ] = None

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
        str, kinds.label("Add-in pane description", "The pane's description.")
    ] = "This assigns a Virtual Meeting Room for your meeting"
    addin_pane_button_title: Annotated[
        str,
        kinds.button(
            "Add-in pane single-use VMR button label", "Adds a room for this meeting."
        ),
    ] = "Add a Single-use VMR"
    addin_pane_success_heading: Annotated[
        str, kinds.label("Add-in pane success heading", "The room was added.")
    ] = "Success"
    addin_pane_success_message: Annotated[
        str, kinds.label("Success message", "The room was added.")
    ] = texts.PANE_SUCCESS
    addin_pane_already_video_meeting_heading: Annotated[
        str, kinds.label("Already video meeting heading", "The meeting has a room.")
    ] = "VMR already assigned"
    addin_pane_already_video_meeting_message: Annotated[
        str, kinds.label("Already video meeting message", "The meeting has a room.")
    ] = texts.PANE_ALREADY_VIDEO
    addin_pane_management_node_down_heading: Annotated[
        str,
        kinds.label(
            "Unable to add joining instructions heading",
            "No alias is available at the moment.",
        ),
    ] = "Cannot assign a VMR right now"
    addin_pane_management_node_down_message: Annotated[
        str,
        kinds.label(
            "Unable to add joining instructions message",
            "No alias is available at the moment; the instructions follow later.",
        ),
    ] = texts.PANE_UNAVAILABLE
    addin_pane_general_error_heading: Annotated[
        str, kinds.label("General error heading", "Something went wrong.")
    ] = "Error"
    addin_pane_general_error_message: Annotated[
        str,
        kinds.label(
            "Error inserting single-use VMR message",
            "The instructions could not be put into the meeting.",
        ),
    ] = texts.PANE_ERROR_INSERTING
    addin_pane_personal_vmr_add_button: Annotated[
        str,
        kinds.button(
            "Add-in pane personal VMR button label",
            "Adds the user's own room.",
        ),
    ] = "Add a Personal VMR"
    addin_pane_personal_vmr_sign_in_button: Annotated[
        str,
        kinds.button(
            "Add-in pane sign in button label",
            "Begins the user's sign-in.",
        ),
    ] = "Sign In"
    addin_pane_personal_vmr_select_message: Annotated[
        str,
        kinds.label(
            "Select personal VMR message",
            "Asks which room to use.",
        ),
    ] = "Select the VMR you want to add to the meeting"
    addin_pane_personal_vmr_none_message: Annotated[
        str,
        kinds.label(
            "No personal VMR message",
            "The user has no room.",
        ),
    ] = "You do not have any personal VMRs"
    addin_pane_personal_vmr_error_getting_message: Annotated[
        str,
        kinds.label(
            "Error getting personal VMRs message",
            "The rooms could not be listed.",
        ),
    ] = texts.PANE_ERROR_GETTING_ROOMS
    addin_pane_personal_vmr_error_signing_in_message: Annotated[
        str,
        kinds.label(
            "Error signing in message",
            "The user could not be signed in.",
        ),
    ] = texts.PANE_ERROR_SIGNING_IN
    addin_pane_personal_vmr_error_inserting_meeting_message: Annotated[
        str,
        kinds.label(
            "Error inserting personal VMR meeting message",
            "The room's details could not be put into the meeting.",
        ),
    ] = texts.PANE_ERROR_INSERTING

    addin_pane_translations: Annotated[
        str,
        Field(
            label="Add-in pane translations",
            help="The pane's texts in other languages, for people whose Outlook is in "
            "one of them; also other words for those that the pane brings along. One a "
            "line: the language, the text's name, = and the text: de close = "
            "Schließen. Names are those of the fields above and of docs/pane.md.",
            max_length=65536,
            multiline=True,
            checks=(pane_texts.pane_translations,),
        ),
    ] = ""
    addin_close_on_success: Annotated[
        bool,
        Field(
            label="Close the add-in pane on success",
            help="The pane closes itself when the room was added and there is nothing "
            "more to say, and leaves a line above the meeting.",
        ),
    ] = False

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
        str, kinds.url("Office.js URL", "Where the Office.js library is loaded from.")
    ] = f"{_OFFICE_CDN}/lib/1/hosted/office.js"
    microsoft_fabric_url: Annotated[
        str,
        kinds.url("Microsoft Fabric CSS URL", "Where Fabric's styles are loaded from."),
    ] = f"{_OFFICE_CDN}/fabric/1.0/fabric.min.css"
    microsoft_fabric_components_url: Annotated[
        str,
        kinds.url(
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

    def addin_contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the add-in's fields that contradict others, each with the problem."""
        if self.enable_addin_command and not self.enable_dynamic_vmrs:
            text = "The command adds single-use rooms: enable_dynamic_vmrs is off."
            yield "enable_addin_command", text
        own = self.addin_default_locale
        for each in manifest_labels.translations(self.addin_label_translations):
            if each.locale == own:
                text = f"{own} is the language of the texts themselves: change those."
                yield "addin_label_translations", text
                break
        yield from self._token_contradictions()

    def _token_contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the fields of Microsoft 365's tokens, if those are
        used. Empty ones are told by `needs`."""
        method = self.addin_authentication_method
        used = _FOR_SIGN_IN[method]
        for name in ("addin_application_id", "addin_naa_web_api_application_id"):
            value = getattr(self, name)
            if name in used and value and not is_guid(value):
                yield name, f"This must be the application's id, a GUID, with {method}."
        if used and (problem := _metadata_problem(self.addin_oidc_metadata_url)):
            yield "addin_oidc_metadata_url", problem

    def needs(self) -> Needs:
        """Yield the fields that are required, adding those of the add-in's sign-in."""
        yield from super().needs()
        yield (
            f"with addin_authentication_method {self.addin_authentication_method}",
            _FOR_SIGN_IN[self.addin_authentication_method],
        )


_FOR_SIGN_IN = {
    "EXCHANGE_USER_ID_TOKEN": (),
    "SSO_TOKEN": ("addin_application_id", "addin_oidc_metadata_url"),
    "NAA_TOKEN": (
        "addin_application_id",
        "addin_authority_url",
        "addin_oidc_metadata_url",
        "addin_naa_web_api_application_id",
    ),
}


_DISCOVERY = "/.well-known/openid-configuration"


def _metadata_problem(url: str) -> str:
    """The reason why a URL is no OpenID configuration of one tenant; or empty."""
    example = f"https://login.microsoftonline.com/<tenant>/v2.0{_DISCOVERY}"
    if url and not url.endswith(_DISCOVERY):
        return f"This must be an OpenID configuration, such as {example}."
    for word in NO_TENANT:
        if f"/{word}/" in url.lower():
            return (
                f"This must name your tenant instead of {word}, which stands for all "
                f"organizations: {example}."
            )
    return ""
