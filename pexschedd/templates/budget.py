"""The budget of one rendering: the work that it may do.

A step is about one node of the template evaluated, or 64 characters handled: some
hundred nanoseconds to a few microseconds. Rendering happens on the reactor's thread,
so the budget is what keeps a template from holding up everything else.
"""

from pexschedd.errors import TemplateError
from pexschedd.templates.values import size_of

MAX_STEPS = 10_000
_CHARACTERS_PER_STEP = 64
_SLOW_CHARACTERS_PER_STEP = 8
_ELEMENTS_PER_STEP = 4


class Budget:
    """The steps that are left of one rendering."""

    __slots__ = ("_left", "is_incomplete")

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self._left = steps
        self.is_incomplete = False
        """True once something that does not exist was shown, as nothing."""

    def charge(self, steps: int) -> None:
        """Take steps; raises TemplateError when there are not that many left."""
        self._left -= steps
        if self._left < 0:
            raise TemplateError("the template does too much work and was stopped")

    def charge_for(self, *values: object) -> None:
        """Take what looking at each character of `values` once costs."""
        for value in values:
            self.charge(1 + size_of(value) // _CHARACTERS_PER_STEP)
            if isinstance(value, list | tuple | dict):
                self.charge(len(value) // _ELEMENTS_PER_STEP)

    def charge_slowly_for(self, *values: object) -> None:
        """Take what a function costs that looks at each character by itself."""
        for value in values:
            self.charge(size_of(value) // _SLOW_CHARACTERS_PER_STEP)
