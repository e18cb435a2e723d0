"""The PowerShell lines that examine and repair an Exchange, with an integration's own
values. Pure.

Functions return complete lines: one as a string, several as a tuple.
"""

from pexschedd.doctor import graph_remedies
from pexschedd.doctor.case import ExaminedIntegration
from pexschedd.util.powershell import quoted

ROLE_NAME = "pexschedd impersonation"
POLICY_NAME = "pexschedd"
USER_AGENT = "pexschedd*"

PROCESSING = (
    "-AutomateProcessing None -AllowConflicts $true -BookingWindowInDays 1080 "
    "-MaximumDurationInMinutes 0 -AllowRecurringMeetings $true "
    "-EnforceSchedulingHorizon $false -ScheduleOnlyDuringWorkHours $false "
    "-ConflictPercentageAllowed 100 -MaximumConflictInstances 2147483647"
)
"""Deployment guide, "Configuring the equipment resource"."""

THROTTLING = (
    "-EwsMaxConcurrency 100 -EwsMaxBurst Unlimited -EwsRechargeRate Unlimited "
    "-EwsCutoffBalance Unlimited -EwsMaxSubscriptions Unlimited"
)


EXTENDED_PROTECTION = (
    "Get-WebServicesVirtualDirectory | Format-List Identity,ExtendedProtection*"
)


def mailbox(case: ExaminedIntegration) -> str:
    """The equipment mailbox's address, quoted."""
    return quoted(case.connector.mailbox_address)


def account(case: ExaminedIntegration) -> str:
    """The service account's user name, quoted."""
    return quoted(case.connector.username)


def short_account(case: ExaminedIntegration) -> str:
    """The service account's name without its domain, quoted, for Active Directory."""
    return quoted(case.connector.username.rpartition("\\")[2].partition("@")[0])


def virtual_directory(option: str) -> str:
    """Switch an option of the EWS virtual directories on, on all servers."""
    return (
        "Get-WebServicesVirtualDirectory | "
        f"Set-WebServicesVirtualDirectory {option} $true"
    )


def offer_method(method: str) -> tuple[str, ...]:
    """Enable an `authentication_method` on the EWS virtual directories."""
    option = {
        "BASIC": "-BasicAuthentication",
        "NTLM": "-WindowsAuthentication",
        "KERBEROS": "-WindowsAuthentication",
        "OAUTH": "-OAuthAuthentication",
        "APP_PERM": "-OAuthAuthentication",
    }[method]
    return (
        "Get-WebServicesVirtualDirectory | Format-List Identity,*Authentication*",
        virtual_directory(option),
        "Restart-WebAppPool -Name MSExchangeServicesAppPool",
    )


def look_at_account(case: ExaminedIntegration) -> tuple[str, ...]:
    """Show the service account in Active Directory, and unlock it."""
    who = short_account(case)
    return (
        (
            f"Get-ADUser -Identity {who} -Properties "
            "Enabled,LockedOut,PasswordExpired,AccountExpirationDate"
        ),
        f"Unlock-ADAccount -Identity {who}",
    )


def new_password(case: ExaminedIntegration) -> tuple[str, ...]:
    """Give the service account a new password that does not expire."""
    who = short_account(case)
    return (
        (
            f"Set-ADAccountPassword -Identity {who} -Reset "
            "-NewPassword (Read-Host 'New password' -AsSecureString)"
        ),
        f"Set-ADUser -Identity {who} -PasswordNeverExpires $true",
    )


def allow_ews(case: ExaminedIntegration) -> tuple[str, ...]:
    """Show and lift everything that keeps the account from using EWS."""
    if case.online:
        app = quoted(case.connector.oauth_client_id or "")
        return (
            (
                "Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy | "
                "Format-List Ews*"
            ),
            (
                "Set-OrganizationConfig -EwsAllowedAppIDs (@("
                "(Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy)"
                f".EwsAllowedAppIDs, {app} | Where-Object {{ $_ }}) -join ',')"
            ),
            "Set-OrganizationConfig -EwsEnabled $true",
            f"Set-CASMailbox -Identity {mailbox(case)} -EwsEnabled $true",
        )
    agent = quoted(USER_AGENT)
    lines = ["Get-OrganizationConfig | Format-List Ews*"]
    for who in (account(case), mailbox(case)):
        lines += [
            f"Get-CASMailbox -Identity {who} | Format-List Ews*",
            f"Set-CASMailbox -Identity {who} -EwsEnabled $true",
        ]
    return (
        *lines,
        (f"Set-CASMailbox -Identity {account(case)} -EwsAllowList @{{Add={agent}}}"),
    )


