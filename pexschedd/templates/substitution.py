"""Templates that are nothing but text and names of variables, as most are.

Filling one in takes one step of formatting. jinja2 would make a context, and ask the
sandbox about each name: a tenth of a millisecond of every booking.
"""

from collections.abc import Mapping
from typing import cast

import msgspec
from jinja2 import nodes
from markupsafe import escape

MOST = 16_384
"""Characters of all values that are shown. So many, in a template of the largest size,
stay within each bound of `engine` and `budget` without being counted."""


class Substitution(msgspec.Struct, frozen=True):
    """A template whose names are replaced by the texts of variables."""

    form: str
    """The text with `%(name)s` where the value of a variable is shown."""
    names: tuple[str, ...]
    """The variables that are shown, as often as they are."""

    def fill(self, values: Mapping[str, object], *, html: bool) -> str | None:
        """Return what jinja2 would make of the template; `html` escapes the values.

        None if it takes jinja2 to tell: a value is missing or no text, or the texts are
        long.
        """
        if not all(type(value) is str for value in values.values()):
            return None
        texts = cast("Mapping[str, str]", values)
        try:
            if sum([len(texts[name]) for name in self.names]) > MOST:
                return None
        except KeyError:
            return None
        if html:
            texts = {name: escape(texts[name]) for name in self.names}
        return self.form % texts


def substitution_of(
    tree: nodes.Template, functions: Mapping[str, object]
) -> Substitution | None:
    """Return the template as a substitution; None if it is more than text and names.

    `functions` are the names that are no variables.
    """
    form: list[str] = []
    names: list[str] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            match node:
                case nodes.TemplateData(data=text):
                    form.append(text.replace("%", "%%"))
                case nodes.Name(name=name) if name not in functions:
                    form.append(f"%({name})s")
                    names.append(name)
                case _:
                    return None
    return Substitution("".join(form), tuple(names))
