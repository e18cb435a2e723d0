"""The findings of axe-core, a checker of accessibility, on a page."""

from typing import Any

import pytest
from playwright.sync_api import Frame, Page

from tests.browser.owa_server import PACKAGES

SCRIPT = PACKAGES / "axe-core" / "axe.min.js"
RUN = """async () => {
    // What a rule finds is as serious as the rule: the others need not run.
    const left = axe._audit.rules.filter(one => !/serious|critical/.test(one.impact));
    const rules = left.map(one => [one.id, { enabled: false }]);
    const found = await axe.run(document, {
        resultTypes: ['violations'],
        rules: {
            ...Object.fromEntries(rules),
            'label-content-name-mismatch': { enabled: true },
        },
    });
    return found.violations.map(one => [one.id, one.nodes.map(node => node.html)]);
}"""


def barriers(page: Page | Frame) -> list[Any]:
    """The serious and critical findings, [rule, elements] each; skips without axe."""
    if not SCRIPT.is_file():
        pytest.skip("no axe-core: make officejs has not run")
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT.read_text())
    return list(page.evaluate(RUN))
