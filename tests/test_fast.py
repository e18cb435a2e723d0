"""What `make test-fast` runs, and what it leaves out."""

from pathlib import Path

import pytest

from tests.fast import FastTests

ROOT = Path(__file__).resolve().parents[1]


def is_fast(folder: Path, text: str) -> bool:
    """Whether a file with this text is fast; a few helpers are there to import."""
    tests = folder / "tests"
    tests.mkdir()
    (tests / "pure.py").write_text("import json\nfrom tests import other\n")
    (tests / "other.py").write_text("import tests.pure\n")
    (tests / "programs.py").write_text("from subprocess import Popen\n")
    (tests / "worlds.py").write_text("from tests.programs import start\n")
    path = tests / "test_it.py"
    path.write_text(text)
    return FastTests(folder).has(path)


@pytest.mark.parametrize(
    "text",
    [
        "import socket\n",
        "import pytest_twisted\n",
        "from playwright.sync_api import Page\n",
        "from twisted.internet import defer, reactor\n",
        "def test_it():\n    import subprocess\n",
        "from tests import worlds\n",
        "from tests.worlds import World\n",
        "from tests.pure import Case\nimport tests.programs\n",
        "import pytest\npytestmark = pytest.mark.timeout(900)\n",
    ],
)
def test_what_leads_elsewhere_is_left_out(tmp_path: Path, text: str) -> None:
    """Through helpers, too, and where a function imports it."""
    assert not is_fast(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "import json\nfrom hypothesis import given\n",
        "from twisted.internet import defer, task\n",
        "import socketserver\n",
        "from tests.pure import Case\n",
    ],
)
def test_what_stays_in_the_process_is_fast(tmp_path: Path, text: str) -> None:
    """Helpers may import each other."""
    assert is_fast(tmp_path, text)


def test_all_tests_of_decisions_are_fast() -> None:
    """One of a decision that needs the reactor is one of another folder."""
    files = [*(ROOT / "tests/scheduling/decisions").glob("test_*.py")]
    fast = FastTests(ROOT)
    assert files
    assert [path.name for path in files if not fast.has(path)] == []