def look_at_impersonation(case: ExaminedIntegration) -> str:
    """Show for whom the service account may act."""
    return (
        f"Get-ManagementRoleAssignment -RoleAssignee {account(case)} "
        "-Role ApplicationImpersonation | Format-List "
        "Name,RecipientWriteScope,CustomRecipientWriteScope"
    )


def impersonation(case: ExaminedIntegration) -> tuple[str, ...]:
    """Show for whom the service account may act, and let it act for mailboxes."""
    if case.online:
        app = quoted(case.connector.oauth_client_id or "")
        return (
            (
                f"Test-ServicePrincipalAuthorization -Identity {app} "
                f"-Resource {mailbox(case)}"
            ),
            (
                f"New-ManagementRoleAssignment -Name {quoted(ROLE_NAME)} "
                f"-Role 'Application EWS.AccessAsApp' -App {app} "
                f"-CustomResourceScope {quoted(ROLE_NAME)}"
            ),
        )
    return (
        look_at_impersonation(case),
        (
            f"New-ManagementRoleAssignment -Name {quoted(ROLE_NAME)} "
            f"-Role ApplicationImpersonation -User {account(case)}"
        ),
    )


def look_at_mailbox(case: ExaminedIntegration) -> str:
    """Show the kind and the addresses of the equipment mailbox."""
    return (
        f"Get-Mailbox -Identity {mailbox(case)} | Format-List "
        "RecipientTypeDetails,ResourceType,PrimarySmtpAddress,EmailAddresses"
    )


def make_mailbox(case: ExaminedIntegration) -> str:
    """Create the equipment mailbox."""
    return _new_mailbox(case, case.connector.mailbox_address)


def make_another_mailbox(case: ExaminedIntegration) -> str:
    """Create an equipment mailbox under another address, as this one is taken."""
    local, _, domain = case.connector.mailbox_address.partition("@")
    return _new_mailbox(case, f"{local}-equipment@{domain}")


def _new_mailbox(case: ExaminedIntegration, address: str) -> str:
    name = quoted(case.connector.room_mailbox_name or "Meetings")
    return (
        f"New-Mailbox -Equipment -Name {name} -Alias "
        f"{quoted(address.partition('@')[0])} -DisplayName {name} "
        f"-PrimarySmtpAddress {quoted(address)}"
    )


def calendar_processing(case: ExaminedIntegration) -> tuple[str, ...]:
    """Set automatic processing as the integration needs it, and show all its
    settings."""
    if case.connector.uses_graph:
        return graph_remedies.processing(case)
    return (
        f"Set-CalendarProcessing -Identity {mailbox(case)} {PROCESSING}",
        f"Get-CalendarProcessing -Identity {mailbox(case)} | Format-List",
    )


def throttling(case: ExaminedIntegration) -> tuple[str, ...]:
    """Show the throttling policies, and give the service account one of its own."""
    policy = quoted(POLICY_NAME)
    return (
        f"Get-ThrottlingPolicyAssociation -Identity {account(case)}",
        "Get-ThrottlingPolicy | Format-Table Name,Ews*",
        f"New-ThrottlingPolicy -Name {policy} {THROTTLING}",
        (
            f"Set-ThrottlingPolicyAssociation -Identity {account(case)} "
            f"-ThrottlingPolicy {policy}"
        ),
    )


def time_service() -> tuple[str, ...]:
    """Show and synchronise the clock of a Windows server."""
    return ("w32tm /query /status", "w32tm /resync")
