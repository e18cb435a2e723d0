"""Knowledge from the pane's own requests about how the add-in is installed.

The manifest's addresses carry its revision, and a browser that shows the pane in a
frame names the page around it. Anybody may send such requests: what they say is
bounded, kept in memory only, and believed in nothing but advice to administrators.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from twisted.logger import Logger
from twisted.web.server import Request

from pexschedd.clock import Now
from pexschedd.model.integration.connector import Connector
from pexschedd.model.integration.manifest_history import ManifestsInUse, changed_since
from pexschedd.web.addin.headers import frame_ancestors, is_covered, origins
from pexschedd.web.routes import correlation_id_of

_log = Logger()

T = TypeVar("T")

LATELY = timedelta(days=7)
"""The time for which a request counts."""

MOST_REVISIONS = 20
MOST_ORIGINS = 5
"""Remembered of each integration."""


class PaneVisits:
    """Notes the requests of panes; `domains` are an integration's metadata domains."""

    def __init__(
        self, now: Now, domains: Callable[[int], Iterable[str]] = lambda id: ()
    ) -> None:
        self._now = now
        self._domains = domains
        self._revisions: dict[int, dict[int, datetime]] = {}
        self._outdated: dict[int, dict[int, datetime]] = {}
        self._origins: dict[int, dict[str, datetime]] = {}

    def note(self, connector: Connector, request: Request) -> None:
        """Note a request of one of the add-in's pages."""
        self._note_revision(connector, request)
        self._note_frame(connector, request)

    def manifests(self, connector: Connector) -> ManifestsInUse | None:
        """Return which manifests are in use; None if no request has told lately."""
        seen = _lately(self._revisions.get(connector.id), self._now())
        if not seen:
            return None
        newest = max(seen)
        return ManifestsInUse(newest, min(seen), seen[newest])

    def refused_frames(self, connector: Connector) -> tuple[str, ...]:
        """Return the origins of pages that tried to show the pane lately, although the
        integration's policy does not allow them to."""
        allowed = frame_ancestors(connector, self._domains(connector.id))
        seen = _lately(self._origins.get(connector.id), self._now())
        return tuple(each for each in seen if not is_covered(each, allowed))

    def _note_revision(self, connector: Connector, request: Request) -> None:
        revision = _number((request.args or {}).get(b"m", []))
        if not 1 <= revision <= connector.manifest_revision:
            return
        seen = self._revisions.setdefault(connector.id, {})
        _remember(seen, revision, self._now(), MOST_REVISIONS)
        current = connector.manifest_revision
        changed = changed_since(connector.manifest_history, revision, current)
        if changed.nothing:
            return
        outdated = self._outdated.setdefault(connector.id, {})
        is_new = revision not in _lately(outdated, self._now())
        _remember(outdated, revision, self._now(), MOST_REVISIONS)
        if is_new:
            _log.warn(
                "add-in uses an old manifest integration={integration} "
                "revision={revision} current={current} changed={changed}",
                integration=connector.id,
                revision=revision,
                current=current,
                changed=",".join(changed.fields),
                correlation_id=correlation_id_of(request),
            )

    def _note_frame(self, connector: Connector, request: Request) -> None:
        get = request.requestHeaders.getRawHeaders
        if get(b"sec-fetch-dest") != [b"iframe"]:
            return
        found = origins(each.decode("latin-1") for each in get(b"referer") or [])
        allowed = frame_ancestors(connector, self._domains(connector.id))
        own = f"https://{connector.addin_server_domain}".lower()
        for origin in found[:1]:
            if origin == own or is_covered(origin, allowed):
                continue
            seen = self._origins.setdefault(connector.id, {})
            is_new = origin not in _lately(seen, self._now())
            _remember(seen, origin, self._now(), MOST_ORIGINS)
            if is_new:
                _log.warn(
                    "pane refuses to be framed integration={integration} by={origin}",
                    integration=connector.id,
                    origin=origin,
                    correlation_id=correlation_id_of(request),
                )


def _lately(seen: dict[T, datetime] | None, now: datetime) -> dict[T, datetime]:
    return {key: at for key, at in (seen or {}).items() if now - at < LATELY}


def _remember(seen: dict[T, datetime], key: T, now: datetime, most: int) -> None:
    """Note the key as the latest, and forget the ones that were seen longest ago."""
    seen.pop(key, None)
    seen[key] = now
    while len(seen) > most:
        del seen[next(iter(seen))]


def _number(values: list[bytes]) -> int:
    """The number in a query's values; 0 if there is not exactly one."""
    if len(values) != 1 or len(values[0]) > 9 or not values[0].isdigit():
        return 0
    return int(values[0])
