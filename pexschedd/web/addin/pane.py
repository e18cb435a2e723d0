"""The add-in's pages: the task pane and the one-click command.

No page has an inline script: the settings for the scripts are a block of JSON.
"""

from collections.abc import Callable

import msgspec
from markupsafe import Markup

from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.pane_texts import ENGLISH
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.headers import Sources
from pexschedd.web.addin.msal.library import MsalLibrary
from pexschedd.web.addin.pane_settings import pane_settings
from pexschedd.web.addin.sanitiser import pane_html, text_of
from pexschedd.web.addin.static import load_static
from pexschedd.web.page_templates import page_environment

_WORDS = "pane-words-"
_IN_SCRIPT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


class PanePages:
    """Renders the add-in's pages. All addresses in them are relative.

    `placeholder` renders the HTML that stands in an invitation until it gets its
    joining instructions; `library` is that of nested app authentication.
    """

    def __init__(
        self,
        files: ConnectorFiles,
        placeholder: Callable[[Connector], str],
        library: MsalLibrary | None = None,
    ) -> None:
        self._files = files
        self._library = library or MsalLibrary()
        self._placeholder = placeholder
        self._static = load_static()
        self._environment = page_environment()
        self._languages = {
            name[len(_WORDS) : -len(".js")]: self._address(name)
            for name in self._static
            if name.startswith(_WORDS)
        }

    def pane(self, connector: Connector) -> bytes:
        """Return the pane of an integration."""
        sources = Sources(connector)
        revision = self._files.icon_revision(connector)
        return self._page(
            "pane.html",
            connector,
            "pane-bundle.js",
            title_html=_html(connector, "addin_pane_title"),
            description=_html(connector, "addin_pane_description"),
            icon=f"images/addin_icon_80.png?r={revision}",
            styles=[*sources.styles, self._address("pane.css")],
            loading=ENGLISH["loading"],
        )

    def commands(self, connector: Connector) -> bytes:
        """Return the page that Outlook runs the one-click command in."""
        return self._page("commands.html", connector, "commands-bundle.js")

    def _page(
        self, name: str, connector: Connector, bundle: str, **more: object
    ) -> bytes:
        """A page with scripts; ours come before Microsoft's, and report it if those
        fail to load."""
        sources = Sources(connector)
        # The pane has the placeholder from the start: it needs it when the server is
        # away.
        library = self._library.file()
        settings = pane_settings(
            connector,
            self._placeholder(connector),
            self._languages,
            f"../{library.path}" if library is not None else "",
        )
        page = self._environment.get_template(name).render(
            title=" ".join(text_of(connector.addin_pane_title).split()),
            scripts=[self._address(bundle), *sources.additional],
            library="" if sources.office_js_listed else sources.office_js,
            settings=_json(settings),
            **more,
        )
        return page.encode()

    def _address(self, name: str) -> str:
        return f"../{self._static[name].path}"


def _html(connector: Connector, name: str) -> Markup:
    html = pane_html(name, getattr(connector, name)).html
    return Markup(html)  # noqa: S704 - sanitised


def _json(value: object) -> Markup:
    """JSON that is safe inside a script element, whatever its texts contain."""
    text = msgspec.json.encode(value).decode().translate(_IN_SCRIPT)
    return Markup(text)  # noqa: S704 - cannot end the element any more
