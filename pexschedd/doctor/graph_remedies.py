"""The PowerShell lines that let an application into mailboxes of Exchange Online, with
an integration's own values. Pure.

Source: "Role Based Access Control for Applications in Exchange Online". The names are
those that the setup script gives, so that both speak of the same scopes.
"""

from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.model.integration.connector import Connector
from pexschedd.util.powershell import quoted

MAILBOX_ROLES = (
    "Mail.ReadWrite",
    "Calendars.ReadWrite",
    "MailboxSettings.Read",
    "Mail.Send",
)
"""The permissions for the equipment mailbox; each has a role "Application …"."""
ORGANIZER_ROLE = "Calendars.ReadWrite"

PROCESSING = (
    "-AutomateProcessing AutoUpdate -AddNewRequestsTentatively $true "
    "-RemoveOldMeetingMessages $false -RemoveForwardedMeetingNotifications $true "
    "-ProcessExternalMeetingMessages $true -DeleteSubject $false "
    "-DeleteComments $false -AddOrganizerToSubject $false "
    "-RemovePrivateProperty $false -AllowConflicts $true -BookingWindowInDays 1080 "
    "-EnforceSchedulingHorizon $false -MaximumDurationInMinutes 0 "
    "-RemoveCanceledMeetings $false"
)
"""Exchange enters requests in the calendar as they came, and answers none."""

VISIBLE_UPDATES = (
    "Set-OrganizationConfig -VisibleMeetingUpdateProperties "
    "'Location,Subject,Body,AllProperties:15'"
)


def mailbox_scope(connector: Connector) -> str:
    """Return the name of the scope with the equipment mailbox alone."""
    return f"pexschedd {connector.id} Graph mailbox"


def organizers_scope(connector: Connector) -> str:
    """Return the name of the scope with the organizers."""
    return f"pexschedd {connector.id} Graph organizers"


def authorization(case: ExaminedIntegration, address: str) -> str:
    """Show which roles the application has for a mailbox."""
    return (
        f"Test-ServicePrincipalAuthorization -Identity {quoted(case.application)} "
        f"-Resource {quoted(address)} | Format-Table RoleName,ScopeType,InScope"
    )


def grant(case: ExaminedIntegration, role: str) -> tuple[str, ...]:
    """Give the application a role for the equipment mailbox, and show the result."""
    address = case.connector.mailbox_address
    scope = mailbox_scope(case.connector)
    return (
        authorization(case, address),
        *_registered(case),
        *_assigned(case, role, scope, f"PrimarySmtpAddress -eq {_filtered(address)}"),
    )


def grant_organizers(case: ExaminedIntegration) -> tuple[str, ...]:
    """Give the application the role for the calendars of all users, and show the
    result for the user under test."""
    scope = organizers_scope(case.connector)
    return (
        authorization(case, case.user),
        *_registered(case),
        *_assigned(
            case, ORGANIZER_ROLE, scope, "RecipientTypeDetails -eq 'UserMailbox'"
        ),
    )


def consents(case: ExaminedIntegration) -> tuple[str, ...]:
    """Show the application's consents in Entra, which are for all mailboxes."""
    principal = f"(Get-MgServicePrincipal -Filter {quoted(_app_filter(case))}).Id"
    return (
        "Connect-MgGraph -Scopes 'Application.Read.All'",
        (
            "Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId "
            f"{principal} | Format-Table ResourceDisplayName,AppRoleId,Id"
        ),
    )


def credentials(case: ExaminedIntegration) -> tuple[str, ...]:
    """Show when the application's secrets and certificates end."""
    found = f"Get-MgApplication -Filter {quoted(_app_filter(case))}"
    return (
        "Connect-MgGraph -Scopes 'Application.Read.All'",
        f"({found}).PasswordCredentials | Format-Table DisplayName,Hint,EndDateTime",
        f"({found}).KeyCredentials | Format-Table DisplayName,EndDateTime",
    )


def processing(case: ExaminedIntegration) -> tuple[str, ...]:
    """Have Exchange enter requests in the calendar, and show all its settings."""
    mailbox = quoted(case.connector.mailbox_address)
    return (
        f"Set-CalendarProcessing -Identity {mailbox} {PROCESSING}",
        f"Get-CalendarProcessing -Identity {mailbox} | Format-List",
    )


def _registered(case: ExaminedIntegration) -> tuple[str, ...]:
    return (
        (
            f"New-ServicePrincipal -AppId {quoted(case.application)} -ObjectId "
            "(Read-Host 'Object ID of the enterprise application') "
            "-DisplayName 'pexschedd'"
        ),
    )


def _assigned(
    case: ExaminedIntegration, role: str, scope: str, restriction: str
) -> tuple[str, ...]:
    return (
        (
            f"New-ManagementScope -Name {quoted(scope)} "
            f"-RecipientRestrictionFilter {quoted(restriction)}"
        ),
        (
            f"New-ManagementRoleAssignment -Name {quoted(f'{scope} {role}')} "
            f"-App {quoted(case.application)} -Role {quoted(f'Application {role}')} "
            f"-CustomResourceScope {quoted(scope)}"
        ),
    )


def _filtered(value: str) -> str:
    """A value within a filter, where a quote is doubled."""
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def _app_filter(case: ExaminedIntegration) -> str:
    return f"appId eq {_filtered(case.application)}"
