"""Runs the suite as the unit confines the daemon:

    python -m tests.confined ROOT [PYTEST'S ARGUMENT...]

ROOT is a root of Debian with systemd, an environment for the tests in /opt/venv, the
checkout in /checkout, which belongs to the user `tester`, and schemas in /schemas.
systemd is started in it, and pytest by a unit that has all that confines
`deploy/systemd/pexschedd.service`: the filter of system calls, no namespaces, no
capabilities, a system that cannot be written. The tests may write the checkout and
temporary folders.
"""

import sys
from pathlib import Path
from time import sleep

from tests.deploy.debian_root import DebianRoot

UNIT = Path(__file__).parents[1] / "deploy" / "systemd" / "pexschedd.service"
LOG = "confined.log"
"""Where pytest's output goes, in the checkout."""
SERVICE = """\
[Service]
Type=oneshot
User=tester
WorkingDirectory=/checkout
ReadWritePaths=/checkout
Environment=HOME=/tmp LANG=C.UTF-8 PEXSCHEDD_SCHEMAS=/schemas
Environment=PATH=/opt/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin
TimeoutStartSec=infinity
LimitNOFILE=65536
LimitCORE=0
StandardOutput=append:/checkout/{log}
StandardError=inherit
ExecStart=/opt/venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder \
--max-worker-restart 0 {arguments}
{confinement}
"""


def confinement() -> str:
    """Return the settings of the daemon's unit from the first that confines it on."""
    text = UNIT.read_text()
    return text[text.index("NoNewPrivileges=") : text.index("[Install]")]


def main(place: Path, arguments: list[str]) -> int:
    """Run the tests, and return pytest's exit status."""
    service = SERVICE.format(
        log=LOG, arguments=" ".join(arguments), confinement=confinement()
    )
    (place / "etc/systemd/system/suite.service").write_text(service)
    (place / "checkout" / LOG).touch()
    root = DebianRoot(place)
    root.start()
    try:
        root.run("systemctl", "start", "--no-block", "suite.service")
        _wait_and_show(root, place / "checkout" / LOG)
        return int(_shown(root, "ExecMainStatus"))
    finally:
        root.close()


def _wait_and_show(root: DebianRoot, log: Path) -> None:
    """Write out what pytest says, until it has ended."""
    with log.open() as output:
        is_over = False
        while not is_over:
            is_over = _shown(root, "ActiveState") != "activating"
            sys.stdout.write(output.read())
            sys.stdout.flush()
            sleep(1)


def _shown(root: DebianRoot, name: str) -> str:
    return root.run("systemctl", "show", "-P", name, "suite.service").strip()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
