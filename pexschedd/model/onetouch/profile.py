"""A profile of One-Touch Join: whose calendars are read, what screens show.

It is the platform's `mjx_integration`.
"""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

from pexschedd.model.fields import addresses, kinds
from pexschedd.model.fields.declaration import Destination, Field, Record
from pexschedd.model.fields.secret_destinations import differs
from pexschedd.model.fields.template_variables import SCREEN_TITLE

_DEPLOYMENTS = ("exchange_deployment", "google_deployment", "graph_deployment")
_WEBEX = (Destination("webex_api_domain", differs),)
_FOR_WEBEX = ("webex_api_domain", "webex_client_id", "webex_redirect_uri")

WEBEX_REDIRECT_PATH = "/admin/platform/mjxintegration/oauth_redirect/"
"""The path to which the browser returns after signing in at Webex."""


def _other_client(old: str | None, new: str | None) -> bool:
    return differs(old or "", new or "")


def sent_openly(old: bool, new: bool) -> bool:
    """Return True if a password that went over TLS is to go without it."""
    return old and not new


class JoinProfile(Record, frozen=True, kw_only=True):
    """A profile: a calendar deployment, and what the screens of its rooms show."""

    name: Annotated[str, kinds.record_name("What this profile is called.")]
    description: Annotated[str, kinds.notes()] = ""
    exchange_deployment: Annotated[
        int | None,
        Field(
            begins="Calendars",
            label="Exchange deployment",
            help="The Exchange servers whose rooms are read. A profile has exactly one "
            "deployment.",
            related="mjx_exchange_deployment",
            nested=True,
        ),
    ] = None
    google_deployment: Annotated[
        int | None,
        Field(
            label="Google deployment",
            help="The rooms of a Google deployment are not read yet.",
            related="mjx_google_deployment",
            nested=True,
        ),
    ] = None
    graph_deployment: Annotated[
        int | None,
        Field(
            label="Graph deployment",
            help="The tenant of Microsoft 365 whose rooms are read by Graph.",
            related="mjx_graph_deployment",
            nested=True,
        ),
    ] = None
    display_upcoming_meetings: Annotated[
        int,
        Field(
            begins="Meetings on the screens",
            label="Upcoming meetings",
            help="How far ahead calendars are read, and screens show meetings.",
            minimum=0,
            maximum=365,
            unit="days",
        ),
    ] = 7
    start_buffer: Annotated[
        int,
        Field(
            label="Start buffer",
            help="How long before its start a meeting can be joined.",
            minimum=0,
            maximum=180,
            unit="minutes",
        ),
    ] = 5
    end_buffer: Annotated[
        int,
        Field(
            label="End buffer",
            help="How long after its end a meeting can be joined.",
            minimum=0,
            maximum=180,
            unit="minutes",
        ),
    ] = 0
    enable_non_video_meetings: Annotated[
        bool,
        Field(
            label="Show other meetings",
            help="Meetings in which there is nothing to join are shown, without Join.",
        ),
    ] = True
    enable_private_meetings: Annotated[
        bool,
        Field(label="Show private meetings", help="Private meetings are shown."),
    ] = True
    process_alias_private_meetings: Annotated[
        bool,
        Field(
            label="Join private meetings",
            help="Private meetings have Join; otherwise they are shown without.",
        ),
    ] = True
    replace_empty_subject: Annotated[
        bool,
        Field(
            label="Replace empty subjects",
            help="The organizer's name is shown in the place of an empty subject.",
        ),
    ] = True
    replace_subject_type: Annotated[
        str,
        Field(
            label="Replace subjects",
            help="Whose subjects are replaced on the screens: those of PRIVATE "
            "meetings, of ALL, or NEVER any.",
            choices=("PRIVATE", "ALL", "NEVER"),
        ),
    ] = "PRIVATE"
    replace_subject_template: Annotated[
        str,
        Field(
            label="Subject template",
            help="What is shown in the place of a subject; empty: the organizer's "
            "name.",
            max_length=512,
            template=SCREEN_TITLE,
        ),
    ] = ""
    ep_username: Annotated[
        str,
        Field(
            begins="Cisco endpoints",
            label="Endpoint username",
            help="The account of Cisco endpoints that have none of their own.",
            max_length=100,
            checks=(addresses.user_name,),
        ),
    ] = ""
    ep_password: Annotated[
        str,
        Field(
            label="Endpoint password",
            help="Its password. It is sent to every Cisco endpoint of this profile "
            "that has no account of its own.",
            max_length=100,
            secret=True,
            sent_by=(Destination("ep_use_https", sent_openly),),
        ),
    ] = ""
    ep_use_https: Annotated[
        bool,
        Field(
            label="Use HTTPS",
            help="Cisco endpoints are reached by HTTPS unless they say otherwise.",
        ),
    ] = True
    ep_verify_certificate: Annotated[
        bool,
        Field(
            label="Verify certificates",
            help="The certificates of Cisco endpoints are checked unless they say "
            "otherwise.",
        ),
    ] = False
    use_webex: Annotated[
        bool,
        Field(
            begins="Webex",
            label="Use Webex",
            help="The profile has endpoints of the type WEBEX: a person signs in at "
            "Webex, and meetings are sent through its cloud.",
        ),
    ] = False
    webex_api_domain: Annotated[
        str,
        Field(
            label="Webex API domain",
            help="The host of the Webex API, at which people sign in as well.",
            max_length=192,
            checks=(addresses.host,),
        ),
    ] = "webexapis.com"
    webex_client_id: Annotated[
        str | None,
        Field(
            label="Webex client ID",
            help="The id of the integration at Webex. Required with use_webex.",
            max_length=100,
        ),
    ] = None
    webex_client_secret: Annotated[
        str,
        Field(
            label="Webex client secret",
            help="Its secret. Required with use_webex.",
            max_length=250,
            secret=True,
            sent_by=_WEBEX,
        ),
    ] = ""
    webex_redirect_uri: Annotated[
        str | None,
        kinds.url(
            "Webex redirect URI",
            "Where the browser comes back to after signing in at Webex: this "
            "server's address for administrators, with the path "
            f"{WEBEX_REDIRECT_PATH}. Required with use_webex.",
        ),
    ] = None
    webex_oauth_state: Annotated[
        str | None, Field(help="Always null.", readonly=True)
    ] = None
    webex_refresh_token: Annotated[
        str,
        Field(
            help="The result of signing in at Webex.",
            max_length=4096,
            secret=True,
            sent_by=(*_WEBEX, Destination("webex_client_id", _other_client)),
            readonly=True,
        ),
    ] = ""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the fields that contradict others, each with the problem."""
        chosen = [name for name in _DEPLOYMENTS if getattr(self, name) is not None]
        if not chosen:
            yield _DEPLOYMENTS[0], _NO_DEPLOYMENT
        for name in chosen[1:]:
            yield name, f"A profile has one deployment, and this one has {chosen[0]}."
        if self.use_webex:
            yield from self._webex_contradictions()

    def _webex_contradictions(self) -> Iterator[tuple[str, str]]:
        for name in (*_FOR_WEBEX, "webex_client_secret"):
            if not getattr(self, name):
                yield name, "This is required with use_webex."
        redirect = self.webex_redirect_uri
        if redirect and not _ends_here(redirect):
            yield "webex_redirect_uri", f"This must end with {WEBEX_REDIRECT_PATH}."


def _ends_here(redirect_uri: str) -> bool:
    parts = urlsplit(redirect_uri)
    whole = parts.path.endswith(WEBEX_REDIRECT_PATH)
    return whole and not parts.query and not parts.fragment


_NO_DEPLOYMENT = (
    "A profile needs the deployment whose calendars it reads: exchange_deployment, "
    "google_deployment or graph_deployment."
)
