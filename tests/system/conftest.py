"""A world for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.system_support import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A sandbox Exchange and a daemon without any integration."""
    with World(tmp_path) as world:
        yield world
