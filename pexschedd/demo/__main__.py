"""`python -m pexschedd.demo`: the demo desk in the foreground."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from pexschedd.demo.missing_package import missing_package
from pexschedd.demo.ports import PortTaken
from pexschedd.demo.state import StateError
from pexschedd.errors import PexscheddError

try:
    from pexschedd.demo.tap import run
except ModuleNotFoundError as error:
    raise missing_package(error) from None


def arguments() -> Namespace:
    """Return the arguments of the command line."""
    parser = ArgumentParser(
        prog="python -m pexschedd.demo",
        description="The daemon, a sandbox Exchange and an Outlook-like page, "
        "on the loopback address.",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8080,
        help="the first of four ports one after the other (default: %(default)s)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path("var/demo"),
        help="the folder that is kept between runs (default: %(default)s)",
    )
    return parser.parse_args()


def main() -> int:
    """Run the demo; return the exit status."""
    chosen = arguments()
    try:
        return run(chosen.state, chosen.port)
    except PortTaken as error:
        reason = (
            f"Port {error.port} is in use. Four ports one after the other are "
            "needed; choose others:\n  PORT=9000 make run"
        )
    except (StateError, PexscheddError, ValueError) as error:
        reason = str(error)
    print(f"The demo cannot start.\n{reason}", file=sys.stderr)  # noqa: T201 - for a terminal
    return 1


if __name__ == "__main__":
    sys.exit(main())
