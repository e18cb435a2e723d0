"""`twistd exchangesandbox`, which needs the extra `demo` and says so.

The sandbox itself cannot say it: importing any of its modules imports the package, and
with it what is missing.
"""

from pexschedd.demo.extra import missing_extra

try:
    from pexschedd.sandbox.tap import Options, makeService
except ModuleNotFoundError as error:
    raise missing_extra(error) from None

__all__ = ["Options", "makeService"]
