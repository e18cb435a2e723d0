"""The limit of file descriptors is raised as far as that goes."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from pexschedd.util.descriptors import raise_limit
print(raise_limit(wanted), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "limit"),
    [(256, 512, 400, 400), (256, 512, 9000, 512), (300, 512, 200, 300)],
)
def test_it_is_raised(soft: int, hard: int, wanted: int, limit: int) -> None:
    """Up to what is wanted or allowed, and never lowered."""
    arguments = [str(soft), str(hard), str(wanted)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(limit)] * 2
