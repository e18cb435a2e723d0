"""The sandbox stands alone."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SANDBOX = REPOSITORY / "pexschedd" / "sandbox"


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, module
            yield node.module or ""


def test_it_shares_nothing_with_the_product() -> None:
    """No module imports anything of pexschedd outside of the sandbox."""
    modules = list(SANDBOX.rglob("*.py"))
    assert len(modules) > 20
    for module in modules:
        for name in imported(module):
            if name.split(".")[0] == "pexschedd":
                assert name.startswith("pexschedd.sandbox"), (module, name)


def test_importing_it_chooses_no_reactor() -> None:
    """Only the tap does; whoever embeds the sandbox brings a reactor of their own."""
    program = (
        "import pexschedd.sandbox, sys; "
        "sys.exit('twisted.internet.reactor' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False)
    assert done.returncode == 0
