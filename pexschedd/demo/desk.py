"""The demo desk's server side: its page, its JSON, and the script that plays Outlook.

Mounted beside the sandbox Exchange, on the same port::

    /                 the page
    /desk/office.js   what the add-in's pane loads instead of Microsoft's library
    /desk/static/…    the page's own scripts and styles, which browsers keep: their
                      address changes with any of them
    /desk/paper       an empty document to write in
    /desk/message     a message's HTML, in a document that runs no scripts
    /desk/join        where the join links of the demo's invitations lead
    /desk/api/…       JSON for the page

The desk shows its users' mail and issues identity tokens, so it answers only pages of
its own: the Host must be the loopback address, and what changes something must be
JSON, which no foreign page can send here.
"""

from collections.abc import Callable
from datetime import timedelta

import msgspec
from klein import Klein
from twisted.web.resource import Resource
from twisted.web.server import Request

from pexschedd.demo import integration_setup, rooms
from pexschedd.demo.clock import DeskClock
from pexschedd.demo.daemon import DaemonClient, DaemonDown, DaemonRefused
from pexschedd.demo.desk_files import load_files, read_file
from pexschedd.demo.door_signs import DoorSigns
from pexschedd.demo.invitations import INVITATIONS
from pexschedd.demo.local_only import LocalOnly
from pexschedd.demo.meeting_rooms import ROOMS
from pexschedd.demo.ports import Ports
from pexschedd.demo.users import DeskUsers, NotPossible
from pexschedd.demo.views import (
    CancelRequest,
    ClockMove,
    MeetingDraft,
    NamedAddress,
    ReadRequest,
    ReplyRequest,
    RoomView,
    TokenRequest,
)
from pexschedd.errors import NotFound, PexscheddError
from pexschedd.web.json_body import read_json
from pexschedd.web.page_files import PageFiles, static_file_response
from pexschedd.web.routes import (
    BadRequest,
    ResponseBody,
    T,
    json_response,
    register_http_errors,
    route,
)

IssueToken = Callable[[str, str], str]
"""(user's address, audience) -> identity token, as Outlook would get it."""

