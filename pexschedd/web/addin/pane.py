"""The task pane's page: the integration's texts and sources, put into the one page.

The page carries no script of its own: what the scripts need to know is a block of JSON.
"""

from collections.abc import Mapping

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pexschedd.model.integration import Connector
from pexschedd.web.addin.headers import Sources
from pexschedd.web.addin.sanitiser import sanitise
from pexschedd.web.addin.static import StaticFile

SCRIPTS = ("pane-view.js", "pane-tags.js", "pane-outlook.js", "pane.js")
"""Our own, in loading order, and before Microsoft's: they tell when that fails."""

_IN_SCRIPT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


class PanePages:
    """Renders the add-in's pages. All addresses in them are relative."""

    def __init__(self, static: Mapping[str, StaticFile]) -> None:
        self._static = static
        environment = Environment(
            loader=PackageLoader("pexschedd.web", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pane = environment.get_template("pane.html")
        self._signed_in = environment.get_template("signed_in.html")

    def pane(
        self, connector: Connector, sources: Sources, icon: str, placeholder: str
    ) -> bytes:
        """`icon` is the icon's address relative to the pane.

        `placeholder` is HTML for the meeting, not for the page: the pane has it from
        the start, because it is needed when the server is away.
        """
        own = [f"../{self._static[name].path}" for name in SCRIPTS]
        return self._pane.render(
            title=connector.addin_pane_title,
            description=Markup(sanitise(connector.addin_pane_description)),  # noqa: S704 - sanitised
            icon=icon,
            styles=[*sources.styles, f"../{self._static['pane.css'].path}"],
            scripts=own + sources.additional,
            library="" if sources.office_js_listed else sources.office_js,
            settings=_json(_settings(connector, sources, placeholder)),
        ).encode()

    def signed_in(self) -> bytes:
        return self._signed_in.render(
            style=self._static["pane.css"].path,
            script=self._static["signed-in.js"].path,
        ).encode()


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
    """JSON that is safe inside a script element, whatever the texts contain."""
    text = msgspec.json.encode(value).decode().translate(_IN_SCRIPT)
    return Markup(text)  # noqa: S704 - cannot end the element any more
