"""Presses, entries and looks by a script in the page itself.

Playwright's own put half a megabyte of functions into each document and frame, move a
mouse, and wait for two pictures before a press: 50 ms of processor time, ten times as
much. These are for the way to what a test is about. What is pressed has to be visible,
enabled and beneath nothing, as for Playwright's, and gets the focus; only keys and the
mouse are left out. Where they, or where the focus goes, are the point, a test takes
Playwright's; and so does one that has stopped the page's clock.
"""

from typing import Any

from playwright.sync_api import Frame, Page

WAIT_MS = 15_000
"""How long a page may take for what it shows; much longer than it does take."""

ATTEMPT = """async ([selector, value, patience]) => {
    const textOf = part => part.innerText.replace(/[\\u200b\\u00ad]/g, "")
        .replace(/\\s+/g, " ").trim();
    const visible = part => part.checkVisibility({ visibilityProperty: true })
        && part.getClientRects().length > 0;
    const covered = part => {
        part.scrollIntoView({ block: "nearest", inline: "nearest" });
        const box = part.getBoundingClientRect();
        const top = document.elementFromPoint(
            box.left + box.width / 2, box.top + box.height / 2);
        return !part.contains(top) && !(top && top.closest("label")?.control === part);
    };
    // The pane's buttons take no press meant for those before them.
    const settled = () => window.pexschedd?.view?.settled?.() ?? true;
    const refusal = part => !part ? "is not there" : !visible(part) ? "is not visible"
        : part.disabled || part.closest("[inert]") ? "is disabled"
        : covered(part) ? "lies beneath something else"
        : !settled() ? "takes no press yet" : "";
    const attempt = (parts, part) => { STEP };
    const end = Date.now() + patience;
    for (;;) {
        const parts = [...document.querySelectorAll(selector)];
        const problem = attempt(parts, parts[0]);
        if (!problem || Date.now() > end) { return problem; }
        await new Promise(resume => setTimeout(resume, 10));
    }
}"""
"""Takes a step until there is no problem any more; gives the last one."""


def _take(place: Page | Frame, step: str, selector: str, value: Any = None) -> None:
    script = ATTEMPT.replace("STEP", step)
    problem = place.evaluate(script, [selector, value, WAIT_MS])
    assert not problem, f"{selector} {problem}"


def press(place: Page | Frame, selector: str, text: str = "") -> None:
    """Press the first of these parts, or the first that has this text."""
    _take(
        place,
        """
        const wanted = value ? parts.find(one => textOf(one) === value) : part;
        const refused = refusal(wanted);
        if (!refused) { wanted.focus(); wanted.click(); }
        return refused;
        """,
        selector,
        text,
    )


def write(place: Page | Frame, selector: str, text: str) -> None:
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
        text,
    )


def reads(place: Page | Frame, selector: str, text: str) -> None:
    """Wait until the whole text of a part is this one, white space aside."""
    _take(
        place,
        """
        return part && textOf(part) === value ? ""
            : `is ${JSON.stringify(part && textOf(part))}, not ${value}`;
        """,
        selector,
        text,
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
        [" ".join(text.split()) for text in texts],
    )


def shows(place: Page | Frame, selector: str) -> None:
    """Wait until a part is visible."""
    _take(place, 'return part && visible(part) ? "" : "is not visible";', selector)


def hides(place: Page | Frame, selector: str) -> None:
    """Wait until no such part is visible."""
    _take(place, 'return parts.some(visible) ? "is visible" : "";', selector)
