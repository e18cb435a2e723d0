"""The catalogue of services: the one that comes with the product, and entries of an
installation. Pure.

An installation's entries come first, and one of the same name takes the place of ours.
"""

from collections import defaultdict
from collections.abc import Mapping
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
    return read_catalogue(_own_data())


@cache
def own_services() -> Services:
    """Return the services of the catalogue that comes with the product."""
    return Services(own_catalogue())


def _own_data() -> bytes:
    return (files(__package__) / "data" / "catalogue.toml").read_bytes()


def read_catalogue(data: bytes) -> ServiceCatalogue:
    """Parse a catalogue in TOML; raises InvalidFields, which names every problem.

    Words that it does not have itself are those of our own.
    """
    if len(data) > MOST_BYTES:
        raise InvalidFields(
            {"__all__": [f"A catalogue has {MOST_BYTES} bytes at most."]}
        )
    raw = _parsed(data)
    words = raw.pop("words", {})
    if not isinstance(words, dict) or not all(
        isinstance(w, str) for w in words.values()
    ):
        raise InvalidFields({"words": ["This must be a table of texts."]})
    raw = _with_words(raw, {**own_words(), **words})
    try:
        catalogue = msgspec.convert(raw, ServiceCatalogue)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$.") or "__all__"
        raise InvalidFields({field: [f"{text}."]}) from None
    _check(catalogue)
    return catalogue


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
        raw = msgspec.toml.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidFields({"__all__": [f"This is not TOML: {error}."]}) from None
    return raw if isinstance(raw, dict) else {}


@cache
def own_words() -> Mapping[str, str]:
    """Return the words of our catalogue, which an installation's may use."""
    words: Mapping[str, str] = _parsed(_own_data())["words"]
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
