"""A program whose standard output and error are closed, forked as the others are.

A program of `tests.forked`; its arguments are another one's.
"""

import os
import sys
from importlib import import_module

PROGRAM = "tests.tools.closed_streams:main"


def main() -> None:
    """Run `module:function` as Python does that was started with both closed."""
    sys.stdout = sys.stderr = None
    os.close(1)
    os.close(2)
    program, *sys.argv[1:] = sys.argv[1:]
    sys.argv[0], _, function = program.partition(":")
    getattr(import_module(sys.argv[0]), function)()
