"""The words of the sign-in's windows, in the language of the person who reads them.

They are among the pane's: the built-in translations are in
`web/static/pane-words-*.js`, and an administrator can change each of them
(`model.integration.pane_texts`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import msgspec
from markupsafe import Markup, escape

from pexschedd.model.fields.declaration import fields_of
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.pane_texts import ENGLISH, translations
from pexschedd.web.addin.sanitiser import sanitise
from pexschedd.web.addin.static import load_static

MOST_LANGUAGES = 20
"""Languages of one `Accept-Language` header that are looked at."""

_SCRIPT = re.compile(r'words\.add\("(\w+)", (\{.*\})\);', re.DOTALL)
_TAG = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,4}", re.IGNORECASE)
_FILLED = re.compile(r"\{(\w+)\}")
_ALIASES = {"no": "nb", "nn": "nb"}
_RIGHT_TO_LEFT = re.compile(r"(ar|ckb|dv|fa|he|iw|ks|ps|sd|syr|ug|ur|yi)\b")


@cache
def built_in() -> Mapping[str, Mapping[str, str]]:
    """Return the built-in translations by language and name; read once."""
    found = {}
    for name, file in load_static().items():
        script = _SCRIPT.search(file.content.decode())
        if name.startswith("pane-words-") and script is not None:
            found[script[1]] = msgspec.json.decode(script[2], type=dict[str, str])
    return found


def language_tag(text: str) -> str:
    """Return a language such as de-DE as it is; empty for what is none."""
    return text if _TAG.fullmatch(text) else ""


def accepted_languages(header: str) -> list[str]:
    """Return the languages of an `Accept-Language` header, the best one first."""
    weighed = []
    for part in header.split(",")[:MOST_LANGUAGES]:
        tag, _, weight = part.partition(";")
        quality = _quality(weight)
        if language_tag(tag.strip()) and quality > 0:
            weighed.append((quality, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda each: -each[0])]


def _quality(weight: str) -> float:
    name, _, number = weight.replace(" ", "").partition("=")
    try:
        return float(number) if name == "q" else 1.0
    except ValueError:
        return 0.0


class PageWords:
    """The words of one page.

    `wanted` are the languages of its reader, the best one first; `connector` is the
    integration with the administrator's texts, if it is known.
    """

    def __init__(self, wanted: Iterable[str], connector: Connector | None) -> None:
        self._connector = connector
        self._changed: dict[str, dict[str, str]] = {}
        if connector is not None:
            for each in translations(connector.addin_pane_translations):
                self._changed.setdefault(each.language, {})[each.name] = each.text
        self.language = self._best(wanted)

    @property
    def direction(self) -> str:
        """The direction of the language: ltr or rtl."""
        return _direction(self.language)

    def has(self, name: str) -> bool:
        """Return whether there is a word of this name."""
        return name in ENGLISH

    def plain(self, name: str, **values: str) -> str:
        """Return a word as text, for where no element can be."""
        text, _ = self._found(name)
        return _FILLED.sub(lambda match: values.get(match[1], match[0]), text)

    def say(self, name: str, **values: str) -> Markup:
        """Return a word as HTML with the values in bold, and with its language, if that
        is not the page's."""
        text, language = self._found(name)
        parts = _FILLED.split(text)
        for index in range(1, len(parts), 2):
            value = escape(values.get(parts[index], f"{{{parts[index]}}}"))
            parts[index] = Markup("<strong>{}</strong>").format(value)
        said = Markup("").join(parts)
        if language == self.language:
            return said
        return Markup('<span lang="{}" dir="{}">{}</span>').format(
            language, _direction(language), said
        )

    def theirs(self, field: str) -> Markup:
        """Return one of the administrator's texts as HTML, translated if it can be; it
        has the direction of its first letter. Empty without an integration."""
        text = self._changed.get(self.language, {}).get(field)
        if text is None:
            text = str(getattr(self._connector, field)) if self._connector else ""
        return Markup(sanitise(text))  # noqa: S704 - sanitised

    def language_of(self, field: str) -> str:
        """Return the language of what `theirs` gives; empty if it is not known."""
        if field in self._changed.get(self.language, {}):
            return self.language
        default = fields_of(Connector)[field].default
        return "en" if getattr(self._connector, field, None) == default else ""

    def _best(self, wanted: Iterable[str]) -> str:
        for tag in wanted:
            for table in (built_in(), {"en": {}}, self._changed):
                for name in _candidates(tag):
                    if name in table:
                        return name
        return "en"

    def _found(self, name: str) -> tuple[str, str]:
        """A word and its language."""
        for language in (self.language, "en"):
            for table in (self._changed, built_in()):
                text = table.get(language, {}).get(name)
                if text is not None:
                    return text, language
        return ENGLISH[name], "en"


def _candidates(tag: str) -> Iterator[str]:
    lower = tag.lower()
    base = lower.partition("-")[0]
    yield from (lower, base, _ALIASES.get(base, base))


def _direction(language: str) -> str:
    return "rtl" if _RIGHT_TO_LEFT.match(language) else "ltr"
