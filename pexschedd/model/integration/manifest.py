"""The add-in's manifest: the address, texts and permissions that it is made of."""

from typing import Annotated

from pexschedd.model.fields import addresses
from pexschedd.model.fields import default_texts as texts
from pexschedd.model.fields.declaration import Field
from pexschedd.model.integration import manifest_labels
from pexschedd.model.integration.manifest_history import History
from pexschedd.model.integration.rooms import RoomSettings


def _manifest_text(label: str, help: str) -> Field:  # noqa: A002 - Field's own word
    """A text of the manifest: it may not be empty there."""
    return Field(
        label=label,
        help=help,
        min_length=1,
        max_length=manifest_labels.MOST_CHARACTERS,
        manifest=True,
        checks=(manifest_labels.xml_text,),
    )


class ManifestSettings(RoomSettings, frozen=True, kw_only=True):
    """The part of an integration that the add-in's manifest shows."""

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
        _manifest_text("Add-in provider name", "Who provides the add-in."),
    ] = "Pexip"
    addin_display_name: Annotated[
        str,
        _manifest_text("Add-in display name", "What the add-in is called."),
    ] = "Pexip Scheduling Service"
    addin_description: Annotated[
        str, _manifest_text("Add-in description", "What the add-in does.")
    ] = "Turns meetings into Pexip meetings"
    addin_group_label: Annotated[
        str,
        _manifest_text(
            "Add-in group label",
            "The group of Outlook's ribbon that the button is in.",
        ),
    ] = "Pexip Meeting"
    addin_button_label: Annotated[
        str,
        _manifest_text("Add-in button label", "The button in the ribbon."),
    ] = "Create a Pexip Meeting"
    addin_supertip_title: Annotated[
        str,
        _manifest_text("Add-in supertip title", "The title of the button's help."),
    ] = "Makes this a Pexip Meeting"
    addin_supertip_description: Annotated[
        str,
        _manifest_text("Add-in supertip text", "The text of the button's help."),
    ] = texts.SUPERTIP
    enable_addin_command: Annotated[
        bool,
        Field(
            label="Add-in one-click command",
            help="Adds a second button to Outlook's ribbon, which adds a single-use "
            "room at once, without a pane. It needs Outlook 2016 or later.",
            manifest=True,
        ),
    ] = False
    addin_command_label: Annotated[
        str,
        _manifest_text("Add-in command label", "The button of the one-click command."),
    ] = "Add a Pexip meeting now"
    addin_command_supertip_title: Annotated[
        str,
        _manifest_text(
            "Add-in command supertip title", "The title of that button's help."
        ),
    ] = "Makes this a Pexip meeting at once"
    addin_command_supertip_description: Annotated[
        str,
        _manifest_text(
            "Add-in command supertip text", "The text of that button's help."
        ),
    ] = texts.COMMAND_SUPERTIP
    addin_default_locale: Annotated[
        str,
        Field(
            label="Add-in default locale",
            help="The language of the texts above, which the manifest names: a "
            "language and a country, such as en-US.",
            min_length=1,
            max_length=16,
            manifest=True,
            checks=(manifest_labels.locale,),
        ),
    ] = "en-US"
    addin_label_translations: Annotated[
        str,
        Field(
            label="Add-in label translations",
            help="The texts above in other languages, for people whose Outlook is in "
            "one of them. One a line: the language and country, the field, = and the "
            "text: de-DE addin_button_label = Meetingraum anlegen.",
            max_length=12288,
            multiline=True,
            manifest=True,
            checks=(manifest_labels.label_translations,),
        ),
    ] = ""
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
            minimum=1,
            readonly=True,
        ),
    ] = 1
    manifest_history: Annotated[
        History,
        Field(
            help="The changes that led to the latest revisions of the manifest.",
            internal=True,
        ),
    ] = ()
