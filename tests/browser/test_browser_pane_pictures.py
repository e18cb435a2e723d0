"""Every state of the pane: its picture in docs/pane.md, and what axe-core finds on it.

The pictures are made anew with

    PANE_PICTURES=docs/pane python -m pytest tests/browser/test_browser_pane_pictures.py
"""

import os
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from tests.browser.axe import barriers
from tests.browser.pane_page import DOWN, GUEST, OTHER_TAG, OURS, ROOM, TAG, Open, Pane
from tests.browser.test_browser_pane_personal import (
    NEEDED,
    room,
    rooms,
    signing_in,
)
from tests.browser.test_browser_pane_tags import said

DOCUMENT = Path(__file__).parents[2] / "docs/pane.md"
FOLDER = DOCUMENT.with_suffix("")
MOST_BYTES = 25_000
HIGHEST = 640
COLOURS = 160


class Scene(NamedTuple):
    """A state of the pane, and the way to it."""

    shows: str
    """A text that is on the page in this state."""
    integration: int = 1
    press: tuple[str, ...] = ()
    answers: dict[str, Any] = {}
    outlook: dict[str, Any] = {}
    prepare: Callable[[Pane], None] = lambda pane: None


def waits(pane: Pane) -> None:
    signing_in(pane, {"state": "waiting"})


def hangs(pane: Pane) -> None:
    """The server never answers."""
    pane.page.route("**/meeting_details", lambda route: None)


MANY = rooms(*[room(n, description=f"Floor {n}") for n in range(1, 9)], room(9))
SCENES = {
    "loading": Scene("Loading…", outlook={"neverReady": True}),
    "libraryFailed": Scene("The pane cannot start", 4),
    "notInOutlook": Scene("Open this pane in Outlook", outlook={"noHost": True}),
    "notWriting": Scene("Open a meeting first", outlook={"readMode": True}),
    "clientTooOld": Scene("This Outlook is too old", outlook={"set": "1.0"}),
    "noAttendees": Scene("cannot be invited here", outlook={"messageMade": True}),
    "ready": Scene("Add a Personal VMR", 8, outlook={"required": [dict(GUEST)]}),
    "unreadable": Scene(
        "could not be read",
        outlook={"fail": {"body.getAsync": {"code": 1, "message": "Busy."}}},
    ),
    "signInNeeded": Scene(
        "Sign in to see", 8, ("listRooms",), {"personal_rooms": NEEDED}
    ),
    "waitingForSignIn": Scene(
        "Sign in on this page",
        8,
        ("listRooms", "signIn"),
        {"personal_rooms": NEEDED},
        {"dialog": 12009},
        waits,
    ),
    "choosing": Scene("Search your rooms", 8, ("listRooms",), {"personal_rooms": MANY}),
    "working": Scene("Getting a room…", press=("add",), prepare=hangs),
    "added": Scene("Success", press=("add",)),
    "already": Scene(
        "VMR already assigned", answers=OURS, outlook={"body": TAG, "required": [ROOM]}
    ),
    "partly": Scene("is not invited", answers=OURS, outlook={"body": TAG}),
    "foreign": Scene(
        "do not fit",
        answers=said("spent"),
        outlook={"body": OTHER_TAG, "required": [ROOM]},
    ),
    "placeholder": Scene(
        "Cannot assign a VMR right now", press=("add",), outlook={"token": DOWN}
    ),
    "error": Scene("Try again", press=("add",), outlook={"token": "early"}),
}


@pytest.mark.parametrize("state", SCENES)
def test_a_state(open_pane: Open, state: str) -> None:
    """The state can be had, and axe-core finds nothing serious on it."""
    scene = SCENES[state]
    pane = open_pane(scene.integration, answers=scene.answers, **scene.outlook)
    scene.prepare(pane)
    for action in scene.press:
        pane.press(action)
    pane.tells("body", scene.shows)
    if folder := os.environ.get("PANE_PICTURES"):
        draw(pane, Path(folder) / f"{state}.png")
    assert barriers(pane.page) == []


def draw(pane: Pane, file: Path) -> None:
    """Writes a picture of the pane, as high as it is and in few colours."""
    height = pane.page.evaluate("document.getElementById('pane').scrollHeight")
    pane.page.set_viewport_size({"width": 320, "height": min(height + 8, HIGHEST)})
    picture = Image.open(
        BytesIO(pane.page.screenshot(animations="disabled", caret="hide"))
    )
    file.parent.mkdir(exist_ok=True)
    picture.convert("RGB").quantize(COLOURS).save(file, optimize=True)


def test_every_state_has_its_picture() -> None:
    """docs/pane.md shows a picture of each state of its table, and all are small."""
    text = DOCUMENT.read_text()
    states = re.findall(r"^\| ([a-z]\w+) \| [A-Z]", text, re.MULTILINE)
    assert [state for state in states if state != "name"] == list(SCENES)
    shown = re.findall(r"!\[(\w+)\]\(pane/(\w+)\.png\)", text)
    assert shown == [(state, state) for state in SCENES]
    sizes = {file.stem: file.stat().st_size for file in FOLDER.glob("*.png")}
    assert sizes.keys() == SCENES.keys()
    assert max(sizes.values()) < MOST_BYTES
    assert sum(sizes.values()) < 16 * MOST_BYTES
