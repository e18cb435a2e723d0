"""An upgrade, and a state that is too new; the way back from there is run by
`tests/deploy/test_operations_doc.py`."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

from pexschedd import __version__
from pexschedd.store import checksummed_json
from pexschedd.tools.exit_status import ExitStatus
from tests import forked
from tests.store.store_reader import read_folder
from tests.system.system_support import ROOT, World
from tests.upgrades.golden_support import copied

PAGE = ROOT / "docs/operations.md"
NEWER = "9.0.0"
_LINES = re.MULTILINE | re.DOTALL
VERIFY = "pexschedd.tools.store_command:main"


def rewrite(path: Path, **values: object) -> None:
    """Changes values in one of the store's small files."""
    content = json.loads(path.read_bytes()) | values
    del content["crc"]
    path.write_bytes(checksummed_json.dump(content))


def test_a_newer_state_is_refused(tmp_path: Path) -> None:
    """A real daemon takes over what 0.1.0 has left, and says so; another release writes
    what this one does not know; it refuses that, names what to install, and changes
    nothing."""
    world = World(tmp_path)
    state = copied("0.1.0-last", world.state)
    world.start_daemon()
    world.daemon.stop()
    log = world.daemon.log.read_text()
    assert f"wrote=0.1.0 version={__version__} tables= copy={state}/backups" in log

    # What another release does at its first start, and then in a form of its own.
    copy = state / "backups" / f"before-{NEWER}"
    shutil.copytree(state, copy, ignore=shutil.ignore_patterns("backups", "LOCK"))
    rewrite(state / "format.json", format=2, version=NEWER)
    left = (state / "format.json").read_bytes()
    world.daemon.start()
    assert world.daemon.ended() == ExitStatus.UNAVAILABLE
    refusal = world.daemon.log.read_text().splitlines()[-1]
    assert f"last written by {NEWER}; this is {__version__}" in refusal
    assert f"Install {NEWER} or a later release." in refusal
    assert (state / "format.json").read_bytes() == left
    assert f"before-{__version__}-2" not in os.listdir(state / "backups")


def test_a_state_is_verified_beforehand(tmp_path: Path) -> None:
    """The new release's `verify` on a copy says that it can read it, and changes
    nothing."""
    (section,) = re.findall(r"^## Upgrade$.*?^## ", PAGE.read_text(), _LINES)
    (line,) = re.findall(r"^pexschedd-store [^\n]* verify$", section, _LINES)
    state = copied("0.1.0-first", tmp_path / "20261130T021500Z")
    content = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    program, *arguments = shlex.split(
        line.replace("/var/lib/pexschedd/backups", str(tmp_path))
    )
    assert program == "pexschedd-store"
    status, out, err = forked.run(VERIFY, arguments, cwd=tmp_path)
    assert (status, err) == (0, "")
    assert f"conference: {len(read_folder(state)['conference'])}" in out
    assert "is sound" in out
    for path, data in content.items():
        assert path.read_bytes() == data
