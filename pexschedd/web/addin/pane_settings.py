"""The settings of the pane's scripts: an integration's texts, words and options.

The page has it as a block of JSON, because it has no inline script.
"""

import re
from collections.abc import Mapping

from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.pane_texts import ENGLISH, THEIRS, translations
from pexschedd.web.addin.headers import Sources
from pexschedd.web.addin.msal.page_settings import auth_settings
from pexschedd.web.addin.sanitiser import pane_html, text_of

_TEMPLATE_CODE = re.compile(r"\{\{|\{%|\{#")
_BREAK = re.compile(
    r"</?(?:br|p|div|li|ul|ol|table|tr|td|h[1-6])\b[^>]*>", re.IGNORECASE
)


def pane_settings(
    connector: Connector,
    placeholder: str,
    languages: Mapping[str, str],
    msal: str = "",
) -> dict[str, object]:
    """Return the settings of an integration's pane.

    placeholder: HTML that stands in an invitation until it gets its instructions.
    languages: where the built-in translations are, by language.
    msal: where Microsoft's library is; empty where it is not installed.
    """
    return {
        "library": Sources(connector).office_js,
        "debug": connector.enable_addin_debug_logs,
        "singleUse": connector.enable_dynamic_vmrs,
        "personal": connector.enable_personal_vmrs,
        "closeOnSuccess": connector.addin_close_on_success,
        "placeholder": placeholder,
        "openings": [opening_line(connector.meeting_instructions_template)],
        "room": {
            "name": connector.room_mailbox_name,
            "email": connector.mailbox_address,
        },
        "auth": auth_settings(connector, msal),
        "texts": {
            name: pane_html(name, getattr(connector, name)).html
            for name in sorted(THEIRS)
        },
        "defaults": [name for name in sorted(THEIRS) if _is_default(connector, name)],
        "words": ENGLISH,
        "translations": _translations(connector),
        "languages": languages,
    }


def opening_line(template: str) -> str:
    """Return the first line of text that a template begins with, up to its first
    variable; "" if it begins with one.

    By this the pane finds where the instructions begin that it wrote earlier.
    """
    fixed, *more = _TEMPLATE_CODE.split(template, maxsplit=1)
    lines = _BREAK.split(fixed)
    # The line in which the first variable stands is not all there.
    known = lines[:-1] if more and not fixed.endswith(">") else lines
    texts = (" ".join(text_of(line).split()) for line in known)
    return next((text for text in texts if text), "")


def _is_default(connector: Connector, name: str) -> bool:
    return bool(getattr(connector, name) == fields_of(Connector)[name].default)


def _translations(connector: Connector) -> dict[str, dict[str, str]]:
    """The administrator's translations by language and name: HTML for the texts that
    are HTML, else plain text."""
    found: dict[str, dict[str, str]] = {}
    for each in translations(connector.addin_pane_translations):
        html = each.name in THEIRS
        text = pane_html(each.name, each.text).html if html else each.text
        found.setdefault(each.language, {})[each.name] = text
    return found
