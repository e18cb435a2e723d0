"""Aliases of odd characters in what the pane puts into an invitation."""

import pytest
from lxml import html

from pexschedd.templates.link_values import with_encoded_links
from tests.browser.pane_page import TAG, Open

NUMBER = "4.~!$*+=-()&,'7123456"
ALIAS = f"{NUMBER}@example.test"
QUERY = "https://vc.example.org/webapp/#/?conference="
IN_QUERY = "4.~!$*%2B%3D-%28%29%26,%277123456@example.test"


@pytest.mark.parametrize("body_type", ["html", "text"])
def test_each_character(open_pane: Open, body_type: str) -> None:
    """The links and the text of an invitation have the alias as the daemon gave it, and
    so has the location."""
    shown = ALIAS.replace("&", "&amp;").replace("'", "&#39;")
    page = with_encoded_links(
        f'<div>Dial {shown}<br><a href="{QUERY}{shown}">{QUERY}{shown}</a><br>'
        f'<a href="sip:{shown}">call</a><br>{TAG}</div>',
        [ALIAS, NUMBER],
        html=True,
    )
    location = f"{QUERY}{IN_QUERY}"
    details = {"instructions": page, "alias_id": TAG, "location": location}
    pane = open_pane(bodyType=body_type, answers={"meeting_details": details})
    pane.press("add")
    pane.reach("Success")
    body = pane.outlook("body")
    if body_type == "html":
        document = html.fromstring(body)
        assert f"Dial {ALIAS}" in "".join(map(str, document.itertext()))
        links = [link.get("href") for link in document.iter("a")]
        assert links == [f"{QUERY}{IN_QUERY}", f"sip:{ALIAS}"]
    else:
        assert f"Dial {ALIAS}" in body
        assert f"{QUERY}{IN_QUERY}" in body
        assert f"call <sip:{ALIAS}>" in body
    assert pane.outlook("location") == location
