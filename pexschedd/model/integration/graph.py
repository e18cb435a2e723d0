"""The part of an integration that faces Microsoft Graph, where that is used instead of
Exchange Web Services."""

from collections.abc import Iterator
from typing import Annotated

from pexschedd.model.fields.addresses import is_plain_address
from pexschedd.model.fields.declaration import Field
from pexschedd.model.integration.exchange import ExchangeAccess, Needs
from pexschedd.model.integration.microsoft_clouds import (
    client_id_problem,
    graph_domain,
    graph_origin,
    secret_problem,
    token_endpoint_problem,
)


class GraphAccess(ExchangeAccess, frozen=True, kw_only=True):
    """The choice between the two interfaces to a mailbox, and what Graph needs.

    With Graph an integration signs in as an application, whatever its
    `authentication_method`: that and the other fields of EWS keep their values, so that
    it can go back to EWS by `mailbox_protocol` alone.
    """

    mailbox_protocol: Annotated[
        str,
        Field(
            begins="Microsoft Graph",
            label="Mailbox protocol",
            help="The interface by which the mailbox is read and answered: Exchange "
            "Web Services (EWS), or Microsoft Graph (GRAPH), which Exchange Online "
            "alone has. With GRAPH the integration signs in as an application: "
            "oauth_client_id, oauth_token_endpoint, and oauth_client_secret or a "
            "certificate; the EWS URL, the authentication_method and the service "
            "account are not used.",
            choices=("EWS", "GRAPH"),
        ),
    ] = "EWS"
    graph_api_domain: Annotated[
        str,
        Field(
            label="Graph API domain",
            help="The host of Microsoft Graph in your cloud: graph.microsoft.com, "
            "graph.microsoft.us (US Government L4), dod-graph.microsoft.us (DoD) or "
            "microsoftgraph.chinacloudapi.cn (21Vianet). A loopback address is "
            "reached without TLS, to try things out.",
            min_length=1,
            max_length=192,
            checks=(graph_domain,),
        ),
    ] = "graph.microsoft.com"
    graph_answer_method: Annotated[
        str,
        Field(
            label="Graph answer method",
            help="How an organizer is answered with GRAPH. RESPONSE: by Exchange's own "
            "response, with the text of the template as plain text. MAIL: by a mail of "
            "the integration's own with the template's HTML, which calendars take for "
            "the response; it needs the permission Mail.Send.",
            choices=("RESPONSE", "MAIL"),
        ),
    ] = "RESPONSE"
    graph_notification_method: Annotated[
        str,
        Field(
            label="Graph notification method",
            help="How new messages are noticed with GRAPH. POLL: the mailbox is looked "
            "at, at the poll interval. WEBHOOK: Microsoft 365 tells at once; it has to "
            "reach https://<addin_server_domain>/ from the internet.",
            choices=("POLL", "WEBHOOK"),
        ),
    ] = "POLL"

    @property
    def uses_graph(self) -> bool:
        """True if the mailbox is reached by Microsoft Graph, False for EWS."""
        return self.mailbox_protocol == "GRAPH"

    @property
    def mailbox_server(self) -> str:
        """The URL of the server that has the mailbox: the EWS URL, which may be empty,
        or scheme and host of Graph."""
        return graph_origin(self.graph_api_domain) if self.uses_graph else self.url

    @property
    def sign_in_method(self) -> str:
        """The way to sign in to the mailbox's server, in the words of
        `authentication_method`."""
        return "APP_PERM" if self.uses_graph else self.authentication_method

    def needs(self) -> Needs:
        """Yield the fields that the chosen settings require, by the protocol."""
        if not self.uses_graph:
            yield from super().needs()
        elif self.enable_dynamic_vmrs:
            yield "for single-use VMRs", ("room_mailbox_email_address",)
            yield (
                "with mailbox_protocol GRAPH",
                ("oauth_client_id", "oauth_token_endpoint"),
            )

    def graph_contradictions(self) -> Iterator[tuple[str, str]]:
        """Yield the fields that are wrong for Graph, if that is used, each with the
        problem. Empty ones are told by `needs`."""
        if not (self.uses_graph and self.enable_dynamic_vmrs):
            return
        mailbox = self.room_mailbox_email_address
        if mailbox and not is_plain_address(mailbox):
            # What is sent in its name could not be sent.
            text = "Exchange Online has plain ASCII addresses only."
            yield "room_mailbox_email_address", text
        domain, client_id = self.graph_api_domain, self.oauth_client_id or ""
        problem = client_id_problem(client_id, self.oauth_token_endpoint)
        if problem is not None:
            yield "oauth_client_id", problem
        problem = token_endpoint_problem(self.oauth_token_endpoint, domain)
        if problem is not None:
            yield "oauth_token_endpoint", problem
        problem = secret_problem(self.oauth_client_secret)
        if problem is not None:
            yield "oauth_client_secret", problem
