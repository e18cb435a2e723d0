"""How much the exhaustive and the random tests do: enough for each change, or all.

`make test-thorough` does all of it, with other random cases each time. `make test` has
to end within minutes: it tries a part of them, the same in each run.
"""

import os

THOROUGH = os.environ.get("PEXSCHEDD_THOROUGH") == "1"


def examples(thorough: int) -> int:
    """Return how many random cases to try, of the `thorough` ones."""
    return thorough if THOROUGH else max(20, thorough // 4)
