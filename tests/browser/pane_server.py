"""Serves the real pane with a pretended Outlook: a program of its own for the tests.

Prints its port. Integration 1 has the defaults, 2 has rich texts and the debug log, 3
does not offer single-use rooms, 4 and 5 load a library that is missing or never ends, 6
has a placeholder text of its own, 7 closes the pane, 8 offers both kinds of rooms, 9
personal ones only, 10 shows its log as well, 11 has translations, 12 and 13 take tokens
of Microsoft 365: by nested app authentication and through Office.
What the token begins with says what the server answers: `good`, `early` or `down`.
"""

import sys
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from twisted.web.static import Data

from pexschedd.errors import InvalidToken, Unavailable
from pexschedd.identity.verified_user import VerifiedUser
from pexschedd.model.integration.connector import Connector
from pexschedd.scheduling.booking import BookedRoom
from pexschedd.web.addin.api import AddinApi
from pexschedd.web.addin.files import ConnectorFiles
from pexschedd.web.addin.pane import PanePages
from pexschedd.web.addin.route_groups import AddinRouteGroups
from pexschedd.web.site import HttpSite
from tests.browser.canned_answers import CannedAnswers, CannedRouter

TAG = "PXPS:-6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f#"
INSTRUCTIONS = f"""<br>
<div style="font-size:11.0pt; color:#000000; font-family:Calibri,sans-serif;">
<b>Please join my Virtual Meeting Room in one of the following ways:</b><br>
<br>
From a web browser:<br>
<a href="https://vc.example.org/webapp/#/?conference=555123456">https://vc.example.org/webapp/#/?conference=555123456</a><br>
<a href="https://vc.example.org/help">How to join</a><br>
<br>
{TAG}<br>
</div>"""


BOOKED = BookedRoom("Pexip Meeting", "pexipmeeting@example.test", TAG, INSTRUCTIONS)


class Pretended:
    """The identity check and the use case, told by the token what to do."""

    async def verify(self, connector: Connector, token: str) -> VerifiedUser:
        if token.startswith("early"):
            raise InvalidToken("The token is not valid until 2026-11-21 10:00:00 UTC")
        if token.startswith("down"):
            raise Unavailable("Exchange's signing keys cannot be read.")
        return VerifiedUser("user")

    async def book(self, connector_id: int, user: str, key: str) -> BookedRoom:
        return BOOKED


class Never(Resource):
    isLeaf = True

    def render_GET(self, request: Request) -> int:
        return NOT_DONE_YET


def library(answers: CannedAnswers) -> Resource:
    """What is under /test: the pretended office.js, one that never comes, and the
    answers that a test chooses."""
    script = Path(__file__).with_name("fake_office.js").read_bytes()
    test = Resource()
    test.putChild(b"office.js", Data(script, "text/javascript"))
    test.putChild(b"never.js", Never())
    test.putChild(b"answers", answers)
    root = Resource()
    root.putChild(b"test", test)
    return root


def connectors(origin: str) -> dict[int, Connector]:
    plain = Connector(
        id=1,
        uuid="6f1d3c52-9a1b-4d7e-8f5c-2a4b6c8d0e1f",
        name="Head office",
        addin_server_domain="vc.example.test",
        room_mailbox_name="Pexip Meeting",
        room_mailbox_email_address="pexipmeeting@example.test",
        use_custom_add_in_sources=True,
        office_js_url=f"{origin}/test/office.js",
        microsoft_fabric_url="",
        microsoft_fabric_components_url="",
    )
    return {
        1: plain,
        2: replace(
            plain,
            id=2,
            enable_addin_debug_logs=True,
            addin_pane_description="<p>A room for <b>your</b> meeting.</p>"
            "<img src=x onerror=document.title='broken'>",
            addin_pane_title="Add <u>rooms</u><script>document.title='broken'</script>",
            addin_pane_button_title="Add a room <u>now</u>",
            addin_pane_success_message='Done. <a href="https://help.example.test/">'
            "Help</a><script>document.title='broken'</script>",
        ),
        6: replace(
            plain,
            id=6,
            placeholder_instructions_template="<p>Instructions follow&nbsp;"
            '</script><a href="https://help.example.test/">soon</a>.</p>',
        ),
        3: replace(plain, id=3, enable_dynamic_vmrs=False),
        7: replace(plain, id=7, addin_close_on_success=True),
        8: replace(plain, id=8, enable_personal_vmrs=True),
        11: replace(
            plain,
            id=11,
            addin_pane_success_message="מוכן",
            addin_pane_translations="de repair = Bitte ergänzen\n"
            "de addin_pane_success_heading = Fertig\n"
            "ja repair = 追加",
        ),
        10: replace(
            plain, id=10, enable_personal_vmrs=True, enable_addin_debug_logs=True
        ),
        12: replace(
            plain,
            id=12,
            addin_authentication_method="NAA_TOKEN",
            addin_application_id="bbbbbbbb-0000-4000-8000-000000000002",
            addin_naa_web_api_application_id="aaaaaaaa-0000-4000-8000-000000000001",
            addin_authority_url="https://login.microsoftonline.com/contoso.example",
        ),
        13: replace(
            plain,
            id=13,
            addin_authentication_method="SSO_TOKEN",
            addin_application_id="bbbbbbbb-0000-4000-8000-000000000002",
        ),
        9: replace(plain, id=9, enable_dynamic_vmrs=False, enable_personal_vmrs=True),
        14: replace(
            plain,
            id=14,
            addin_pane_description="<table width=999 cellspacing=99 border=99><tr><td>"
            "wide</table>"
            + "<blockquote>" * 18
            + "deep"
            + "</blockquote>" * 18
            + "<p style='white-space:nowrap;padding:64px;line-height:64px'>"
            + "<span style='font-size:3em'>" * 5
            + "A long line without breaks</p>",
            addin_pane_title="<span style='font-size:3em'>" * 3 + "Rooms",
        ),
        4: replace(plain, id=4, office_js_url=f"{origin}/test/missing.js"),
        5: replace(plain, id=5, office_js_url=f"{origin}/test/never.js"),
    }


def main(state_directory: str) -> None:
    site = HttpSite(Resource(), reactor, None)
    # The interface's annotations know neither this factory nor the kind of address.
    tcp: Any = reactor
    port = tcp.listenTCP(0, site, interface="127.0.0.1")
    origin = f"http://127.0.0.1:{port.getHost().port}"
    known = connectors(origin)
    pretended: Any = Pretended()
    files = ConnectorFiles(Path(state_directory))
    pages = PanePages(
        files, lambda connector: connector.placeholder_instructions_template
    )
    api = AddinApi(known.get, pretended.verify, pretended, files, pages)
    answers = CannedAnswers()
    groups = AddinRouteGroups(api.app.resource(), {})
    site.resource = CannedRouter(answers, groups, {b"test": library(answers)})
    sys.stdout.write(f"{port.getHost().port}\n")
    sys.stdout.flush()
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1])
