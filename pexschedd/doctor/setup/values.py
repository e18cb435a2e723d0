"""The script's first block, with the values of the integration. Pure."""

from pexschedd.doctor.case import host_of
from pexschedd.doctor.graph_remedies import mailbox_scope, organizers_scope
from pexschedd.model.integration.connector import Connector
from pexschedd.util.powershell import quoted

FILTERED = """
function Filtered([string] $Value) { "'" + $Value.Replace("'", "''") + "'" }
""".strip()
"""The function by which scripts quote a value in a filter of Exchange's."""


def values(connector: Connector, addin_group: str, *, online: bool) -> str:
    """Return the block that assigns the integration's values to variables."""
    address = connector.mailbox_address
    method = connector.sign_in_method if online else connector.authentication_method
    by_graph = online and connector.uses_graph
    rows = [
        ("Mailbox", address, "the equipment mailbox"),
        (
            "MailboxName",
            connector.room_mailbox_name or address.partition("@")[0],
            "users see it among the resources and as the location",
        ),
        ("MailboxAlias", address.partition("@")[0], ""),
        (
            "AddinGroup",
            addin_group,
            "only its members get the add-in; empty: everyone",
        ),
        ("AddinId", connector.uuid.lower(), "as in the manifest"),
        (
            "Manifest",
            f"addin-manifest-{connector.id}.xml",
            (
                "from the management API: /api/admin/configuration/v1/"
                f"ms_exchange_connector/{connector.id}/manifest/"
            ),
        ),
        ("RoleName", f"pexschedd {connector.id}", "of everything that is created here"),
    ]
    if online:
        rows.append(
            ("AppId", connector.oauth_client_id or "", "of the app registration")
        )
    if by_graph:
        rows.append(("MailboxScope", mailbox_scope(connector), "that mailbox alone"))
        rows.append(("OrganizersScope", organizers_scope(connector), ""))
    if method == "KERBEROS":
        rows.append(("ExchangeSpn", connector.kerberos_exchange_spn, "empty: as below"))
        rows.append(("EwsHost", host_of(connector.url), "of the EWS URL"))
    if method != "APP_PERM" or not online:
        rows.insert(0, ("Account", connector.username, "the service account"))
    lines = ["$ErrorActionPreference = 'Stop'", ""]
    for name, value, why in rows:
        lines.append(f"${name} = {quoted(value)}" + (f"  # {why}" if why else ""))
    lines += [
        "$MailboxType = 'Equipment'  # CHOOSE: 'Equipment', or 'Room'",
        "",
        "# In an Exchange filter, a quote in a value is doubled.",
        FILTERED,
    ]
    return "\n".join(lines)
