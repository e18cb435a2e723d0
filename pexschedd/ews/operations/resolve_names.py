"""ResolveNames: whose an address is, by the directory."""

from pexschedd.ews.envelope import child, children, m, parse, request, text

AMBIGUOUS = "ErrorNameResolutionMultipleResults"
NOBODY = "ErrorNameResolutionNoResults"


def build_resolve(mailbox: str, address: str) -> bytes:
    """Build a ResolveNames for one SMTP address."""
    operation = m(
        "ResolveNames",
        m("UnresolvedEntry", f"smtp:{address}"),
        ReturnFullContactData="false",
        SearchScope="ActiveDirectory",
    )
    return request(operation, mailbox)


def parse_primary(data: bytes) -> str:
    """Read the primary address; empty if nobody has the address, or several might."""
    response = parse(data)
    message = next(children(child(response, "ResponseMessages")), None)
    found = list(children(child(message, "ResolutionSet"), "Resolution"))
    if len(found) != 1:
        return ""
    return text(found[0], "Mailbox", "EmailAddress").strip()
