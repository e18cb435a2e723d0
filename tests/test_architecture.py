"""What may import what: the map of docs/architecture.md, as rules."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pexschedd"

NEVER: list[tuple[str, str, list[str]]] = [
    # who (a folder or module)      must not import       except in
    ("model", "twisted", []),
    ("model", "jinja2", []),
    ("model", "pexschedd.store", []),
    ("model", "pexschedd.scheduling", []),
    ("model", "pexschedd.web", []),
    ("model", "pexschedd.ews", []),
    ("scheduling", "pexschedd.web", []),
    ("scheduling", "pexschedd.ews", []),
    ("scheduling", "pexschedd.identity", []),
    ("scheduling", "treq", []),
    ("scheduling", "klein", []),
    ("scheduling/decide.py", "twisted", []),
    ("scheduling/decide.py", "pexschedd.store", []),
    ("scheduling/decision.py", "twisted", []),
    ("scheduling/decision.py", "pexschedd.store", []),
    ("scheduling/context.py", "twisted", []),
    ("scheduling/context.py", "pexschedd.store", []),
    ("scheduling/request.py", "twisted", []),
    ("scheduling/request.py", "pexschedd.store", []),
    ("scheduling/rooms.py", "twisted", []),
    ("scheduling/rooms.py", "pexschedd.store", []),
    ("scheduling/series.py", "twisted", []),
    ("scheduling/series.py", "pexschedd.store", []),
    ("scheduling/versions.py", "twisted", []),
    ("scheduling/versions.py", "pexschedd.store", []),
    ("scheduling/recurrence.py", "twisted", []),
    ("scheduling/recurrence.py", "pexschedd.store", []),
    ("scheduling/pattern_dates.py", "twisted", []),
    ("scheduling/pattern_dates.py", "pexschedd.store", []),
    ("scheduling/timezone_rules.py", "twisted", []),
    ("scheduling/timezone_rules.py", "pexschedd.store", []),
    ("scheduling/aliases.py", "twisted", []),
    ("scheduling/aliases.py", "pexschedd.store", []),
    ("scheduling/backlog.py", "twisted", []),
    ("scheduling/backlog.py", "pexschedd.store", []),
    ("scheduling/audit.py", "twisted", []),
    ("scheduling/audit.py", "pexschedd.store", []),
    ("bodies", "twisted", []),
    ("bodies", "pexschedd.scheduling", []),
    ("bodies", "pexschedd.store", []),
    ("bodies", "pexschedd.ews", []),
    ("bodies", "pexschedd.web", []),
    ("templates", "twisted", []),
    ("templates", "pexschedd.scheduling", []),
    ("templates", "pexschedd.store", []),
    ("templates", "pexschedd.ews", []),
    ("templates", "pexschedd.web", []),
    ("bodies", "jinja2", []),
    ("scheduling", "jinja2", []),
    ("ews", "pexschedd.web", []),
    ("ews", "pexschedd.store", []),
    ("ews", "pexschedd.identity", []),
    ("ews", "klein", []),
    ("ews/operations", "twisted", []),
    ("ews/faults.py", "twisted", []),
    ("ews/envelope.py", "twisted", []),
    ("net", "pexschedd", ["pexschedd.net", "pexschedd.errors"]),
    ("net/bypass.py", "twisted", []),
    ("net/certificates.py", "twisted", []),
    ("net/handshake.py", "twisted", []),
    ("net/listening.py", "twisted", []),
    ("net/proxy.py", "twisted", []),
    ("net/trouble.py", "twisted", []),
    ("net/verdict.py", "twisted", []),
    (
        "scheduling",
        "pexschedd.net",
        ["pexschedd.net.certificates", "pexschedd.net.trouble"],
    ),
    ("doctor", "pexschedd.web", []),
    ("doctor", "pexschedd.store", []),
    ("doctor", "klein", []),
    ("doctor/setup", "twisted", []),
    ("doctor/diagnose", "twisted", []),
    ("doctor/case.py", "twisted", []),
    ("doctor/powershell.py", "twisted", []),
    ("doctor/remedies.py", "twisted", []),
    ("doctor/report.py", "twisted", []),
    ("doctor/text.py", "twisted", []),
    ("doctor/observations.py", "twisted", []),
    ("identity", "pexschedd.web", []),
    ("identity", "pexschedd.ews", []),
    ("identity", "pexschedd.scheduling", []),
    ("identity", "klein", []),
    *(
        (f"identity/oauth/{pure}.py", what, [])
        for pure in ("settings", "requests", "answers", "remedies", "account")
        for what in ("twisted", "pexschedd.store")
    ),
    ("web", "pexschedd.ews", []),
    ("web", "treq", []),
    (
        "web",
        "pexschedd.store",
        ["pexschedd.store.store", "pexschedd.store.transaction"],
    ),
    ("store", "pexschedd.web", []),
    ("store", "pexschedd.ews", []),
    ("store", "pexschedd.scheduling", []),
    ("store/line.py", "twisted", []),
    ("sandbox", "pexschedd", ["pexschedd.sandbox"]),
    ("", "pexschedd.sandbox", []),
    ("", "pexschedd.demo", []),
    ("", "threading", ["store/journal.py", "store/fs.py"]),
    ("", "secrets", []),
    ("", "pexschedd.tap", []),
    ("", "pexschedd.composition", []),
]
"""The empty folder is the product: everything but `sandbox/` and `demo/`."""

ALLOWED = {
    ("threading", "store/journal.py"),
    ("threading", "store/fs.py"),
    # Works on the state folder as the daemon would, when no daemon runs.
    ("pexschedd.tap", "tools/command.py"),
    # Secrets and keys are made where they are used; chances are passed in elsewhere.
    ("secrets", "composition/basis.py"),
    ("secrets", "composition/outside.py"),
    ("secrets", "store/folder.py"),
    ("secrets", "store/store.py"),
    ("secrets", "store/secrets.py"),
    ("secrets", "store/folder.py"),
    ("secrets", "web/site.py"),
    ("secrets", "ews/transport.py"),
    ("secrets", "files.py"),
    ("secrets", "identity/administrators.py"),
    ("secrets", "identity/passwords.py"),
}


COMPOSITION = ("tap.py", "composition")
"""They join the parts, so they may know them all."""


def modules(who: str) -> Iterator[Path]:
    if who.endswith(".py"):
        yield PACKAGE / who
        return
    for path in sorted((PACKAGE / who).rglob("*.py")):
        inside = path.relative_to(PACKAGE).parts[0]
        if who or inside not in ("sandbox", "demo"):
            yield path


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


@pytest.mark.parametrize(
    ("who", "what", "but"), NEVER, ids=[f"{w or 'product'}-{m}" for w, m, _ in NEVER]
)
def test_imports_point_down_and_inwards(who: str, what: str, but: list[str]) -> None:
    """No module imports what its place in the architecture forbids."""
    wrong = []
    for path in modules(who):
        place = str(path.relative_to(PACKAGE))
        joins = path.relative_to(PACKAGE).parts[0] in COMPOSITION
        if (what, place) in ALLOWED or (what == "pexschedd.composition" and joins):
            continue
        wrong += [
            f"{place} imports {name}"
            for name in sorted(imported(path))
            if within(name, what) and not any(within(name, each) for each in but)
        ]
    assert not wrong, "\n".join(wrong)


def test_the_rules_bite() -> None:
    """The reader of imports sees plain, aliased and inner ones."""
    seen = imported(PACKAGE / "tap.py")
    assert {"sys", "twisted.internet.reactor", "pexschedd.store.store"} <= seen


def test_every_package_is_installed() -> None:
    """setup.cfg names the packages by hand: none may be forgotten."""
    listed = (ROOT / "setup.cfg").read_text().split("packages =")[1].split("\n\n")[0]
    names = set(listed.split())
    for folder in PACKAGE.rglob("__init__.py"):
        name = ".".join(folder.parent.relative_to(ROOT).parts)
        assert name in names, name
    assert not (ROOT / "twisted" / "plugins" / "__init__.py").exists()
