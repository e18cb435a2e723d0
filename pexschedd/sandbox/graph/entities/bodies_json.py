"""Bodies as itemBody, both ways, and the block of an online meeting in them."""

import re
from typing import Any

from pexschedd.sandbox.graph.entities.view import EntityView
from pexschedd.sandbox.graph.errors import GraphError
from pexschedd.sandbox.items import bodies
from pexschedd.sandbox.items.records import Body

_JOIN = re.compile(r"https://teams\.microsoft\.com/l/meetup-join/[^\s\"'<>]+")


def written(body: Body, view: EntityView) -> dict[str, str]:
    """Return a body as the client prefers it: HTML, or text."""
    if view.text_bodies:
        return {"contentType": "text", "content": body.text}
    return {"contentType": "html", "content": body.html}


def preview(body: Body) -> str:
    """Return the first characters of a body's text."""
    return body.text[:255]


def read(value: Any, name: str = "body") -> Body:
    """Return the body in an itemBody. Raises `GraphError`."""
    if value is None:
        return bodies.from_html("")
    content = value.get("content") if isinstance(value, dict) else None
    kind = value.get("contentType") if isinstance(value, dict) else None
    if content is None:
        content = ""
    if not isinstance(content, str):
        raise GraphError("ErrorInvalidRequest", f"{name}.content: must be a text.")
    if str(kind or "text").lower() not in ("text", "html"):
        raise GraphError(
            "ErrorInvalidRequest", f"{name}.contentType: must be text or html."
        )
    if str(kind or "text").lower() == "text":
        return bodies.from_text(content)
    return bodies.from_html(content)


def join_url(body: Body) -> str | None:
    """Return the address of the online meeting whose block is in a body."""
    match = _JOIN.search(body.html)
    return None if match is None else match[0]


def with_block(body: Body, unique: str) -> Body:
    """Return a body with the block of a new online meeting at its end."""
    url = f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{unique}/0"
    block = (
        "<div><p>________________________________</p>"
        "<p><b>Microsoft Teams meeting</b></p>"
        f'<p><a href="{url}">Join the meeting now</a></p>'
        "<p>________________________________</p></div>"
    )
    head, end, tail = body.html.rpartition("</body>")
    return bodies.from_html(head + block + end + tail if end else block)
