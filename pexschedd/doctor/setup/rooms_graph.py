"""The script that sets Microsoft 365 up for One-Touch Join over Graph. Pure.

The application gets the role Application Calendars.Read within a scope of the rooms
("Role Based Access Control for Applications in Exchange Online"), and no consent in
Entra, which would be for all mailboxes.
"""

from collections.abc import Iterable

from pexschedd.doctor.setup import microsoft365
from pexschedd.doctor.setup.rooms import (
    PROCESSING,
    ROOMS,
    VERIFY_PROCESSING,
    head,
    values_block,
)
from pexschedd.doctor.setup.script import joined
from pexschedd.model.onetouch.graph_deployment import GraphDeployment

ROLE = "Application Calendars.Read"


def graph_rooms_script(deployment: GraphDeployment, rooms: Iterable[str]) -> str:
    """Return the complete script, which is safe to run more than once."""
    whose = f"Graph deployment {deployment.id}: {deployment.name}"
    return joined(
        [
            head(whose, online=True),
            _values(deployment, rooms),
            microsoft365.SESSION,
            _APPLICATION,
            ROOMS,
            _ROLE,
            PROCESSING,
            _VERIFY,
            VERIFY_PROCESSING,
        ]
    )


def role_name(deployment: GraphDeployment) -> str:
    """Return the name of the scope and the role assignment that the script makes."""
    return f"pexschedd One-Touch Join Graph {deployment.id}"


def _values(deployment: GraphDeployment, rooms: Iterable[str]) -> str:
    name = role_name(deployment)
    rows = [
        ("AppId", deployment.client_id, "of the app registration"),
        ("RoleName", name, "of the scope and the role that are created here"),
        ("GroupName", f"{name} rooms", "the group of the rooms"),
        ("GroupAlias", f"pexschedd-onetouch-graph-{deployment.id}", ""),
    ]
    return values_block(rows, rooms)


_APPLICATION = f"""
# --- The application ----------------------------------------------------------------
# In Entra, under App registrations, make one for One-Touch Join alone ("Accounts in
# this organizational directory only"), and a client secret. Enter in the deployment:
#   Client ID         its Application (client) ID
#   Client secret     the secret's value, which Entra shows once; not the Secret ID
#   OAuth token URL   https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token
# It needs NO permission Calendars.Read in Entra: a consent there is for the calendars
# of all mailboxes, and the scope below does not narrow it. Remove it if it is there.

if (-not $AppId) {{ throw 'Set the field Client ID of the deployment first.' }}
{microsoft365.PRINCIPAL.lstrip()}"""

_ROLE = f"""
# --- The application's role, for the rooms and nobody else ------------------------

$Place = (Get-Group -Identity $GroupName).DistinguishedName
$Restriction = "MemberOfGroup -eq $(Filtered $Place)"
{microsoft365.SCOPE.lstrip()}{microsoft365.assignment(ROLE)}"""

_VERIFY = """
# --- To verify (changes nothing) --------------------------------------------------
# Then have the deployment checked: /api/admin/command/v1/mjx_graph_deployment/

Get-DistributionGroupMember -Identity $GroupName -ResultSize Unlimited |
    Format-Table PrimarySmtpAddress, RecipientType
Get-ManagementScope -Identity $RoleName | Format-List Name, RecipientFilter
$Wanted | ForEach-Object {
    Test-ServicePrincipalAuthorization -Identity $AppId -Resource $_
} | Format-Table RoleName, AllowedResourceScope, ScopeType, InScope
# InScope has to be True for each room, and False for anybody else's mailbox:
#   Test-ServicePrincipalAuthorization -Identity $AppId -Resource 'name@example.com'
"""
