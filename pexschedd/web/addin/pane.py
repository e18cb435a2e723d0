"""The task pane's page, filled in with the texts and sources of an integration.

The page has no inline script: the settings for its scripts are a block of JSON.
"""

from collections.abc import Callable

import msgspec
from markupsafe import Markup

from pexschedd.model.integration.connector import Connector
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.headers import Sources
from pexschedd.web.addin.sanitiser import sanitise
from pexschedd.web.addin.static import load_static
from pexschedd.web.page_templates import page_environment

SCRIPTS = ("pane-view.js", "pane-tags.js", "pane-outlook.js", "pane.js")
"""Our own scripts, in loading order. They load before Microsoft's, and report it if
that fails to load."""

_IN_SCRIPT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


class PanePages:
    """Renders the add-in's pages. All addresses in them are relative.

    `placeholder` renders the HTML that stands in an invitation until it gets its
    joining instructions.
    """

    def __init__(
        self, files: ConnectorFiles, placeholder: Callable[[Connector], str]
    ) -> None:
        self._files = files
        self._placeholder = placeholder
        self._static = load_static()
        self._environment = page_environment()

    def pane(self, connector: Connector) -> bytes:
        """Return the pane of an integration."""
        sources = Sources(connector)
        own = [f"../{self._static[name].path}" for name in SCRIPTS]
        # The pane has the placeholder from the start: it needs it when the server is
        # away.
        settings = _settings(connector, sources, self._placeholder(connector))
        revision = self._files.icon_revision(connector)
        return (
            self._environment.get_template("pane.html")
            .render(
                title=connector.addin_pane_title,
                description=Markup(sanitise(connector.addin_pane_description)),  # noqa: S704 - sanitised
                icon=f"images/addin_icon_80.png?r={revision}",
                styles=[*sources.styles, f"../{self._static['pane.css'].path}"],
                scripts=own + sources.additional,
                library="" if sources.office_js_listed else sources.office_js,
                settings=_json(settings),
            )
            .encode()
        )


def _settings(
    connector: Connector, sources: Sources, placeholder: str
) -> dict[str, object]:
    def texts(name: str) -> dict[str, str]:
        return {
            part: sanitise(getattr(connector, f"addin_pane_{name}_{part}"))
            for part in ("heading", "message")
        }

    return {
        "library": sources.office_js,
        "debug": connector.enable_addin_debug_logs,
        "singleUse": connector.enable_dynamic_vmrs,
        "placeholder": placeholder,
        "room": {
            "name": connector.room_mailbox_name,
            "email": connector.room_mailbox_email_address,
        },
        "texts": {
            "button": connector.addin_pane_button_title,
            "success": texts("success"),
            "already": texts("already_video_meeting"),
            "down": texts("management_node_down"),
            "error": texts("general_error"),
        },
    }


def _json(value: object) -> Markup:
    """JSON that is safe inside a script element, whatever its texts contain."""
    text = msgspec.json.encode(value).decode().translate(_IN_SCRIPT)
    return Markup(text)  # noqa: S704 - cannot end the element any more
