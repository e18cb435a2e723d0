"""A test of processing rules. Under `/api/admin/`:

POST command/v1/mjx_meeting_processing_rule/test/   {"text": "…", "mjx_integration": …}

or the invitation itself, by its content type, with the rest in the address. Nothing is
stored, and nothing of the invitation gets into the log.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from twisted.web.server import Request

from pexschedd.errors import InvalidFields
from pexschedd.management.onetouch.rule_tests import RuleTests
from pexschedd.management.resource import PREFIX
from pexschedd.model.fields.times import format_time
from pexschedd.onetouch.invitation.files import MOST_BYTES, FileKind
from pexschedd.onetouch.rule_test import RuleTestResult
from pexschedd.onetouch.rules.results import RuleOutcome, SeenLink
from pexschedd.onetouch.rules.rule import MOST_RULES
from pexschedd.web.admin.api import AdminApi
from pexschedd.web.admin.errors import invalid_fields_of
from pexschedd.web.admin.openapi.operation import (
    ApiAnswer,
    Parameter,
    RequestBody,
    described,
)
from pexschedd.web.json_body import read_json
from pexschedd.web.routes import BadRequest, ResponseBody, body_of, json_response
from pexschedd.web.site import BODY_LIMIT

COMMAND = f"{PREFIX}/command/v1/mjx_meeting_processing_rule/test/"

_KINDS: Mapping[str, FileKind | None] = {
    "message/rfc822": FileKind.MAIL,
    "text/calendar": FileKind.CALENDAR,
    "text/html": FileKind.HTML,
    "text/plain": FileKind.TEXT,
    "application/octet-stream": None,
}
"""The kinds of invitations that are sent as they are; None is told by the content."""
_BODIES = ("text", "html", "file")
_LONGEST = 1_000
"""Characters of a subject or a location."""
_Line = Annotated[str, msgspec.Meta(extra_json_schema={"maxLength": _LONGEST})]
_Base64 = Annotated[str, msgspec.Meta(extra_json_schema={"contentEncoding": "base64"})]
_Rules = Annotated[
    list[Any] | None, msgspec.Meta(extra_json_schema={"maxItems": MOST_RULES})
]


class InvitationToTest(msgspec.Struct, forbid_unknown_fields=True):
    """An invitation, as one of `text`, `html` and `file`, and what to test with it."""

    text: str | None = None
    html: str | None = None
    file: _Base64 | None = None
    """A mail (.eml), a calendar file (.ics), HTML or text, in base64."""
    kind: FileKind | None = None
    """The kind of `file`; by default its content tells."""
    subject: _Line = ""
    """The subject of an invitation that has none of its own."""
    location: _Line = ""
    """The location of an invitation that has none of its own."""
    mjx_integration: str | int | None = None
    """The profile whose stored rules and settings are tested: its address or id.
    Without it, and without `rules`, all services are looked for that need no domain."""
    rules: _Rules = None
    """A list of rules to test, with the fields of `mjx_meeting_processing_rule`."""


class ScreenLine(msgspec.Struct, frozen=True, kw_only=True):
    """The line that a room's screen will show."""

    is_shown: bool
    title: str
    """The title on the screen; empty if the meeting is not shown."""
    has_join: bool
    """True if the line has Join."""
    join_from: str | None
    """The time from which on Join can be pressed; null if the invitation has none."""
    join_until: str | None
    """The time until which it can."""
    reason: str
    """The reason why the meeting is not shown, or has no Join; empty if it has."""


