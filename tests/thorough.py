"""How much the exhaustive and the random tests do: a glance, enough for each change, or
all.

`make test-thorough` does all of it, with other random cases each time. `make test` has
to end within minutes: it tries a part of them, the same in each run. `make test-fast`
tries a few, of those files alone that `fast.py` chooses.
"""

import os

THOROUGH = os.environ.get("PEXSCHEDD_THOROUGH") == "1"
FAST = os.environ.get("PEXSCHEDD_FAST") == "1"
FEW = 5


def examples(thorough: int) -> int:
    """Return how many random cases to try, of the `thorough` ones."""
    if FAST:
        return FEW
    return thorough if THOROUGH else max(20, thorough // 4)
