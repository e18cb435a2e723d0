"""The size of a batch: how many items are asked for at a time. Pure."""

_CALM = 10
"""Portions in a row that went well before more is tried."""


class BatchSize:
    """A size that halves when it was too much, and grows again slowly."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._successes = 0
        self.size = most

    def too_much(self) -> bool:
        """Halve the size after a failure; return whether a smaller one is left to
        try."""
        self._successes = 0
        smaller = max(1, self.size // 2)
        tried, self.size = self.size, smaller
        return smaller < tried

    def succeeded(self) -> None:
        """Count a success; after several in a row the size grows by a quarter."""
        self._successes += 1
        if self.size < self._most and self._successes >= _CALM:
            self._successes = 0
            self.size = min(self._most, self.size + max(1, self.size // 4))
