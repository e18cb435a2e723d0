"""Fixtures of the tests of `net`."""

from tests.ews.conftest import serve

__all__ = ["serve"]
