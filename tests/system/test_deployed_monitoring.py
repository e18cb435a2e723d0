"""The alert rules and the dashboard in `deploy/`, beside the daemon, its documents, and
the tools of Prometheus and Grafana."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.system.system_support import World

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "pexschedd.rules.yml"
RULE_TESTS = PROMETHEUS / "pexschedd.rules.test.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "pexschedd.json"
GRAFANA = ROOT / "tests" / "peers" / "grafana"

OF_PROMETHEUS = {"up", "ALERTS"}
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset"}


def promtool(*arguments: object, text: str | None = None) -> str:
    """What promtool says; it has to be content."""
    found = shutil.which("promtool") or Path(sys.executable).with_name("promtool")
    if not Path(found).exists():
        pytest.skip("promtool is not installed (Debian's package prometheus has it)")
    done = subprocess.run(
        [str(found), *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> list[str]:
    """The dashboard's expressions, without Grafana's own variables."""
    dashboard = json.loads(DASHBOARD.read_text())
    found = [
        target["expr"]
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
    assert len(found) > 30
    return [
        expression.replace("$__rate_interval", "5m")
        .replace("$instance", "a")
        .replace("$integration", "b")
        for expression in found
    ]


def metrics_in(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that an expression names, each with the labels it selects by."""
    # What stands in quotes, and lists of labels, name no metrics.
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(?:by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\[[^]]*\]", "", bare)
    for name, opened, labels in re.findall(
        r"\b([a-zA-Z_]\w*)\b\s*(\(?)(?:\{([^}]*)\})?", bare
    ):
        if not opened and name not in WORDS:
            yield name, set(re.findall(r"(\w+)\s*[=!]", labels))


def expressions() -> list[str]:
    return [*queries(), *(rule["expr"] for rule in alerts())]


def test_the_rules_are_tested_by_promtool() -> None:
    """The sample configuration, the rules, and each alert raised and not raised."""
    promtool("check", "config", PROMETHEUS / "prometheus.yml")
    assert "SUCCESS" in promtool("test", "rules", RULE_TESTS)


def test_the_dashboard_asks_what_prometheus_understands(tmp_path: Path) -> None:
    """Each expression of the dashboard is parsed by promtool."""
    rules = [
        {"record": f"dashboard:query{number}", "expr": expression}
        for number, expression in enumerate(queries())
    ]
    file = tmp_path / "dashboard.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "d", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", file)


def test_the_dashboard_has_grafanas_own_types(tmp_path: Path) -> None:
    """Grafana's published types accept the dashboard, and refuse one that is wrong."""
    compiler = GRAFANA / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists() or shutil.which("node") is None:
        pytest.skip("Grafana's types are not installed (make grafana)")
    (tmp_path / "node_modules").symlink_to(GRAFANA / "node_modules")
    shutil.copy(GRAFANA / "dashboard_types.ts", tmp_path)

    def compiled(name: str, dashboard: str) -> "subprocess.CompletedProcess[str]":
        file = tmp_path / f"{name}.ts"
        file.write_text(
            'import type { PexscheddDashboard } from "./dashboard_types";\n'
            f"export const dashboard: PexscheddDashboard = {dashboard};\n"
        )
        options = "--noEmit --strict --skipLibCheck --target es2022 --module esnext"
        return subprocess.run(
            [
                "node",
                compiler,
                *options.split(),
                "--moduleResolution",
                "bundler",
                file.name,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    text = DASHBOARD.read_text()
    good = compiled("good", text)
    assert good.returncode == 0, good.stdout
    wrong = text.replace('"textMode": "name"', '"textMode": "names"')
    assert "Did you mean" in compiled("wrong", wrong).stdout


def test_the_dashboard_can_be_drawn() -> None:
    """Panels have ids of their own, fit the grid, and do not lie over each other."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_each_alert_has_a_runbook_and_a_test() -> None:
    """The annotation leads to a section of the documents that says what to do."""
    page = (ROOT / "docs" / "operations.md").read_text()
    sections = dict(re.findall(r"^### (Pex\w+)\n\n(.+)", page, re.MULTILINE))
    tested = RULE_TESTS.read_text()
    for rule in alerts():
        name, notes = rule["alert"], rule["annotations"]
        assert notes["runbook"] == f"docs/operations.md#{name.lower()}"
        assert len(sections.pop(name)) > 40, name
        assert {"summary", "description"} <= notes.keys()
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.search(rf'alertname[=:] ?"?{name}\b', tested), f"{name} has no test"
    assert not sections, "sections of alerts that are not there"


def test_metrics_are_found_in_expressions() -> None:
    """Functions, words, labels and strings are no metrics."""
    found = dict(
        metrics_in(
            'sum by (le) (rate(a_total{b=~"c d", e!="f"}[5m])) / on (g) h '
            "and k == 1 or vector(0) > 3"
        )
    )
    assert found == {"a_total": {"b", "e"}, "h": set(), "k": set()}


def test_what_is_asked_for_is_exported(world: World) -> None:
    """Each metric of the rules and the dashboard comes from the running daemon, and the
    labels are those that docs/monitoring.md lists."""
    text = requests.get(f"{world.admin}/metrics", timeout=10).text
    kinds = {f.name: f.type for f in text_string_to_metric_families(text)}
    exported = set(kinds)
    for name, kind in kinds.items():
        if kind == "counter":
            exported.add(f"{name}_total")
        if kind == "histogram":
            exported |= {f"{name}_{end}" for end in ("bucket", "sum", "count")}
    page = (ROOT / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \|([^|]*)\|", page, re.MULTILINE)
    labels = {
        name: set(re.findall(r"\w+", cell))
        for names, cell in rows
        for name in re.findall(r"\w+", names)
    }
    asked = [each for text in expressions() for each in metrics_in(text)]
    assert len({name for name, _ in asked}) > 25
    for name, selected in asked:
        if name in OF_PROMETHEUS:
            continue
        assert name in exported, name
        own = selected - {"job", "instance", "le"}
        assert own <= labels[re.sub("_(bucket|sum|count)$", "", name)], name
    said = promtool("check", "metrics", text=text)
    assert not said.strip(), said