HTML = b"text/html; charset=utf-8"
MAIL_POLICY = (
    b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""For documents with other people's HTML: looks only, no scripts, nothing fetched."""

JOIN_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    b"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Desk:
    """The desk's pages and its JSON, on top of a sandbox Exchange and a running
    daemon."""

    app = Klein()

    def __init__(
        self,
        *,
        people: DeskUsers,
        daemon: DaemonClient,
        clock: DeskClock,
        ports: Ports,
        issue_token: IssueToken,
        signs: DoorSigns,
    ) -> None:
        self._people = people
        self._daemon = daemon
        self._clock = clock
        self._ports = ports
        self._issue_token = issue_token
        self._signs = signs
        self._files = load_files()

    def mount(self, root: Resource) -> None:
        """Put the desk into the sandbox's resource tree."""
        root.putChild(
            b"", LocalOnly(DeskPage(self._ports, self._files), self._ports.desk)
        )
        root.putChild(b"desk", LocalOnly(self.app.resource(), self._ports.desk))

    # Files

    @route(app, "/office.js")
    def office_js(self, request: Request) -> bytes:
        """Return the script that takes the place of Microsoft's library."""
        # The pane is of another origin, and may have this script.
        request.setHeader(b"cross-origin-resource-policy", b"cross-origin")
        script = self._files.others["office.js"]
        request.setHeader(b"content-type", script.content_type.encode())
        return script.content

    @route(app, "/static/<version>/<name>")
    def static(self, request: Request, version: str, name: str) -> ResponseBody:
        """Return a script or style of the page."""
        return static_file_response(request, self._files, version, name)

    @route(app, "/join")
    def join_page(self, request: Request) -> bytes:
        """Return the page that takes the place of a conferencing client."""
        request.setHeader(b"content-security-policy", JOIN_POLICY)
        request.setHeader(b"content-type", HTML)
        return self._files.place_in(read_file("join.html"))

    @route(app, "/paper")
    def paper(self, request: Request) -> bytes:
        """Return an empty document to write in."""
        return _mail(request, read_file("paper.html"))

    @route(app, "/message")
    def message(self, request: Request) -> bytes:
        """Return the HTML of a message."""
        html = self._people.message(_asked(request, "user"), _asked(request, "id"))
        # The paper's style comes first; the message's own goes over it.
        return _mail(request, read_file("paper.html") + html.encode())

    # Reading

    @route(app, "/api/setup")
    async def setup(self, request: Request) -> bytes:
        """Return the users, and the add-in as Outlook knows it from its manifest."""
        addin = None
        try:
            addin = await integration_setup.find_add_in(self._daemon, self._ports)
            problem = ""
        except (DaemonDown, DaemonRefused) as error:
            problem = error.message
        return json_response(
            request,
            {
                "users": self._people.users,
                "addin": addin,
                "addin_origin": self._ports.addin_url,
                "admin_url": self._ports.admin_url,
                "rooms": [NamedAddress(*room) for room in ROOMS],
                "invitations": [each._asdict() for each in INVITATIONS],
                "problem": problem,
            },
        )

    @route(app, "/api/state")
    async def state(self, request: Request) -> bytes:
        """Return what the page always shows; it asks about once a second."""
        user = _asked(request, "user")
        try:
            await self._daemon.health()
            problem = ""
        except (DaemonDown, DaemonRefused) as error:
            problem = error.message
        return json_response(
            request,
            {
                "now": self._clock(),
                "ahead_s": int(self._clock.offset.total_seconds()),
                "problem": problem,
                "meetings": self._people.calendar(user),
                "inbox": self._people.inbox(user),
            },
        )

    @route(app, "/api/signs")
    async def signs(self, request: Request) -> bytes:
        """Return what is on the door signs; `soon` after something was done."""
        soon = bool(_asked(request, "soon", ""))
        return json_response(request, await self._signs.views(soon=soon))

    @route(app, "/api/meeting")
    def meeting(self, request: Request) -> bytes:
        """Return a meeting with its body."""
        detail = self._people.meeting(_asked(request, "user"), _asked(request, "uid"))
        return json_response(request, detail)

    @route(app, "/api/room")
    async def room(self, request: Request) -> bytes:
        """Return the virtual room of a meeting."""
        uid = _asked(request, "uid")
        alias = _asked(request, "alias", "")
        try:
            room = await self._room_of(uid, alias)
        except (DaemonDown, DaemonRefused) as error:
            return _problem(request, 502, error)
        return json_response(request, room)

    @route(app, "/api/join")
    async def join(self, request: Request) -> bytes:
        """Return the room of a join link: `room` is an alias, or `uid` a meeting."""
        alias, uid = _asked(request, "room", ""), _asked(request, "uid", "")
        if not alias and not uid:
            raise BadRequest("The query lacks room.")
        try:
            found = await rooms.personal_room(self._daemon, alias) if alias else None
            if found is None:
                uid = uid or self._people.meeting_with(alias)
                # A meeting in a calendar still waits for its room, if it has none.
                found = await self._room_of(uid, "" if uid else alias)
        except (DaemonDown, DaemonRefused) as error:
            return _problem(request, 502, error)
        seen = {**msgspec.to_builtins(found), "now": self._clock()}
        return json_response(request, seen)

    async def _room_of(self, uid: str, alias: str) -> RoomView:
        meetings = self._people.series(uid)
        series = rooms.Series(meetings, self._clock()) if meetings else None
        return await rooms.room_of(self._daemon, uid, alias, series)

    # Actions

    @route(app, "/api/meetings", methods=["POST"])
    def send(self, request: Request) -> bytes:
        """Send a new meeting, or a change of one."""
        uid = self._people.save(_sent(request, MeetingDraft))
        return json_response(request, {"uid": uid})

    @route(app, "/api/cancel", methods=["POST"])
    def cancel(self, request: Request) -> bytes:
        """Cancel a meeting."""
        what = _sent(request, CancelRequest)
        self._people.cancel(what.user, what.uid)
        return json_response(request, {})

    @route(app, "/api/respond", methods=["POST"])
    def respond(self, request: Request) -> bytes:
        """Answer a meeting request."""
        reply = _sent(request, ReplyRequest)
        self._people.respond(reply.user, reply.id, reply.answer)
        return json_response(request, {})

    @route(app, "/api/read", methods=["POST"])
    def read(self, request: Request) -> bytes:
        """Mark a message as read."""
        what = _sent(request, ReadRequest)
        self._people.read(what.user, what.id)
        return json_response(request, {})

    @route(app, "/api/clock", methods=["POST"])
    def clock(self, request: Request) -> bytes:
        """Move the desk's clock."""
        move = _sent(request, ClockMove)
        try:
            if move.reset:
                self._clock.reset()
            elif move.to is not None:
                if move.to.tzinfo is None:
                    raise ValueError("the time needs its zone")
                self._clock.move_to(move.to)
            else:
                self._clock.advance(timedelta(seconds=move.advance_s or 0))
        except (ValueError, OverflowError) as error:
            raise NotPossible(f"Not possible: {error}.") from None
        return json_response(request, {"now": self._clock()})

    @route(app, "/api/token", methods=["POST"])
    async def token(self, request: Request) -> bytes:
        """Return an identity token, as Outlook gets one from Exchange."""
        user = _sent(request, TokenRequest).user
        try:
            addin = await integration_setup.find_add_in(self._daemon, self._ports)
        except (DaemonDown, DaemonRefused) as error:
            return _problem(request, 502, error)
        known = {party.address for party in self._people.users}
        if user not in known:
            raise NotFound(f"{user} does not sit at this desk.")
        token = self._issue_token(user, addin.audience)
        return json_response(request, {"token": token})

    register_http_errors(app)


class DeskPage(Resource):
    """The page itself."""

    isLeaf = True

    def __init__(self, ports: Ports, found: PageFiles) -> None:
        super().__init__()
        self._files = found
        self._addin = ports.addin_url.encode()

    def render_GET(self, request: Request) -> bytes:
        """Return the page, with a policy that admits the add-in's pane."""
        policy = (
            b"default-src 'none'; script-src 'self'; style-src 'self'; "
            b"connect-src 'self'; img-src 'self' data: %s; frame-src 'self' %s; "
            b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        request.setHeader(
            b"content-security-policy", policy % (self._addin, self._addin)
        )
        request.setHeader(b"content-type", HTML)
        return self._files.page


def _mail(request: Request, document: bytes) -> bytes:
    request.setHeader(b"content-type", HTML)
    request.setHeader(b"content-security-policy", MAIL_POLICY)
    return document


def _asked(request: Request, name: str, default: str | None = None) -> str:
    values = request.args.get(name.encode()) if request.args else None
    if values:
        return str(values[0][:400], "utf-8", "replace")
    if default is None:
        raise BadRequest(f"The query lacks {name}.")
    return default


def _sent(request: Request, kind: type[T]) -> T:
    """Return the request's JSON.

    Its content type is checked because a form of a foreign page cannot send it without
    this server's consent.
    """
    if request.getHeader(b"content-type") != b"application/json":
        raise BadRequest("The content type must be application/json.")
    return read_json(request, kind)


def _problem(request: Request, status: int, error: PexscheddError) -> bytes:
    return json_response(
        request, {"code": error.code, "message": error.message}, status
    )
