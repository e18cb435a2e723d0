"""Judges what was seen of a deployment's rooms. Pure."""

from collections.abc import Mapping, Sequence

from pexschedd.doctor.report import (
    CheckFinding,
    failed,
    not_checked,
    passed,
    warning,
)
from pexschedd.identity.oauth.service_accounts import DEPLOYMENTS
from pexschedd.model.onetouch.exchange_deployment import ExchangeDeployment
from pexschedd.onetouch.calendars.pace import interval_of
from pexschedd.onetouch.calendars.quota import LONG_INTERVAL
from pexschedd.onetouch.deployments import ReadDeployment, key_of, quota_of
from pexschedd.onetouch.screen.calendar_processing import (
    ProcessingLoss,
    mending_command,
)
from pexschedd.util.powershell import one_line, quoted

MOST_NAMED = 20
_SCRIPT = (
    "Run the deployment's exchange_setup script again: it brings the group, the "
    "management scope and the impersonation up to date. A change takes up to an hour "
    "to take effect."
)


def configured(rooms: Sequence[str]) -> CheckFinding:
    """Judge whether there is anything to read."""
    if rooms:
        count = "1 room is" if len(rooms) == 1 else f"{len(rooms)} rooms are"
        return passed(f"{count} read with this deployment.")
    return warning(
        "No room is read with this deployment.",
        cause="A room is read if it is the room of an endpoint, the endpoint's group "
        "has a profile, and the profile has this deployment.",
        remedy="Give endpoints a group, the group a profile, and the profile this "
        "deployment.",
    )


def discovered(url: str, problem: str) -> CheckFinding:
    """Judge a search by Autodiscover."""
    if not problem:
        return passed(f"Autodiscover names {url}.")
    return failed(
        one_line(problem),
        cause="The deployment has no EWS URL, and Autodiscover gives none.",
        remedy="Enter the EWS URL, usually https://<server>/EWS/Exchange.asmx, or an "
        "Autodiscover URL of the deployment.",
        commands=(
            "Get-WebServicesVirtualDirectory | Format-List Identity,*ternalUrl",
            (
                "Get-ClientAccessService | Format-List "
                "Identity,AutoDiscoverServiceInternalUri"
            ),
        ),
    )


def signed_in(deployment: ExchangeDeployment, problem: str) -> CheckFinding:
    """Judge the sign-in of the service account or of the application, tried with one
    room."""
    who = deployment.service_account_username
    if deployment.authentication_method == "APP_PERM":
        who = f"The application {deployment.oauth_client_id}"
    if not problem:
        return passed(f"{who} signs in.")
    if deployment.authentication_method == "APP_PERM":
        return failed(
            one_line(problem),
            cause="The identity provider gives no token, or Exchange does not take it.",
            remedy="Correct the fields OAuth client ID, OAuth client secret and OAuth "
            "token endpoint of the deployment: secrets expire. The deployment's "
            "exchange_setup script makes the application known to Exchange.",
        )
    if deployment.authentication_method == "OAUTH":
        return failed(
            one_line(problem),
            cause="The service account is not signed in, or Exchange does not take its "
            "tokens.",
            remedy=f"Sign in as {who} at {DEPLOYMENTS.page_of(deployment.id)}, and "
            "correct the fields Service account username and OAuth client ID of the "
            "deployment if the page says so.",
        )
    return failed(
        one_line(problem),
        cause="Exchange does not let the service account in.",
        remedy="Correct the fields Service account username, Service account password "
        "and Authentication method of the deployment.",
        commands=(
            f"Get-User -Identity {quoted(who)} | Format-List *Disabled*,*Principal*",
        ),
    )


def tried_rooms(unread: int, tried: int, rooms: int) -> str:
    """Return what came of trying rooms, of which `unread` cannot be read."""
    left_out = rooms - tried
    note = f" {left_out} more were not tried: there was no time." if left_out else ""
    if not unread:
        return f"{tried} of {rooms} rooms can be read.{note}"
    return f"{unread} of {rooms} rooms cannot be read.{note}"


def read(problems: Mapping[str, str], tried: int, rooms: int) -> CheckFinding:
    """Judge the rooms that were tried: `problems` has those that cannot be read."""
    message = tried_rooms(len(problems), tried, rooms)
    if not problems:
        return passed(message)
    named = sorted(problems)[:MOST_NAMED]
    return failed(
        message,
        cause="The room's address is wrong, or it is outside of the management scope "
        "of the service account.",
        remedy=_SCRIPT,
        commands=[f"Get-Mailbox -Identity {quoted(room)}" for room in named[:3]],
        details=[f"{room}: {one_line(problems[room])}" for room in named],
    )


def processing(
    losses: Mapping[str, Sequence[ProcessingLoss]], looked_at: int
) -> CheckFinding:
    """Judge the calendar processing of the rooms by what was read of them."""
    if not looked_at:
        return not_checked("No room has been read yet.")
    if not losses:
        return passed(
            f"{looked_at} rooms keep the texts of what they accept, as far as their "
            "meetings tell. Whether they drop the private flag cannot be seen."
        )
    named = sorted(losses)[:MOST_NAMED]
    return failed(
        f"{len(losses)} rooms take away what a Join button is found in.",
        cause="By default Exchange deletes the text of what a room accepts, and puts "
        "the organizer's name in the place of the subject.",
        remedy="Run the commands. Meetings that were accepted before stay as they are.",
        commands=[mending_command(room, losses[room]) for room in named],
        details=named,
    )


def quota(deployment: ReadDeployment, rooms: int, used: int) -> CheckFinding:
    """Judge whether the quota suffices for the rooms."""
    limit, field = quota_of(deployment), key_of(deployment).kind.quota_field
    interval = interval_of(rooms, limit) if rooms else 0.0
    message = (
        f"Each of {rooms} rooms is read every {interval:.0f} seconds. {used} of "
        f"{limit} requests were used in the last 24 hours."
    )
    if interval < LONG_INTERVAL and used < limit:
        return passed(message)
    return warning(
        message,
        cause="Changes of meetings reach the screens late.",
        remedy=f"Raise {field} as far as the server allows, or use another deployment "
        "for some of the rooms.",
    )
