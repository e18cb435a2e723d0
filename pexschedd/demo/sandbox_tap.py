"""`twistd exchangesandbox`, which needs requirements/demo.txt and says so.

The sandbox itself cannot say it: importing any of its modules imports the package, and
with it what is missing.
"""

from pexschedd.demo.missing_package import missing_package

try:
    from pexschedd.sandbox.tap import Options, makeService
except ModuleNotFoundError as error:
    raise missing_package(error) from None

__all__ = ["Options", "makeService"]
