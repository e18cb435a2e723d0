"""Presses, entries and looks by a script in the page itself.

Playwright's own put their functions into each document and frame first, move a mouse,
and wait for two pictures before a press: 50 ms of processor time, ten times as much.
These are for the way to what a test is about. What is pressed has to be visible,
enabled and beneath nothing, as for Playwright's, and gets the focus; only keys and the
mouse are left out. A selector may lead into a frame of the same origin: "iframe >> p".
Where keys, the mouse or the way of the focus are the point, a test takes Playwright's;
and so does one that has stopped the page's clock.
"""

import time
from typing import Any

from playwright.sync_api import Error, Frame, Page

WAIT_MS = 15_000
"""Milliseconds that a page may take for what it shows; it takes far less."""

ATTEMPT = """async ([selector, text, value, patience]) => {
    const textOf = part => part.innerText.replace(/[\\u200b\\u00ad]/g, "")
        .replace(/\\s+/g, " ").trim();
    const visible = part => part.checkVisibility({ visibilityProperty: true })
        && part.getClientRects().length > 0;
    const covered = part => {
        part.scrollIntoView({ block: "nearest", inline: "nearest" });
        const box = part.getBoundingClientRect();
        const top = part.ownerDocument.elementFromPoint(
            box.left + box.width / 2, box.top + box.height / 2);
        return !part.contains(top) && !(top && top.closest("label")?.control === part);
    };
    // The pane's buttons take no press meant for those before them.
    const settled = () => window.pexschedd?.view?.settled?.() ?? true;
    const refusal = part => !part ? "is not there" : !visible(part) ? "is not visible"
        : part.disabled || part.closest("[inert], [aria-disabled=true]") ? "is disabled"
        : covered(part) ? "lies beneath something else"
        : !settled() ? "takes no press yet" : "";
    const find = () => {
        const [own, frame] = selector.split(" >> ").reverse();
        const root = frame ? document.querySelector(frame)?.contentDocument : document;
        const parts = [...root?.querySelectorAll(own) ?? []];
        return text ? parts.filter(part => textOf(part).includes(text)) : parts;
    };
    const attempt = (parts, part) => { STEP };
    const end = Date.now() + patience;
    for (;;) {
        const parts = find();
        const problem = attempt(parts, parts.find(visible) ?? parts[0]);
        if (!problem || Date.now() > end) { return problem; }
        await new Promise(resume => setTimeout(resume, 10));
    }
}"""
"""Takes a step until there is no problem any more; gives the last one."""

GONE = "Execution context was destroyed"


def _take(
    place: Page | Frame, step: str, selector: str, text: str = "", value: Any = None
) -> None:
    script = ATTEMPT.replace("STEP", step)
    end = time.monotonic() + WAIT_MS / 1000
    while True:
        try:
            problem = place.evaluate(script, [selector, text, value, WAIT_MS])
            break
        except Error as error:
            # Another document has taken the place of the one that was asked.
            if GONE not in error.message or time.monotonic() > end:
                raise
    assert not problem, " ".join(filter(None, [selector, text, problem]))


def text(place: Page | Frame, selector: str) -> str:
    """Return the text of a part as it is seen."""
    script = ATTEMPT.replace("STEP", "return part.innerText;")
    return str(place.evaluate(script, [selector, "", None, 0]))


def press(place: Page | Frame, selector: str, text: str = "") -> None:
    """Press the first part of this kind, and with this text, that can be seen."""
    _take(
        place,
        """
        const refused = refusal(part);
        if (!refused) { part.focus(); part.click(); }
        return refused;
        """,
        selector,
        text,
    )


def write(place: Page | Frame, selector: str, value: str) -> None:
    """Put a text into a field in the place of another, or choose it in a list."""
    _take(
        place,
        """
        const refused = refusal(part);
        if (refused) { return refused; }
        part.focus();
        if (part.isContentEditable) { part.textContent = value; }
        else { part.value = value; }
        for (const type of ["input", "change"]) {
            part.dispatchEvent(new Event(type, { bubbles: true }));
        }
        return "";
        """,
        selector,
        value=value,
    )


def reads(place: Page | Frame, selector: str, whole: str) -> None:
    """Wait until the whole text of a part is this one, white space aside."""
    _take(
        place,
        """
        return part && textOf(part) === value ? ""
            : `is ${JSON.stringify(part && textOf(part))}, not ${value}`;
        """,
        selector,
        value=whole,
    )


def tells(place: Page | Frame, selector: str, *texts: str) -> None:
    """Wait until a part has these texts somewhere."""
    _take(
        place,
        """
        const told = part && textOf(part);
        const missing = value.filter(text => !told?.includes(text));
        return missing.length ? `is ${JSON.stringify(told)}, without ${missing}` : "";
        """,
        selector,
        value=[" ".join(text.split()) for text in texts],
    )


def holds(place: Page | Frame, selector: str, value: str) -> None:
    """Wait until a field has this value."""
    _take(
        place,
        """
        return part?.value === value ? "" : `has ${part?.value}, not ${value}`;
        """,
        selector,
        value=value,
    )


def shows(place: Page | Frame, selector: str, text: str = "") -> None:
    """Wait until a part, or one that has this text, is visible."""
    _take(
        place,
        'return parts.some(visible) ? "" : "is not visible";',
        selector,
        text,
    )


def hides(place: Page | Frame, selector: str, text: str = "") -> None:
    """Wait until no such part is visible."""
    _take(place, 'return parts.some(visible) ? "is visible" : "";', selector, text)
