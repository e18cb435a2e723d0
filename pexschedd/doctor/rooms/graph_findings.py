"""Judges what was seen of the rooms of a Graph deployment. Pure."""

from collections.abc import Mapping

from pexschedd.doctor.report import CheckFinding, failed, passed
from pexschedd.doctor.rooms.findings import MOST_NAMED, tried_rooms
from pexschedd.doctor.setup.rooms_graph import ROLE, role_name
from pexschedd.model.onetouch.graph_deployment import GraphDeployment
from pexschedd.util.powershell import one_line, quoted


def signed_in(deployment: GraphDeployment, problem: str) -> CheckFinding:
    """Judge the sign-in of the application, tried with one room."""
    if not problem:
        return passed(f"The application {deployment.client_id} signs in.")
    return failed(
        one_line(problem),
        cause="The identity provider gives no token, Graph does not take it, or one of "
        "them is not reached.",
        remedy="Correct the fields Client ID, Client secret (the value of the secret, "
        "which expires, and not its id), OAuth token URL and Graph API domain of the "
        "deployment: the last two have to be of the same cloud. Both hosts must be "
        "reached from here, on port 443.",
    )


def read(
    deployment: GraphDeployment, problems: Mapping[str, str], tried: int, rooms: int
) -> CheckFinding:
    """Judge the rooms that were tried: `problems` has those that cannot be read."""
    message = tried_rooms(len(problems), tried, rooms)
    if not problems:
        return passed(message)
    named = sorted(problems)[:MOST_NAMED]
    scope = quoted(role_name(deployment))
    return failed(
        message,
        cause=f"The application lacks the role '{ROLE}' for the room, or there is no "
        "such mailbox in Exchange Online.",
        remedy="Run the deployment's exchange_setup script again: it brings the group, "
        "the management scope and the role up to date. A change takes up to two hours "
        "to take effect. The commands show what a room lacks, and give the role to the "
        "application by hand.",
        commands=[
            *(
                "Test-ServicePrincipalAuthorization -Identity "
                f"{quoted(deployment.client_id)} -Resource {quoted(room)}"
                for room in named[:3]
            ),
            (
                f"New-ManagementRoleAssignment -App {quoted(deployment.client_id)} "
                f"-Role {quoted(ROLE)} -CustomResourceScope {scope}"
            ),
        ],
        details=[f"{room}: {one_line(problems[room])}" for room in named],
    )
