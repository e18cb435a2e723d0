"""The answers to conferencing nodes that ask which service an alias leads to.

The external policy interface, version 1: `GET /policy/v1/service/configuration`. A node
waits five seconds at most; the answer comes from the daemon's own records, and Exchange
is not asked (see `scheduling.admission`). An alias that is not ours is answered with
`continue`, which makes the node look into its own configuration.
"""

from typing import Any

from twisted.web.server import Request

from pexschedd.errors import PexscheddError
from pexschedd.model.conference import Conference
from pexschedd.model.fields.declaration import fields_of
from pexschedd.scheduling.admission import Admission, Closed, Open, Verdict
from pexschedd.web.basic_auth import OneAccount
from pexschedd.web.routes import (
    ResponseBody,
    client_error,
    json_response,
    new_app,
    register_http_errors,
    route,
)

SAME_NAME = (
    "allow_guests",
    "breakout_rooms",
    "call_type",
    "crypto_mode",
    "denoise_enabled",
    "description",
    "enable_active_speaker_indication",
    "enable_chat",
    "enable_overlay_text",
    "guests_can_present",
    "live_captions_enabled",
    "max_pixels_per_second",
    "mute_all_guests",
    "non_idp_participants",
    "participant_limit",
    "pin",
    "pinning_config",
    "primary_owner_email_address",
    "softmute_enabled",
)
"""Settings that the answer has under the name of the management API."""
DIRECT_MEDIA = ("direct_media", "direct_media_notification_duration")
"""The same, but not in a room with breakout rooms."""
OF_LECTURES = (
    "force_presenter_into_main",
    "guest_view",
    "guests_can_see_guests",
    "host_view",
)
"""The same, in lectures only."""

DEFAULTS = {name: declared.default for name, declared in fields_of(Conference).items()}


def policy_error(
    request: Request, status: int, error: PexscheddError, correlation_id: str
) -> ResponseBody:
    """Return an error as everybody gets it; one about signing in asks for that."""
    if status == 401:
        request.responseHeaders.setRawHeaders(
            b"www-authenticate", [b'Basic realm="policy", charset="UTF-8"']
        )
    return client_error(request, status, error, correlation_id)


class PolicyApi:
    """The HTTP routes of the external policy interface."""

    app = new_app()

    def __init__(self, admission: Admission, account: OneAccount | None = None) -> None:
        self._admission = admission
        self._account = account

    @route(app, "/policy/v1/service/configuration", errors=policy_error)
    def service_configuration(self, request: Request) -> bytes:
        """Answer a node's question about the alias in `local_alias`."""
        if self._account is not None:
            self._account.require(request)
        aliases = request.args.get(b"local_alias") if request.args else None
        dialled = aliases[0].decode("utf-8", "replace") if aliases else ""
        return json_response(request, answer(self._admission.ask(dialled)))

    register_http_errors(app)


def answer(verdict: Verdict) -> dict[str, Any]:
    """Return the policy answer for a verdict; an unknown alias is left to the node."""
    match verdict:
        case Open():
            return {
                "status": "success",
                "action": "continue",
                "result": service(verdict),
            }
        case Closed(reason):
            return {
                "status": "success",
                "action": "reject",
                "result": {},
                "reason": reason,
            }
    return {"status": "success", "action": "continue", "result": {}}


def service(found: Open) -> dict[str, Any]:
    """Return the conference in the form that nodes accept. One invalid field voids the
    whole answer, so it holds only what differs from a node's own defaults, and PINs
    only where they are valid."""
    conference = found.conference
    is_lecture = conference.service_type == "lecture"
    result: dict[str, Any] = {
        "service_type": "lecture" if is_lecture else "conference",
        "name": conference.name,
        "service_tag": conference.tag or f"conference-{conference.id}",
    }
    told: tuple[str, ...] = SAME_NAME
    if conference.told_direct_media != "never":
        told += DIRECT_MEDIA
    if is_lecture:
        told += OF_LECTURES
    elif conference.host_view:
        result["view"] = conference.host_view
    for name in told:
        value = getattr(conference, name)
        if value not in (DEFAULTS[name], ""):
            result[name] = value
    for name in ("max_callrate_in", "max_callrate_out"):
        rate = getattr(conference, name)
        if rate:
            result[name] = rate * 1000  # kept in kbps, answered in bps
    named = {
        "ivr_theme_name": found.theme,
        "host_identity_provider_group": found.host_group,
        "guest_identity_provider_group": found.guest_group,
    }
    result.update({field: name for field, name in named.items() if name})
    if conference.allow_guests:
        if not conference.has_guests:
            del result["allow_guests"]
        elif conference.guest_pin and not any(conference.contradictions()):
            result["guest_pin"] = conference.guest_pin
    return result
