"""Judges the integration's own copies of the scripts that the pane loads. Pure."""

from urllib.parse import urljoin

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.doctor.observations import HttpResult
from pexschedd.doctor.report import CheckFinding, failed, passed, warning
from pexschedd.model.integration.connector import Connector
from pexschedd.util.powershell import one_line

OFFICE_PART = "outlook-web-16.01.js"
"""One of the files that office.js loads from beside it: in Outlook on the web."""

_HAS_PARTS = b"office_strings.js"
"""The name of another of them, which Microsoft's office.js has in it."""

_EMPTY = "The pane cannot start: it says that Outlook's library could not be loaded."
_ALLOW = "access-control-allow-origin"


def own_scripts(connector: Connector) -> list[str]:
    """Return the addresses of an integration's own scripts; the last one is the part
    that office.js loads from beside it."""
    office_js = connector.office_js_url
    listed = connector.additional_add_in_script_sources.split()
    # A listed script takes the place of the same file from elsewhere.
    names = {url.rsplit("/", 1)[-1]: url for url in listed}
    office_js = names.get(office_js.rsplit("/", 1)[-1], office_js)
    return list(dict.fromkeys([*listed, office_js, urljoin(office_js, OFFICE_PART)]))


def sources(case: ExaminedIntegration, seen: tuple[HttpResult, ...]) -> CheckFinding:
    """Judge the scripts: those that the page names, and last the part that office.js
    loads itself, as browsers do with CORS."""
    if not seen:
        return passed("The add-in's scripts come from Microsoft.")
    if not any(_HAS_PARTS in each.body for each in seen[:-1]):
        seen = seen[:-1]  # another library, in one file
    for each in seen:
        if each.failure is not None:
            return warning(
                f"{_shown(each)} cannot be loaded from here: {each.problem}.",
                cause="Users' devices load it, not this server; if it is not there for "
                "them either, the pane cannot start.",
                remedy="Open the address in a browser on a user's device. Correct the "
                "add-in sources, or the server.",
            )
        if each.status != 200:
            return failed(
                f"{_shown(each)} answers with HTTP {each.status}.",
                cause=_EMPTY,
                remedy="Correct the address. The files of Office.js stay together in "
                "their folders, as Microsoft has them: office.js loads the others from "
                "beside it.",
            )
    part = seen[-1]
    allowed = part.header(_ALLOW).strip()
    ours = case.addin_origin
    if not part.url.endswith(OFFICE_PART):
        return passed(f"{len(seen)} file(s) can be loaded.")
    if part.origin == ours or allowed == "*" or allowed.lower() == ours:
        return passed(f"{len(seen)} file(s) can be loaded.")
    found = f"it allows {one_line(allowed)[:100]}" if allowed else "it has none"
    header = "Access-Control-Allow-Origin"
    return failed(
        f"{_shown(part)} comes without a header {header} for {ours}: {found}.",
        cause="office.js asks for the files beside it with CORS (crossorigin), and "
        f"browsers refuse them without that header. {_EMPTY}",
        remedy=f'Have the server send "{header}: {ours}" (or "*") with the files of '
        "Office.js, or serve them under the add-in server FQDN.",
    )


def _shown(each: HttpResult) -> str:
    return one_line(each.url)[:200]