class InvitationFindings(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of the rules in an invitation."""

    alias: str | None
    """The alias that the room dials; null if nothing was found."""
    protocol: str | None
    """`SIP` or `H323`."""
    platform: str | None
    """The platform, as screens name it."""
    rule: str | None
    """The name of the rule that matched; `fallback` for a written address."""
    service: str
    """The service's name; empty if it is not known."""
    pin: str
    """The PIN that people have to enter: it is not part of the alias."""
    organizer: str
    start: str | None
    """The start, as the invitation has it."""
    end: str | None
    is_private: bool
    is_cancelled: bool
    screen: ScreenLine
    tried: tuple[RuleOutcome, ...]
    """Each rule, in the order in which they were tried, with what it found, or the
    reason why it did not match."""
    recognised: tuple[str, ...]
    """The services whose meetings the invitation names."""
    links: tuple[SeenLink, ...]
    """The first links, as their senders wrote them."""
    notes: tuple[str, ...]
    """Remarks: what could not be read, and what may surprise."""


def large_invitations() -> dict[bytes, int]:
    """Return the addresses that take more than others: see `HttpSite`."""
    return {COMMAND.encode(): MOST_BYTES + 1}


class RuleTestRoutes:
    """The route of the module's docstring."""

    def __init__(self, tests: RuleTests) -> None:
        self._tests = tests

    def add_to(self, api: AdminApi) -> None:
        """Add the route of the module's docstring."""
        api.add(COMMAND, post=self._test)

    @described(
        "Test the rules of One-Touch Join with an invitation",
        "Answers which rule matches, why the others do not, and what a room's screen "
        "will show. Nothing is stored. A body that is not JSON is the invitation "
        "itself, and the arguments of the address say the rest.",
        answers={200: ApiAnswer("What was found.", InvitationFindings)},
        errors=(429,),
        parameters=(
            Parameter(
                "mjx_integration",
                "The profile's id or address, with a body that is not JSON.",
            ),
            Parameter("subject", "The subject, with a body that is not JSON."),
            Parameter("location", "The location, with a body that is not JSON."),
        ),
        body=RequestBody(
            InvitationToTest, others={each: {"type": "string"} for each in _KINDS}
        ),
        id="test_mjx_meeting_processing_rule",
    )
    async def _test(self, request: Request) -> ResponseBody:
        with invalid_fields_of("test"):
            kind = _content_type(request)
            if kind in _KINDS:
                profile, values = _sent_as_it_is(request, _KINDS[kind])
            else:
                profile, values = _sent_as_json(request)
            result = await self._tests.run(profile, **values)
        return json_response(request, _answer(result))


def _content_type(request: Request) -> str:
    sent = request.getHeader("content-type") or ""
    return sent.partition(";")[0].strip().lower()


def _sent_as_it_is(
    request: Request, kind: FileKind | None
) -> tuple[object, dict[str, Any]]:
    known = ("mjx_integration", "subject", "location")
    for name in request.args or {}:
        if name.decode("ascii", "replace") not in known:
            raise BadRequest(
                f"There is no such argument; there are {', '.join(known)}."
            )
    profile, subject, location = (_argument(request, name) for name in known)
    return profile, {
        "data": body_of(request),
        "kind": kind,
        "subject": subject,
        "location": location,
    }


def _argument(request: Request, name: str) -> str:
    values = (request.args or {}).get(name.encode(), [])
    if len(values) > 1:
        raise InvalidFields({name: ["This may be given once only."]})
    try:
        value = values[0].decode() if values else ""
    except UnicodeDecodeError:
        raise InvalidFields({name: ["This is not UTF-8."]}) from None
    return _bounded(name, value)


def _bounded(name: str, value: str) -> str:
    if len(value) > _LONGEST:
        text = f"This may have {_LONGEST} characters at most."
        raise InvalidFields({name: [text]})
    return value


def _sent_as_json(request: Request) -> tuple[object, dict[str, Any]]:
    if int(request.getHeader("content-length") or 0) > BODY_LIMIT:
        raise BadRequest(
            f"A request in JSON has {BODY_LIMIT} bytes at most. Send a larger "
            "invitation as it is, with a content type such as message/rfc822."
        )
    sent = read_json(request, InvitationToTest)
    given = [name for name in _BODIES if getattr(sent, name) is not None]
    if len(given) != 1:
        text = f"Send the invitation as one of {', '.join(_BODIES)}."
        raise InvalidFields({given[1] if given else _BODIES[0]: [text]})
    (name,) = given
    kinds = {"text": FileKind.TEXT, "html": FileKind.HTML, "file": sent.kind}
    rules = b"" if sent.rules is None else msgspec.json.encode(sent.rules)
    return sent.mjx_integration, {
        "data": getattr(sent, name).encode("utf-8", "surrogatepass"),
        "is_base64": name == "file",
        "kind": kinds[name],
        "subject": _bounded("subject", sent.subject),
        "location": _bounded("location", sent.location),
        "given_rules": rules,
    }


def _answer(result: RuleTestResult) -> InvitationFindings:
    report, screen = result.report, result.screen
    return InvitationFindings(
        alias=report.alias,
        protocol=report.protocol,
        platform=report.platform,
        rule=report.rule,
        service=report.service,
        pin=report.pin,
        organizer=report.organizer,
        start=_time(report.start),
        end=_time(report.end),
        is_private=report.is_private,
        is_cancelled=report.is_cancelled,
        screen=ScreenLine(
            is_shown=screen.is_shown,
            title=screen.title,
            has_join=screen.has_join,
            join_from=_time(screen.join_from),
            join_until=_time(screen.join_until),
            reason=screen.reason,
        ),
        tried=report.tried,
        recognised=report.recognised,
        links=report.links,
        notes=report.notes,
    )


def _time(moment: datetime | None) -> str | None:
    """A time in UTC; as it is, if its zone is not known."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        return moment.isoformat(timespec="microseconds")
    try:
        return format_time(moment)
    except OverflowError:  # in the first or the last hours that there are
        return moment.isoformat(timespec="microseconds")
