"""The catalogue of services: the one that comes with the product, and entries of an
installation. Pure.

An installation's entries come first, and one of the same name takes the place of ours.
"""

from codecs import BOM_UTF8
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from pexschedd.errors import InvalidFields
from pexschedd.onetouch.services.entry import (
    CATALOGUE,
    ServiceCatalogue,
    ServiceEntry,
    problems_of,
)
from pexschedd.onetouch.services.finding import ServiceFinder

MOST_ENTRIES = 500
MOST_BYTES = 2_000_000
_TIMES = 3
"""Levels of words that have words in them."""


class Services:
    """The services that are known, and what finds their meetings."""

    def __init__(self, catalogue: ServiceCatalogue) -> None:
        self.version = catalogue.version
        self.finder = ServiceFinder(catalogue.entries)
        self._by_type: defaultdict[str, list[ServiceEntry]] = defaultdict(list)
        for entry in catalogue.entries:
            self._by_type[entry.meeting_type].append(entry)

    def of_type(self, meeting_type: str) -> tuple[ServiceEntry, ...]:
        """Return the services that a rule of this type looks for."""
        return tuple(self._by_type[meeting_type])


@cache
def own_catalogue() -> ServiceCatalogue:
    """Return the catalogue that comes with the product."""
    catalogue = own_unchecked()
    _check(catalogue)
    return catalogue


@cache
def own_services() -> Services:
    """Return the services of the catalogue that comes with the product."""
    return Services(own_catalogue())


def prepare_own_services() -> Iterator[None]:
    """Read our catalogue and compile its expressions, in steps that take a few
    milliseconds each; `own_services` is quick then. Iterate to the end."""
    if own_services.cache_info().currsize:
        return
    _own_table()
    yield
    for entry in own_unchecked().entries:
        yield
        for _ in problems_of(entry):  # it compiles what it looks at
            pass
    yield
    own_services()


@cache
def _own_table() -> Mapping[str, Any]:
    return _parsed((files(__package__) / "data" / "catalogue.toml").read_bytes())


@cache
def own_unchecked() -> ServiceCatalogue:
    """Return the catalogue that comes with the product, before it is checked."""
    return _catalogue_of(_own_table())


def read_catalogue(data: bytes) -> ServiceCatalogue:
    """Parse a catalogue in TOML; raises InvalidFields, which names every problem.

    Words that it does not have itself are those of our own.
    """
    if len(data) > MOST_BYTES:
        raise InvalidFields(
            {"__all__": [f"A catalogue has {MOST_BYTES} bytes at most."]}
        )
    catalogue = _catalogue_of(_parsed(data))
    _check(catalogue)
    return catalogue


def _catalogue_of(table: Mapping[str, Any]) -> ServiceCatalogue:
    """The catalogue of a table, with the words in their places."""
    raw = dict(table)
    words = raw.pop("words", {})
    if not isinstance(words, dict) or not all(
        isinstance(w, str) for w in words.values()
    ):
        raise InvalidFields({"words": ["This must be a table of texts."]})
    raw = _with_words(raw, {**own_words(), **words})
    try:
        return msgspec.convert(raw, ServiceCatalogue)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$.") or "__all__"
        raise InvalidFields({field: [f"{text}."]}) from None


def with_entries(
    catalogue: ServiceCatalogue, more: ServiceCatalogue
) -> ServiceCatalogue:
    """Return a catalogue with an installation's entries, which come first."""
    names = {entry.name for entry in more.entries}
    kept = [entry for entry in catalogue.entries if entry.name not in names]
    return ServiceCatalogue(
        f"{catalogue.version}, with {more.version}", (*more.entries, *kept)
    )


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        raw = msgspec.toml.decode(data.removeprefix(BOM_UTF8))
    except (ValueError, RecursionError) as error:  # of texts, numbers and syntax
        raise InvalidFields({"__all__": [f"This is not TOML: {error}."]}) from None
    return raw if isinstance(raw, dict) else {}


@cache
def own_words() -> Mapping[str, str]:
    """Return the words of our catalogue, which an installation's may use."""
    words: Mapping[str, str] = _own_table()["words"]
    return words


def _with_words(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for _ in range(_TIMES):
            if "%" not in value:
                break
            for name, word in words.items():
                value = value.replace(f"%{name}%", word)
        return value
    if isinstance(value, list):
        return [_with_words(each, words) for each in value]
    if isinstance(value, dict):
        return {
            key: each if key == "tests" else _with_words(each, words)
            for key, each in value.items()
        }
    return value


def _check(catalogue: ServiceCatalogue) -> None:
    problems: defaultdict[str, list[str]] = defaultdict(list)
    if len(catalogue.entries) > MOST_ENTRIES:
        problems["entries"].append(f"There are {MOST_ENTRIES} entries at most.")
    seen: set[str] = set()
    for number, entry in enumerate(catalogue.entries[:MOST_ENTRIES]):
        if entry.name in seen:
            problems[f"entries.{number}.name"].append(f'"{entry.name}" is there twice.')
        seen.add(entry.name)
        if not (entry.meeting_type == CATALOGUE or entry.meeting_type in MEETING_TYPES):
            problems[f"entries.{number}.meeting_type"].append(
                f"This must be {CATALOGUE} or one of {', '.join(MEETING_TYPES)}."
            )
        for field, problem in problems_of(entry):
            problems[f"entries.{number}.{field}"].append(problem)
    if problems:
        raise InvalidFields(problems)


MEETING_TYPES = (
    "pexipinfinity", "pexipservice", "teams", "teamssipguestjoin", "polyteamsbody",
    "ciscoteamsbody", "pexipserviceteamsbody", "pexipinfinityteamsbody", "hangouts",
    "googlemeetsipguestjoin", "s4b", "polys4bbody", "webex", "zoom", "gotomeeting",
)  # fmt: skip
"""The meeting types of rules that have services in the catalogue."""
