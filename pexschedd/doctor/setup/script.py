"""Puts the script together from its blocks. Pure."""

from collections.abc import Iterable

import msgspec

from pexschedd.doctor.setup import (
    addin,
    addin_tokens,
    graph,
    mailbox,
    microsoft365,
    onpremises,
    user_sign_in,
)
from pexschedd.doctor.setup.values import values
from pexschedd.model.integration.connector import Connector
from pexschedd.util.powershell import comment

TARGETS = ("onpremises", "microsoft365", "graph", "user_sign_in", "addin_tokens")


class SetupOptions(msgspec.Struct, frozen=True):
    """The administrator's choices for the script."""

    target: str = "onpremises"
    """One of `TARGETS`. "graph" is for an integration that uses Microsoft Graph, or is
    to use it: what "microsoft365" is for one that does."""
    addin_group: str = ""
    """The group whose members get the add-in; empty for everyone."""


def script_for(connector: Connector, options: SetupOptions) -> str:
    """Return the complete script, which is safe to run more than once."""
    if options.target == "user_sign_in":
        return joined(user_sign_in.blocks(connector))
    if options.target == "addin_tokens":
        return joined(addin_tokens.blocks(connector))
    online = options.target == "microsoft365"
    if options.target == "graph" or (online and connector.uses_graph):
        as_graph = msgspec.structs.replace(connector, mailbox_protocol="GRAPH")
        return joined(_graph_blocks(as_graph, options))
    app_only = online and connector.authentication_method != "OAUTH"
    blocks = [
        _head(connector, online=online),
        values(connector, options.addin_group, online=online),
    ]
    if online:
        blocks.append(microsoft365.CONNECT)
        if not app_only:
            blocks.append(microsoft365.ACCOUNT)
    else:
        blocks += [onpremises.SHELL, onpremises.ACCOUNT]
    blocks += [mailbox.MAILBOX, mailbox.CALENDAR]
    if app_only:
        blocks.append(microsoft365.APPLICATION)
    elif online:
        blocks.append(microsoft365.DELEGATED)
    else:
        blocks += [
            onpremises.IMPERSONATION,
            onpremises.method(connector.authentication_method),
            onpremises.THROTTLING,
            onpremises.VIEWING,
        ]
    if online:
        blocks += [microsoft365.EWS, *_ADDIN_ONLINE]
    else:
        blocks += [addin.EXPAND, addin.EXPAND_ACTIVE_DIRECTORY, addin.DEPLOY]
    blocks.append(microsoft365.verify(app_only) if online else onpremises.VERIFY)
    return joined(blocks)


_ADDIN_ONLINE = (addin.ONLINE, addin.EXPAND, addin.EXPAND_ENTRA, addin.DEPLOY)


def _graph_blocks(connector: Connector, options: SetupOptions) -> list[str]:
    return [
        _head(connector, online=True),
        values(connector, options.addin_group, online=True),
        microsoft365.SESSION,
        mailbox.MAILBOX,
        mailbox.SENDERS,
        graph.processing(connector.graph_answer_method),
        graph.APPLICATION,
        *_ADDIN_ONLINE,
        graph.VERIFY,
    ]


def joined(blocks: Iterable[str]) -> str:
    """Return a script of these blocks, with an empty line between them."""
    return "\n".join(block.strip("\n") + "\n" for block in blocks)


def _head(connector: Connector, *, online: bool) -> str:
    where = "Exchange Online" if online else "Exchange on-premises"
    shell = (
        "PowerShell with the module ExchangeOnlineManagement"
        if online
        else "the Exchange Management Shell, as a member of Organization Management"
    )
    lines = [
        f"Sets up {where} for the integration {connector.id}: {connector.name}",
        "",
        f"Run it in {shell}.",
        "It may be run again: what exists is kept or brought up to date. Read it",
        "first, and choose where it says CHOOSE. It contains no password; you are",
        "asked for it.",
    ]
    return "\n".join(comment(line).rstrip() for line in lines)
