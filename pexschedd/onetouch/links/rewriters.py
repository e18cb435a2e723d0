"""Products that rewrite links in mail, and what undoes that. Pure.

The target is read from the link itself; no link is ever followed. Where the target is
on the product's server only, the link is opaque.
"""

import base64
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote

from pexschedd.onetouch.links.url_defense import undo_url_defense
from pexschedd.onetouch.links.web_link import WebLink, is_within


class LinkRewriter(NamedTuple):
    """A product, the links that are its own, and the undoing."""

    name: str
    wrote: Callable[[WebLink], bool]
    undo: Callable[[WebLink], str | None]
    """Returns the target, or None if the link does not hold it."""


def _hosts(pattern: str, path: str = "") -> Callable[[WebLink], bool]:
    hosts, paths = re.compile(pattern), re.compile(path)
    return lambda link: bool(hosts.fullmatch(link.host) and paths.match(link.path))


def _below(*domains: str) -> Callable[[WebLink], bool]:
    return lambda link: any(is_within(link.host, domain) for domain in domains)


def _parameter(*names: str) -> Callable[[WebLink], str | None]:
    def undo(link: WebLink) -> str | None:
        for name in names:
            if value := link.parameter(name):
                return value
        return None

    return undo


def _rest_of_link(name: str) -> Callable[[WebLink], str | None]:
    """Undo by a last parameter that may be written without any encoding."""

    def undo(link: WebLink) -> str | None:
        start = re.search(rf"[?&]{name}=", link.url)
        if start is None:
            return None
        value = link.url[start.end() :]
        if re.match(r"[a-z][a-z0-9+.-]{1,20}://", value, re.IGNORECASE):
            return value
        return link.parameter(name)

    return undo


def _opaque(link: WebLink) -> str | None:
    return None


def _cisco(link: WebLink) -> str | None:
    """`/<token>/<target>`, the target percent-encoded."""
    target = link.path.rpartition("/")[2]
    return (
        unquote(target) if target.lower().startswith(("http%3a", "https%3a")) else None
    )


def _sophos(link: WebLink) -> str | None:
    value = link.parameter("u") or ""
    if "://" in value:
        return value
    try:
        padded = value + "=" * (-len(value) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:
        return None


_AVANAN = re.compile(r"/___(?P<url>.+?)___(?:\.|$)", re.DOTALL)


def _avanan(link: WebLink) -> str | None:
    match = _AVANAN.search(link.url)
    return match["url"] if match else _parameter("url", "u")(link)


REWRITERS = (
    LinkRewriter(
        "Microsoft Safe Links",
        _hosts(
            r"[a-z0-9-]+\.safelinks\.(?:protection\.(?:outlook\.com|office365\.us|"
            r"apps\.mil|(?:partner\.)?outlook\.cn)|outlook\.(?:microsoft\.)?com)"
            r"|statics\.teams\.cdn\.office\.net"
        ),
        _parameter("url"),
    ),
    LinkRewriter(
        "Proofpoint URL Defense",
        _hosts(r"urldefense(?:\.proofpoint)?\.(?:com|us)"),
        undo_url_defense,
    ),
    LinkRewriter(
        "Mimecast",
        _hosts(r"protect-[a-z0-9]+\.mimecast\.com|(?:.*\.)?mimecastprotect\.com"),
        _opaque,
    ),
    LinkRewriter("Barracuda", _below("linkprotect.cudasvc.com"), _parameter("a")),
    LinkRewriter("Cisco Secure Email", _below("secure-web.cisco.com"), _cisco),
    LinkRewriter(
        "Google",
        _hosts(r"(?:www\.)?google\.[a-z]{2,3}(?:\.[a-z]{2})?", r"/url/?$"),
        _parameter("q", "url"),
    ),
    LinkRewriter(
        "Trend Micro",
        _hosts(r"(?:.*[.-])?(?:ctp|urlprotect)\.trendmicro\.com"),
        _parameter("url"),
    ),
    LinkRewriter(
        "FireEye",
        _hosts(r"protect[0-9]*\.fireeye\.com|(?:.*\.)?protect\.trellix\.com"),
        _rest_of_link("u"),
    ),
    LinkRewriter("Symantec", _below("clicktime.symantec.com"), _rest_of_link("u")),
    LinkRewriter("Sophos", _below("protection.sophos.com"), _sophos),
    LinkRewriter("EdgePilot", _below("link.edgepilot.com"), _rest_of_link("u")),
    LinkRewriter(
        "Check Point",
        _hosts(
            r"(?:.*\.)?(?:avanan\.click|url-protection\.com)|protect\.checkpoint\.com"
        ),
        _avanan,
    ),
    LinkRewriter("Exclaimer", _below("content.exclaimer.net"), _parameter("url")),
    LinkRewriter("Slack", _below("slack-redir.net"), _parameter("url")),
)
