"""The garbage collector, told what it need not look at.

What a process consists of once it runs, its code above all, is some hundred thousand
objects. Each full collection looks at all of them, which takes 40 ms, and there is one
every few thousand requests: for nothing, as they stay.
"""

import gc


def keep_everything() -> None:
    """Whatever there is now is not looked at again, and is there until the end."""
    gc.collect()
    gc.freeze()
